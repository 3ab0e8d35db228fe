"""Which texts ``train lm`` takes, what it leaves out and why, and how it cuts them into parts."""

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detox_cli.data.splits import source_key
from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Silent
from detox_cli.services.train_lm.batches import Encoding, pack
from detox_cli.services.train_lm.data import Texts, in_order, read_texts
from detox_cli.services.train_lm.parts import cut, overlap
from detox_cli.services.train_lm.presets import PRESETS
from detox_cli.services.train_lm.run import run
from detox_cli.settings.train_lm import LmSettings, PresetName

ROWS: list[dict[str, object]] = [
    {"text": "you are a silly goose", "toxicity": 0.9},
    {"text": "You are a SILLY goose!", "toxicity": 0.95},
    {"text": "what a useless idea", "toxicity": 0.8},
    {"text": "what a lovely idea", "toxicity": 0.1},
    {"text": "nobody has looked at this", "toxicity": None},
    {"text": "   ", "toxicity": 0.9},
    {"text": "a number is no word", "toxicity": "high"},
    {"text": "hopeless people say this", "toxicity": 0.85},
]


def read(folder: Path, data: Path | None, **changes: object) -> Texts:
    given = {"model": "m", "output": folder / "out", "eval_share": 0.0, "data": (str(data),) if data else ()}
    return read_texts(LmSettings(**{**given, **changes}), Silent(), listing=True)


def written(folder: Path, rows: list[dict[str, object]], name: str = "texts.jsonl") -> Path:
    path = folder / name
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        write_rows(path, rows)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_rule_takes_what_it_says_from_any_file_and_every_row_is_accounted_for(suffix, tmp_path):
    rows = [row | {"toxicity": row["toxicity"] if row["toxicity"] != "high" else None} for row in ROWS]
    data = written(tmp_path, ROWS if suffix != ".parquet" else rows, f"texts{suffix}")
    texts = read(tmp_path, data, where="toxicity >= 0.8")
    assert sorted(texts.training) == [
        "hopeless people say this",
        "what a useless idea",
        "you are a silly goose",
    ]
    bad = suffix != ".parquet"
    assert texts.counts == {
        "trained on": 3,
        "held out": 0,
        "equal to an earlier text": 1,
        "the rule does not hold": 1,
        "the rule meets null": 2 - bad,
        "unusable": 1 + bad,
    }
    assert sum(texts.counts.values()) == len(ROWS) == texts.files[0].read
    reasons = {
        json.loads(line)["reason"] for line in (tmp_path / "out.rejects.jsonl").read_text().splitlines()
    }
    assert "column 'text' is empty" in reasons and ("column 'toxicity' is not a number" in reasons) == bad


def test_a_preset_takes_the_published_rows_of_a_copy(tmp_path):
    assert set(PRESETS) == set(get_args(PresetName))
    civil = written(tmp_path, ROWS[:5], "civil.jsonl")
    assert read(tmp_path, civil, preset="civil-toxic").training == ["you are a silly goose"], (
        "strictly above .8"
    )
    assert read(tmp_path, civil, preset="civil-clean", sample=1.0).training == ["what a lovely idea"]
    toxigen = [{"generation": "a plain lie", "roberta_prediction": p} for p in (0.8, 0.9)]
    made = written(tmp_path, [{**toxigen[0], "generation": "another"}, toxigen[1]], "toxigen.csv")
    assert read(tmp_path, made, preset="toxigen-toxic").training == ["a plain lie"]
    jigsaw = [{"id": i, "comment_text": t, "toxic": n} for i, t, n in (("a", "rude", 1), ("b", "calm", 0))]
    six = dict.fromkeys(("severe_toxic", "obscene", "threat", "insult", "identity_hate"), 0)
    kaggle = written(tmp_path, [row | six for row in jigsaw], "train.csv")
    assert read(tmp_path, kaggle, preset="jigsaw-toxic").training == ["rude"]
    assert read(tmp_path, kaggle, preset="jigsaw-clean").training == ["calm"]
    with pytest.raises(BadSettings, match="nothing to train on"):
        read(tmp_path, None, preset="jigsaw-toxic")


