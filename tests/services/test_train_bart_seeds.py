"""``train bart`` more than once: several seeds, checkpoints that stay, and what is reported about both."""

import json
from functools import partial
from pathlib import Path

import pytest

from detox_cli.errors import BadSettings, Missing
from detox_cli.output.progress import Silent
from detox_cli.services.train_bart.run import run
from detox_cli.services.train_bart.seeds import BartSeedsResult
from detox_cli.statistics.repeats import repeats_interval
from tests.training_pairs import quick_training, write_pairs

settings = partial(quick_training, max_new_tokens=4, eval_share=0.3)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"))


class Stopped(Exception):
    """What a killed process does not get to say."""


class StopsInSecondSeed(Silent):
    """Stops the run at the second measurement of the second seed."""

    def __init__(self) -> None:
        self.seed = ""

    def stage(self, text: str) -> None:
        self.seed = text if text.startswith("seed") else self.seed

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        if self.seed.startswith("seed 5") and name == "held-out loss" and step == 2:
            raise Stopped


def test_several_seeds_become_one_folder_with_the_best_and_the_mean(pairs, tiny_seq2seq, tmp_path, recorder):
    wanted = settings(pairs, tmp_path / "rewriter", tiny_seq2seq, seeds=(3, 5), eval_every=0.5)
    with pytest.raises(Stopped):
        run(wanted, StopsInSecondSeed())
    assert not wanted.output.exists()
    first = tmp_path / "rewriter.training" / "seed-3" / "model.safetensors"
    finished_at = first.stat().st_mtime_ns
    result = run(wanted, recorder)
    assert isinstance(result, BartSeedsResult) and "from step 1" in " ".join(recorder.stages)
    models = {seed: wanted.output / f"seed-{seed}" / "model.safetensors" for seed in (3, 5)}
    assert models[3].stat().st_mtime_ns == finished_at, "a finished seed is not trained again"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rewriter"]
    losses = {entry.seed: entry.chosen_at["loss"] for entry in result.seeds}
    assert losses[3] != losses[5] and result.best == min(losses, key=losses.__getitem__)
    assert (wanted.output / "model.safetensors").read_bytes() == models[result.best].read_bytes()
    means = [entry.quality["chrF"].mean for entry in result.seeds]
    assert result.over_seeds["chrF"] == repeats_interval(means, (0, 1)) and result.over_seeds["chrF"].n == 2
    card = (wanted.output / "README.md").read_text()
    assert f"that of seed {result.best}" in card and "--seeds 3,5" in card
    alone = settings(pairs, tmp_path / "alone", tiny_seq2seq, seed=5, split_seed=0, eval_every=0.5)
    run(alone)
    assert (alone.output / "model.safetensors").read_bytes() == models[5].read_bytes()
    assert run(wanted) == result


def test_one_seed_or_the_same_twice_are_not_several(detox, pairs, tiny_seq2seq, tmp_path):
    with pytest.raises(BadSettings, match="at least two"):
        run(settings(pairs, tmp_path / "rewriter", tiny_seq2seq, seeds=(1, 1)))
    words = ("train", "bart", pairs, "-m", tiny_seq2seq, "-o", tmp_path / "out", "--dry-run", "--json")
    assert json.loads(detox(*words, "--seeds", "0,1,2").out)["trainings"] == 3
    refused = detox(*words, "--seeds", "0,one")
    assert refused.code == 2 and "--seeds" in refused.err


def test_the_best_checkpoints_stay_if_they_are_wanted(pairs, tiny_seq2seq, tmp_path):
    wanted = settings(
        pairs, tmp_path / "rewriter", tiny_seq2seq, epochs=3, eval_every=0.5, keep_best=2, learning_rate=0.1
    )
    run(wanted)
    log = [json.loads(line) for line in (wanted.output / "metrics.jsonl").read_text().splitlines()]
    losses = {record["step"]: record["eval_loss"] for record in log if "eval_loss" in record}
    best = sorted(losses, key=losses.__getitem__)[:2]
    left = {path.name for path in (tmp_path / "rewriter.training").iterdir()}
    assert len(losses) > 3 and left == {f"checkpoint-{step}" for step in best}


def test_what_is_cut_is_counted_by_side(pairs, tiny_seq2seq, tmp_path):
    result = run(settings(pairs, tmp_path / "rewriter", tiny_seq2seq, max_length=12, select="last"))
    cut = result.truncation["trained on"]
    assert cut.limit == 12 < cut.longest_target and 0 < cut.targets <= result.rows["trained on"]
    assert result.rows["cut to the length limit"] >= cut.targets


def test_a_tracker_that_is_not_installed_is_named(pairs, tiny_seq2seq, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Missing, match="wandb") as caught:
        run(settings(pairs, tmp_path / "rewriter", tiny_seq2seq, tracker="wandb"))
    assert "pip install wandb" in str(caught.value.hint)
