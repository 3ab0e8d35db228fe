"""``eval generation --chain``: answers are scored, what is no chain counts, verdicts compared with labels."""

import json
from pathlib import Path

import numpy as np
import pytest

from detox_cli.errors import BadSettings
from detox_cli.services.eval_generation.run import run
from detox_cli.services.generate.run import run as generate
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.generate import GenerateSettings
from tests.chains import RECORDS
from tests.continuations import FILES, read
from tests.recorder import Recorder


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    rows = [(one.id, one.text, one.toxicity) for one in RECORDS] + [("other", "0 1 2 3 ; : !", 0.7)]
    rows += [("labelled", "The weather is", 0.9)]
    lines = [{"id": i, "prompt": {"text": text, "toxicity": value}} for i, text, value in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def settings(prompts: Path, model: Path, /, **changes: object) -> EvalGenerationSettings:
    given = {"model": str(model), "prompts": str(prompts), "output": prompts.parent / "out", "device": "cpu"}
    given |= {
        "chain": "cmd",
        "scorers": ["builtin:lexicon"],
        "num_samples": 2,
        "temperature": 0.05,
        "resamples": 50,
    }
    return EvalGenerationSettings(**{**given, "chain_tokens": 160, "chain_retries": 1, **changes})


def test_chains_are_measured(prompts, chain_model, tiny_gpt2, recorder):
    wanted = settings(prompts, chain_model, judge=str(tiny_gpt2))
    result = run(wanted, recorder)
    rows, scores = read(wanted.output / FILES[0]), read(wanted.output / FILES[1])
    by_id = {row["id"]: row for row in rows}
    for record in RECORDS:
        for sample in by_id[record.id]["samples"]:
            assert sample["text"] == record.candidates[0].text
            assert sample["chain"]["rephrased"] == record.safe_text
            assert sample["tokens"] > 10
    assert "asked" not in rows[0]
    every = result.groups[0].figures
    bad = [sample for sample in by_id["other"]["samples"] if not sample["chain"]["ok"]]
    assert every["malformed"].mean == len(bad) / 10 and every["malformed"].n == 5
    assert all(sample["text"] == "" for sample in bad)
    told = {row["id"]: row["found_toxic"] for row in scores}
    assert told["safe"] == told["labelled"] == [0, 0] and told["toxic"] == told["hashtag"] == [1, 1]
    hits = 4 + sum(one == 1 for one in told["other"])
    assert every["detection_recall"].mean == hits / 8 and every["detection_precision"].mean == 1
    assert every["over_masked"].mean == 0
    assert every["perplexity_detoxified"].mean != every["perplexity"].mean > 1
    safe = next(row for row in scores if row["id"] == "safe")
    assert safe["nats_detoxified"] == pytest.approx(safe["nats"])
    sound = [row["id"] for row in rows for one in row["samples"] if rephrases(one["chain"])]
    assert told["safe"] == [0, 0] and safe["edits"] == safe["similarity"] == [None, None]
    toxic = next(row for row in scores if row["id"] == "toxic")
    assert toxic["edits"] == [1, 1] and toxic["edited"] == pytest.approx([1 / 3] * 2)  # silly -> new
    hashtag = next(row for row in scores if row["id"] == "hashtag")
    assert hashtag["edits"] == [1, 1] and hashtag["edited"] == [1 / 4] * 2  # useless -> are
    if len(sound) == 4:  # else what stands in "other" counts, too
        assert every["edit_distance"].mean == 1 and every["edited"].mean == pytest.approx(7 / 24)
    assert every["edit_distance"].n == every["similarity"].n == len(set(sound))
    cosines = [value for row in scores for value in row.get("similarity", ()) if value is not None]
    assert len(cosines) == len(sound) and every["similarity"].mean == pytest.approx(np.mean(cosines))
    assert toxic["similarity"][0] < 0.99 and "similarity" in result.scorers
    changed = next(table for table in result.tables() if table.title == "Rephrased prompts")
    assert changed.columns == ["prompts", "similarity", "edit distance", "edited", "n"]
    table = next(table for table in result.tables() if table.title == "Chains")
    assert "seconds" in table.caption and "malformed" in table.columns
    assert "seconds_per_sample" not in json.loads((wanted.output / "summary.json").read_text())
    heard = Recorder()
    assert run(wanted, heard).groups[0].figures == every and any(
        "nothing was done" in said for said in heard.warnings
    )
    limited = settings(prompts, chain_model, judge=str(tiny_gpt2), fail_if=("detection_recall<0.99",))
    assert run(limited).missed


def rephrases(chain: dict) -> bool:
    """Whether it is a chain with a rephrased prompt."""
    return chain["ok"] and chain["rephrased"] is not None


def test_answers_in_a_file_keep_their_chains(prompts, chain_model):
    answers = prompts.parent / "answers.jsonl"
    asked = {"model": str(chain_model), "input": str(prompts), "output": str(answers), "device": "cpu"}
    for samples in (1, 2):
        given = GenerateSettings(**asked, chain="cmd", num_samples=samples, temperature=0.05, overwrite=True)
        generate(given)
        plain = {
            "chain": None,
            "chain_tokens": None,
            "chain_retries": 3,
            "temperature": None,
            "num_samples": None,
        }
        output = prompts.parent / f"from-{samples}"
        result = run(settings(prompts, str(answers), prompts=str(prompts), output=output, **plain))
        rows = {row["id"]: row for row in read(output / FILES[0])}
        assert len(rows["toxic"]["samples"]) == samples
        assert rows["toxic"]["samples"][0]["chain"]["rephrased"] == "That was new"
        figures = result.groups[0].figures
        assert figures["malformed"].n == 5 and figures["detection_precision"].mean == 1
        assert figures["tokens"].mean > 10
        assert figures["similarity"].n == figures["edit_distance"].n >= 2


def test_without_chains_nothing_is_said_of_them(prompts, tiny_gpt2):
    result = run(settings(prompts, tiny_gpt2, chain=None, chain_tokens=None, chain_retries=3))
    assert not {"malformed", "edit_distance", "similarity"} & set(result.groups[0].figures)
    assert "similarity" not in result.scorers
    with pytest.raises(BadSettings, match="--similarity has no meaning without --chain"):
        run(settings(prompts, tiny_gpt2, chain=None, chain_tokens=None, chain_retries=3, similarity="hf:x"))
    with pytest.raises(BadSettings, match="--chain-prefill has no meaning without --chain"):
        run(settings(prompts, tiny_gpt2, chain=None, chain_tokens=None, chain_retries=3, chain_prefill=True))
    with pytest.raises(
        BadSettings, match="--chain has no meaning for continuations that are written already"
    ):
        run(settings(prompts, str(prompts), temperature=None, num_samples=None))