@pytest.mark.parametrize(
    ("changes", "kind", "message", "hint"),
    [
        ({"where": "toxcity > 0.5"}, BadData, "no column 'toxcity'", "did you mean 'toxicity'"),
        ({"where": "toxicity >"}, BadSettings, "it ends where", "a rule is such as"),
        ({"where": "toxicity > 2"}, BadData, "no text is left", "the rule does not hold"),
        ({"text_column": "txt"}, BadData, "no column 'txt'", "did you mean 'text'"),
        ({"split": 9}, BadData, "texts are too few", "trained on"),
        (
            {"strict": True, "where": "toxicity > 0"},
            BadData,
            "texts.jsonl:6: column 'text' is empty",
            "correct",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_that_says_where(changes, kind, message, hint, tmp_path):
    with pytest.raises(kind, match=message) as caught:
        read(tmp_path, written(tmp_path, ROWS), **changes)
    assert hint in str(caught.value.hint)


def test_a_broken_line_is_listed_and_a_column_of_another_name_is_found(tmp_path):
    data = tmp_path / "texts.jsonl"
    data.write_text('{"comment": "you are silly"}\n{"comment": "half\n{"comment": "you are useless"}\n')
    texts = read(tmp_path, data)
    assert len(texts.training) == 2 and texts.unusable == 1
    listed = json.loads((tmp_path / "out.rejects.jsonl").read_text())
    assert listed["where"].endswith("texts.jsonl:2") and "bad JSON" in listed["reason"]


def test_sample_and_held_out_depend_on_words_and_seed_not_on_the_order_of_rows(tmp_path):
    rows: list[dict[str, object]] = [{"text": f"comment number {i}"} for i in range(400)]
    data, turned = written(tmp_path, rows), written(tmp_path, rows[::-1], "turned.jsonl")
    one, other = (read(tmp_path, file, sample=0.5, eval_share=0.2, seed=7) for file in (data, turned))
    assert one.training == other.training and set(one.held_out) == set(other.held_out)
    assert 150 < len(one.training) + len(one.held_out) < 250 and 20 < len(one.held_out) < 70
    assert not set(one.training) & set(one.held_out)
    assert set(read(tmp_path, data, sample=0.5, eval_share=0.2, seed=8).training) != set(one.training)
    assert one.counts["not in the sample"] == 400 - len(one.training) - len(one.held_out)


words = st.lists(st.sampled_from(["you", "You", "are", "silly", "!", "so"]), min_size=1, max_size=4)


@settings(deadline=None)
@given(st.lists(words.map(" ".join), max_size=60), st.integers(1, 6), st.integers(0, 3))
def test_parts_share_no_text_in_any_spelling_and_lose_none(texts, parts, seed):
    made = cut(in_order(texts, seed), parts)
    assert sorted(text for part in made for text in part.texts) == sorted(texts)
    keys = [{source_key(text) for text in part.texts} for part in made]
    sizes = [len(of_part) for of_part in keys]
    assert sum(sizes) == len(set().union(*keys)) and max(sizes) - min(sizes) <= 1
    found = overlap(made, [])
    assert (found.equal, found.nearly_equal) == (0, 0)
    assert made == cut(in_order(texts[::-1], seed), parts), "the order of the rows decides nothing"


def test_an_overlap_is_seen():
    parts = cut(["you are silly", "they are silly"], 2)
    torn = [parts[0], parts[1].model_copy(update={"texts": ["You are silly!", "you are silly", "fine"]})]
    found = overlap(torn, ["Fine."])
    assert (found.pairs, found.equal, found.nearly_equal, found.with_held_out) == (1, 1, 0, 1)


@given(st.lists(st.integers(1, 24), max_size=60))
def test_packing_loses_no_text_and_wastes_less_than_a_row(lengths):
    ids = [[number] * length for number, length in enumerate(lengths)]
    rows = pack(ids, Encoding(24, pack_length=32))
    assert sorted(text for row in rows for text in row) == sorted(ids)
    sizes = [sum(map(len, row)) for row in rows]
    assert all(size <= 32 for size in sizes)
    assert sum(2 * size <= 32 for size in sizes) <= 1, "two half-empty rows would have been one"


def test_several_processes_cannot_read_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadSettings, match="cannot all read stdin"):
        run(LmSettings(model="builtin:lm", data=("-",), output=tmp_path / "out"))
