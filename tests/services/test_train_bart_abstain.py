"""``train bart --abstain``: people could not rewrite these sources, and the rewriter learns to say so."""

import json
from pathlib import Path

import pytest

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.rewriting import Rewriting
from detox_cli.output.progress import Silent
from detox_cli.services.generate import run as generate
from detox_cli.services.train_bart.abstain import measure_abstaining, read_abstain_files, reasons_of
from detox_cli.services.train_bart.data import read_data
from detox_cli.services.train_bart.run import run
from detox_cli.settings.generate import GenerateSettings
from detox_cli.settings.resolve import resolve
from detox_cli.settings.train import BartSettings

TEXT = "[cannot rewrite]"
THINGS = ("page", "train", "game", "answer", "idea", "book", "plan", "film")
WORDS = ("silly", "useless", "dumb", "stupid", "pathetic", "awful")


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    rows = [
        {"toxic": f"what a {word} {thing}", "neutral": f"i do not like this {thing}"}
        for word in WORDS
        for thing in THINGS
    ]
    return write(tmp_path / "pairs.jsonl", rows)


@pytest.fixture
def hopeless(tmp_path: Path) -> str:
    rows = [
        {"toxic": f"all {thing}s must go to the {word} end", "reasons": ["toxic_content"]}
        for word in WORDS
        for thing in THINGS[:5]
    ]
    rows += [
        {"toxic": "what a SILLY page!", "reasons": ["toxic_content"]},
        {"toxic": "a nice page", "reasons": ["not_toxic"]},
        {"toxic": "half a page", "reasons": ["unclear", "toxic_content"]},
        {"toxic": "no reason", "reasons": []},
    ]
    return write(tmp_path / "hopeless.jsonl", rows)


def test_rows_count_by_their_reasons_and_rewrites_win(tmp_path, pairs, hopeless):
    settings = BartSettings(pairs=(pairs,), abstain=(hopeless,), output=tmp_path / "out", eval_share=0.2)
    data = read_data(settings, Silent())
    counted = data.counts
    assert counted["declined, trained on"] + counted["declined, held out"] == 30
    assert counted["declined for another reason: not_toxic"] == 1
    assert counted["declined for another reason: toxic_content and unclear"] == 1
    assert counted["unusable"] == 1, "a row without a reason"
    file = data.files[1]
    assert (file.origin, file.pairs, file.elsewhere) == ("cannot be rewritten", 31, 1)
    assert {example.neutral for example in data.abstain.training} == {TEXT}
    trained, held = ({e.source for e in side} for side in (data.training, data.held_out))
    assert not trained & held
    conflict = next(leak for leak in data.leaks if leak.first == "hopeless.jsonl")
    assert (conflict.second, conflict.nearly_equal) == ("pairs.jsonl", 1)
    with pytest.raises(BadData, match="no source has only reasons") as caught:
        read_data(settings.model_copy(update={"abstain_reasons": ("toxic",)}), Silent())
    assert "not_toxic" in str(caught.value.hint)


def test_the_published_table_is_read(tmp_path):
    table = tmp_path / "cannot.tsv"
    table.write_text(
        "\tINPUT:toxic_comment\tOUTPUT:reasons\n"
        '0\tall pages must go\t"[""toxic_content""]"\n'
        '1\tsome page\t"{""not_toxic"": true, ""unclear"": false}"\n'
        "2\tanother page\ttoxic_content\n"
    )
    settings = BartSettings(pairs=("-",), abstain=(str(table),), prefix="detoxify: ")
    (file,) = read_abstain_files(settings, Rejects())
    assert [example.text for example in file.examples] == [
        "detoxify: all pages must go",
        "detoxify: another page",
    ]
    assert file.other_reasons == {"not_toxic": 1}
    assert reasons_of("[1]") is None is reasons_of("[toxic") is reasons_of(None)


def test_precision_and_recall_are_counted_on_both_kinds():
    habits = Rewriting(abstain_text=TEXT, abstain_reasons=("toxic_content",))
    found = measure_abstaining(habits, [TEXT, "[cannot  rewrite] ", "fine", TEXT], [TEXT, "fine", "", "ok"])
    assert (found.precision.mean, found.precision.n) == (0.75, 4)
    assert (found.recall.mean, found.recall.n) == (0.75, 4)
    assert found.false_abstentions.mean == 0.25
    assert measure_abstaining(habits, ["fine"], ["fine"]).precision is None


def test_a_text_that_the_model_cannot_write_is_refused(tmp_path, pairs, hopeless):
    wanted = BartSettings(
        pairs=(pairs,),
        abstain=(hopeless,),
        abstain_text="[Cannot <s> rewrite]",
        model="builtin:bart",
        output=tmp_path / "out",
        select="last",
    )
    with pytest.raises(BadSettings, match="tokenizer makes"):
        run(wanted)


def test_a_rewriter_learns_from_people_and_machines_to_rewrite_and_to_decline(
    tmp_path, pairs, hopeless, recorder
):
    rows = [
        {"toxic": f"such a {word} {thing} !", "neutral": f"i do not like the {thing}", "model": "some/model"}
        for word in WORDS
        for thing in THINGS
    ]
    synthetic = write(tmp_path / "synthetic.jsonl", rows)
    given = {
        "pairs": (pairs, synthetic),
        "abstain": (hopeless,),
        "weight": (1, 0.5),
        "seeds": (0, 1),
        "output": tmp_path / "rewriter",
        "abstain_text": "declined",
        "abstain_weight": 2,
        "epochs": 9,
        "min_steps": 0,
        "batch_size": 8,
        "eval_every": 9.0,
        "eval_share": 0.2,
        "select": "loss",
        "num_beams": 1,
        "max_new_tokens": 16,
        "learning_rate": 1e-3,
    }
    result = run(resolve("train.bart", BartSettings, given, ("offline",)), recorder)
    for seed in result.seeds:
        assert seed.abstaining.recall.mean > 0.7 > 0.3 > seed.abstaining.false_abstentions.mean
        assert seed.quality["declined"].mean == seed.abstaining.false_abstentions.mean
    assert result.abstaining_over_seeds["recall"].n == 2
    (tmp_path / "toxic.txt").write_text("what a useless song\nall books must go to the awful end\n")
    out = str(tmp_path / "neutral.jsonl")
    asked = GenerateSettings(model=str(tmp_path / "rewriter"), input=str(tmp_path / "toxic.txt"), output=out)
    counted = generate.run(asked)
    answers = [json.loads(line) for line in Path(out).read_text().splitlines()]
    assert [answer["abstained"] for answer in answers] == [
        answer["output"] == "declined" for answer in answers
    ]
    assert answers[1]["abstained"] and counted.abstained == sum(answer["abstained"] for answer in answers)
