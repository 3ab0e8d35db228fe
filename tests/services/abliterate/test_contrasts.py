"""Contrasts: parts that do not leak, the model's own behaviour, and what is refused."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.chat import ChatFormat
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Turn
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.sources import find_model
from detox_cli.runs.journal import Journal
from detox_cli.services.abliterate.contrast.contrasts import Shares
from detox_cli.services.abliterate.contrast.files import HARMFUL, HARMLESS, Wording
from detox_cli.services.abliterate.contrast.make import Sources, asking, make_contrast
from detox_cli.services.abliterate.measure import measure, measure_blockwise, shared_ending
from tests.recorder import Recorder

TEMPLATE = ChatFormat(has_template=True, has_system=True)
WORDING = Wording(TEMPLATE)
SORRY, SURE = "I'm sorry, but I can't help with that.", "Sure. Here it is."


def never(_prompts):
    raise AssertionError("the model should not have been asked")


def made(sources: Sources, ask=never, wording: Wording = WORDING, recorder: Recorder | None = None):
    return make_contrast(sources, wording, ask, Rejects(), recorder or Recorder())


def write(path: Path, texts, **more) -> str:
    rows = [{"id": i, "instruction": text, **more} for i, text in enumerate(texts)]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    bad = write(tmp_path / "bad.json", [f"Do harm number {i}." for i in range(100)])
    good = write(tmp_path / "good.json", [f"Do good number {i}." for i in range(120)])
    return {"positive": bad, "negative": good}


def test_the_bundled_instructions_are_matched_in_length() -> None:
    sides = [read_rows(file, Rejects(strict=True)) for file in (HARMFUL, HARMLESS)]
    words = [sum(len(str(row.values["text"]).split()) for row in side) / len(side) for side in sides]
    assert abs(words[0] - words[1]) < 1


def test_parts_are_disjoint_seeded_and_the_same_again(files) -> None:
    one, again, other = (made(Sources("files", **files, seed=seed, keep_all=True)) for seed in (0, 0, 1))
    assert one == again and one.hashes() == again.hashes() != other.hashes()
    assert one.counts() == {
        "positive": {"train": 50, "val": 20, "test": 30},
        "negative": {"train": 60, "val": 24, "test": 36},
    }
    for side in (one.positive, one.negative):
        assert len({prompt.id for prompt in side.all()}) == len(side.all())
    assert {p.id for p in one.positive.test} != {p.id for p in other.positive.test}
    assert one.positive.train[0].prompt == (Turn("user", one.positive.train[0].text),)


def test_a_text_counts_once_and_on_one_side_only(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.json", ["Open it.", "open IT!", "Both ways.", "Third."])
    good = write(tmp_path / "good.json", ["Close it.", "Both ways"])
    found = made(Sources("files", bad, good, keep_all=True, shares=Shares(0.0, 0.0)))
    assert [p.text for p in found.positive.all()] == ["Open it.", "Third."]
    assert [p.text for p in found.negative.all()] == ["Close it."]
    assert found.dropped == {"given twice": 1, "on both sides": 2}


def test_prompts_that_the_model_treats_otherwise_are_left_out_and_counted(files) -> None:
    asked = []

    def ask(prompts):
        asked.extend(prompt.id for prompt in prompts)
        return {p.id: SORRY if ("harm" in p.text) != p.id.endswith("7") else SURE for p in prompts}

    whole = made(Sources("files", **files, keep_all=True))
    found = made(Sources("files", **files), ask)
    assert all("harm" in p.text and p.id[-1] != "7" for p in (*found.positive.train, *found.positive.val))
    assert found.positive.test == whole.positive.test and found.negative.test == whole.negative.test
    assert not {p.id for p in (*whole.positive.test, *whole.negative.test)} & set(asked)
    lost = [sum(p.id[-1] == "7" for p in (*s.train, *s.val)) for s in (whole.positive, whole.negative)]
    assert found.dropped == dict(zip(("positive but answered", "negative but refused"), lost, strict=True))
    assert found.answers[found.positive.train[0].id] == SORRY


def test_what_is_not_needed_to_choose_with_is_measured_on(files) -> None:
    few, many = (Shares(most_val=most) for most in (6, 12))
    found = made(Sources("files", **files, shares=few), lambda prompts: {p.id: SORRY for p in prompts})
    twice = made(Sources("files", **files, shares=many, keep_all=True))
    assert found.positive.val == twice.positive.val[:6] and found.positive.test == twice.positive.test
    assert found.positive.train == (*twice.positive.train, *twice.positive.val[6:])
    assert found.dropped == {"negative but refused": 84}


def test_too_few_prompts_are_refused_unless_forced(files) -> None:
    found = made(Sources("files", **files), lambda prompts: {p.id: SURE for p in prompts})
    with pytest.raises(
        BadData, match=r"the files contrast: 0 positive .* \(70 dropped, positive but answered"
    ):
        found.check(force=True)
    few = made(Sources("files", **files, limit=50, keep_all=True))
    with pytest.raises(BadData, match="25 positive prompts are left to measure on") as caught:
        few.check()
    assert "--force" in str(caught.value.hint)
    few.check(force=True)


def test_the_task_takes_its_sides_from_the_answers(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    rows = [
        {"toxic": f"what a silly remark {i} , you fool .", "lang": "en" if i % 2 else "de"} for i in range(60)
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def ask(prompts):
        return {p.id: SORRY if int(p.id.partition(":")[2]) % 3 else "what a remark ." for p in prompts}

    found = made(Sources("task", pairs=str(pairs)), ask)
    assert len(found.positive.all()) >= 38 and len(found.negative.all()) >= 18
    assert found.positive.train[0].prompt[0].role == "system"
    for part in (found.positive.train, found.positive.test):
        languages = [prompt.language for prompt in part]
        assert languages.count("de") == languages.count("en")


def test_both_texts_of_a_pair_are_in_the_same_part() -> None:
    found = made(Sources("toxicity"), wording=Wording(TEMPLATE, "raw"))
    for part in ("train", "val", "test"):
        keys = [{prompt.key for prompt in getattr(side, part)} for side in (found.positive, found.negative)]
        assert len(keys[0] & keys[1]) > 0.9 * len(keys[0] | keys[1])
    places = {p.key: part for part in ("train", "val", "test") for p in getattr(found.positive, part)}
    others = {p.key: part for part in ("train", "val", "test") for p in getattr(found.negative, part)}
    assert all(places[key] == others[key] for key in places.keys() & others.keys())
    assert isinstance(found.positive.train[0].prompt, str)


def test_what_the_template_lacks_is_said_once(files) -> None:
    recorder = Recorder()
    plain = Wording(ChatFormat(has_template=False, has_system=True), system="Be kind.")
    found = made(Sources("files", **files, keep_all=True), wording=plain, recorder=recorder)
    assert recorder.warnings == ["the tokenizer has no chat template, so prompts are read as plain text"]
    assert found.positive.train[0].prompt == f"Be kind.\n\n{found.positive.train[0].text}"
    folding = Wording(ChatFormat(has_template=True, has_system=False), system="Be kind.")
    made(Sources("files", **files, keep_all=True), wording=folding, recorder=recorder)
    assert len(recorder.warnings) == 2 and "no system role" in recorder.warnings[1]
    with pytest.raises(BadSettings, match="no place for a system prompt"):
        made(Sources("files", **files), wording=Wording(TEMPLATE, "raw", "Be kind."))


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (Sources("files", positive=HARMFUL), "a contrast of two files needs both"),
        (Sources("task", positive=HARMFUL), "the task contrast has no positive and negative files"),
        (Sources("refusal", pairs=HARMFUL), "the refusal contrast reads no pairs"),
    ],
)
def test_files_that_do_not_belong_to_the_kind_are_refused(sources: Sources, said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        made(sources)


def test_the_bundled_model_is_measured_on_what_it_refuses(tmp_path: Path) -> None:
    source = find_model("builtin:chat")
    engine = load_engine(source)
    with Journal(tmp_path / "journal", "1") as journal:
        ask = asking(engine, journal, Recorder())
        contrast = made(Sources("refusal"), ask, Wording(engine.reader.chat))
        asked = len(list(journal.records()))
        again = made(Sources("refusal"), ask, Wording(engine.reader.chat))
        assert contrast == again and len(list(journal.records())) == asked
    contrast.check()
    assert contrast.dropped["negative but refused"] < 0.15 * len(contrast.negative.all())
    shapes = {name: tuple(value.shape) for name, value in engine.model.state_dict().items()}
    anatomy = read_anatomy(engine.model.config.to_dict(), shapes)
    found = measure(engine.model, anatomy, engine.reader, contrast, source.fingerprint, Recorder())
    assert found.tokens[-2:] == ("<|end|>", "<|assistant|>")
    assert found.positive.count.tolist() == [len(contrast.positive.train)] * len(found.tokens)
    blocks = measure_blockwise(source, engine.reader, contrast, Recorder(), batch_tokens=1024)
    assert np.array_equal(blocks.difference(), found.difference()) and blocks.prompts == found.prompts
    gap = found.difference()
    along = gap[-1, 1] / (gap[-1, 1] ** 2).sum() ** 0.5
    spread = [
        float(along @ (side.variance[-1, 1] * along)) ** 0.5 for side in (found.positive, found.negative)
    ]
    assert (gap[-1, 1] ** 2).sum() ** 0.5 > 2 * max(spread)


def test_languages_are_the_same_on_both_sides(tmp_path: Path) -> None:
    """A model that declines mostly in one language would else give a direction between languages."""
    counts = {"positive": {"en": 90, "ru": 30, "uk": 20}, "negative": {"en": 40, "ru": 100}}
    for side, languages in counts.items():
        rows = [
            {"text": f"{side} {lang} {i}", "lang": lang} for lang, n in languages.items() for i in range(n)
        ]
        (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = {side: str(tmp_path / f"{side}.jsonl") for side in counts}
    found = made(Sources("files", **files, keep_all=True))
    for part in ("train", "val"):
        sides = (getattr(side, part) for side in (found.positive, found.negative))
        one, other = (Counter(prompt.language for prompt in prompts) for prompts in sides)
        assert set(one) == set(other) == {"en", "ru"}
        assert one["en"] / one.total() == pytest.approx(other["en"] / other.total(), abs=0.03)
    assert {prompt.language for prompt in found.positive.test} == {"en", "ru", "uk"}
    kept = sum(len(side.all()) for side in (found.positive, found.negative))
    assert found.dropped == {"more of its language than on the other side": 280 - kept}


def test_the_ending_is_what_all_prompts_share() -> None:
    assert shared_ending([(1, 2, 8, 9), (3, 2, 8, 9), (5, 7, 8, 9, 8, 9)]) == 2
    assert shared_ending([(1, 2)]) == 2 and shared_ending([(1,), (2,)]) == 0
