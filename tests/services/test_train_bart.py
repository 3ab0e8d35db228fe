"""``train bart``: rows become a rewriter, honestly measured, whatever happens on the way."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest
from safetensors.torch import load_file

from detox_cli.errors import BadSettings, DetoxError
from detox_cli.services.train_bart import run as train_bart
from detox_cli.services.train_bart.quality import judge, load_judges
from detox_cli.services.train_bart.rows import Source
from detox_cli.services.train_bart.trainer import RewriterTrainer
from detox_cli.services.training.recipe import Recipe
from tests.tiny_encoders import save_classifier, save_encoder
from tests.training_pairs import quick_training

INSULTS = ("silly", "useless", "dumb", "stupid", "idiotic", "pathetic")
TOPICS = ("page", "train", "game", "answer", "comment", "idea", "book", "plan", "film", "song")
settings = partial(quick_training, epochs=3, batch_size=8)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty sources, half of them with two references."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    rows = []
    for insult in INSULTS:
        for topic in TOPICS:
            references = [f"I did not like this {topic}."]
            if len(topic) == 4:
                references.append(f"this {topic} could be better.")
            rows.append({"toxic": f"what a {insult} {topic} , {insult} as ever .", "references": references})
    path.write_text("".join(json.dumps({"id": f"r{i}", **row}) + "\n" for i, row in enumerate(rows)))
    return path


def read_log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_pairs_become_a_rewriter_with_everything_that_explains_it(pairs, tiny_seq2seq, tmp_path, recorder):
    wanted = settings(pairs, tmp_path / "rewriter", tiny_seq2seq, prefix="detoxify: ")
    result = train_bart.run(wanted, recorder)
    assert result.rows["trained on"] + result.rows["held out"] == 102
    assert result.rows["held-out sources also trained on"] == 0
    held_out_losses = [record["eval_loss"] for record in read_log(wanted.output) if "eval_loss" in record]
    assert len(held_out_losses) == 3 and held_out_losses[-1] < held_out_losses[0] - 0.3
    assert recorder.tasks[0].done == recorder.tasks[0].total == result.steps
    assert result.quality["copy"]["copies"].mean == 1 and result.quality["model"]["chrF"].n >= 3
    manifest = json.loads((wanted.output / "detox.json").read_text())
    assert manifest["settings"]["prefix"] == "detoxify: " and manifest["models"]["start"]["fingerprint"]
    assert "text2text-generation" in (wanted.output / "README.md").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rewriter"], "nothing unfinished is left beside it"


@pytest.fixture(scope="module")
def scorers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Random tiny scorers of toxicity, similarity and fluency."""
    folder = tmp_path_factory.mktemp("scorers")
    toxicity = save_classifier(folder / "toxicity", ["neutral", "toxic"])
    fluency = save_classifier(folder / "fluency", ["unacceptable", "acceptable"], seed=1)
    similarity = save_encoder(folder / "similarity")
    return {
        "toxicity": f"hf:{toxicity}#toxic",
        "similarity": f"hf:{similarity}",
        "fluency": f"hf:{fluency}#acceptable",
    }


def test_the_checkpoint_with_the_best_j_becomes_the_model(pairs, tiny_seq2seq, scorers, tmp_path):
    wanted = settings(
        pairs, tmp_path / "rewriter", tiny_seq2seq, select="j", eval_every=0.5, patience=0, **scorers
    )
    result = train_bart.run(wanted)
    by_step = {record["step"]: record for record in read_log(wanted.output) if "eval_J" in record}
    every = min(by_step)
    assert sorted(by_step) == [*range(every, result.steps, every), result.steps] and len(by_step) >= 6
    assert by_step[result.kept_step]["eval_J"] == max(record["eval_J"] for record in by_step.values())
    model = result.quality["model"]
    assert model["J"].mean <= min(model[part].mean for part in ("STA", "SIM", "FL"))
    assert model["J"].mean == pytest.approx(by_step[result.kept_step]["eval_J"], abs=1e-6), (
        "few rows: the same"
    )
    recorded = json.loads((wanted.output / "detox.json").read_text())["scorers"]
    assert set(recorded) == {"STA", "SIM", "FL"} and "toxic" in recorded["STA"]


def test_empty_outputs_score_nothing(scorers, tmp_path, pairs, tiny_seq2seq):
    judges = load_judges(settings(pairs, tmp_path, tiny_seq2seq, **scorers))
    pairs = (("you are silly", "you are not wise"), ("shut up", "please be quiet"))
    sources = [Source(toxic, (neutral,), toxic) for toxic, neutral in pairs]
    scored = judge(sources, ["you are not wise", " "], judges)
    whole = judge(sources[:1], ["you are not wise"], judges)
    for name in ("STA", "SIM", "FL", "J", "chrF"):
        assert scored[name].mean == pytest.approx(whole[name].mean / 2, rel=1e-5), "to float32's digits"
    assert whole["chrF"].mean == 1


def test_the_generation_config_is_stated_in_full(pairs, tiny_seq2seq, tmp_path):
    wanted = settings(
        pairs, tmp_path / "rewriter", tiny_seq2seq, epochs=1, num_beams=3, no_repeat_ngram_size=2
    )
    train_bart.run(wanted)
    written = json.loads((wanted.output / "generation_config.json").read_text())
    expected = {"num_beams": 3, "max_new_tokens": 12, "no_repeat_ngram_size": 2, "forced_bos_token_id": 0}
    assert expected.items() <= written.items() and written["do_sample"] is False


def test_an_encoder_decoder_of_another_family_trains_as_well(pairs, tiny_t5, tmp_path):
    wanted = settings(pairs, tmp_path / "rewriter", tiny_t5, epochs=1)
    losses = [r["loss"] for r in (train_bart.run(wanted), read_log(wanted.output))[1] if "loss" in r]
    assert losses[-1] < losses[0]
    written = json.loads((wanted.output / "generation_config.json").read_text())
    assert "forced_bos_token_id" not in written, "only BART needs its first token forced"


SHARED_RUN = """
import sys
from pathlib import Path
from detox_cli.services.train_bart.run import run
from detox_cli.settings.train import BartSettings

run(BartSettings.model_validate_json(Path(sys.argv[1]).read_text()))
"""

KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from detox_cli.output.progress import Silent
from detox_cli.services.train_bart.run import run
from detox_cli.settings.train import BartSettings
from tests.tiny_encoders import save_classifier, save_encoder

class Killer(Silent):
    def metric(self, name, value, step=None):
        if step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

run(BartSettings.model_validate_json(Path(sys.argv[1]).read_text()), Killer())
"""


def test_a_killed_run_continues_its_loss_curve_and_ends_in_the_same_weights(
    pairs, tiny_seq2seq, tmp_path, recorder
):
    whole = settings(pairs, tmp_path / "whole", tiny_seq2seq, eval_every=0.5)
    steps = train_bart.run(whole).steps
    killed = whole.model_copy(update={"output": tmp_path / "killed"})
    (tmp_path / "settings.json").write_text(killed.model_dump_json())
    at = 2 * steps // 3
    command = [sys.executable, "-c", KILLED_RUN, str(tmp_path / "settings.json"), str(at)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not killed.output.exists() and (tmp_path / "killed.training").is_dir()
    train_bart.run(killed, recorder)
    assert "from step" in " ".join(recorder.stages) and recorder.tasks[0].done == steps
    assert read_log(killed.output) == read_log(whole.output)
    assert (killed.output / "model.safetensors").read_bytes() == (
        whole.output / "model.safetensors"
    ).read_bytes()


def test_other_settings_do_not_continue_an_unfinished_run(pairs, tiny_seq2seq, tmp_path):
    wanted = settings(pairs, tmp_path / "rewriter", tiny_seq2seq, epochs=1)
    train_bart.run(wanted)
    before = (wanted.output / "model.safetensors").stat().st_mtime_ns
    assert train_bart.run(wanted).steps > 0
    assert (wanted.output / "model.safetensors").stat().st_mtime_ns == before, (
        "a finished run is not repeated"
    )
    with pytest.raises(BadSettings, match="another run"):
        train_bart.run(wanted.model_copy(update={"seed": 5}))


def test_it_stops_when_nothing_gets_better(pairs, tiny_seq2seq, tmp_path):
    wanted = settings(pairs, tmp_path / "rewriter", tiny_seq2seq, epochs=50, learning_rate=1e-12, patience=2)
    result = train_bart.run(wanted)
    measured = [record for record in read_log(wanted.output) if "eval_loss" in record]
    assert len(measured) < 10 and result.steps < 50 * 10


def test_a_loss_that_is_no_number_ends_the_run_with_advice(pairs, tiny_seq2seq, tmp_path):
    with pytest.raises(DetoxError, match="not a number") as caught:
        train_bart.run(
            settings(pairs, tmp_path / "rewriter", tiny_seq2seq, learning_rate=1e30, max_grad_norm=0)
        )
    assert "--learning-rate" in str(caught.value.hint)
    assert not (tmp_path / "rewriter").exists()


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(pairs, tiny_seq2seq, tmp_path, monkeypatch):
    wanted = settings(pairs, tmp_path / "rewriter", tiny_seq2seq)
    with monkeypatch.context() as patched:
        full = OSError(errno.ENOSPC, "No space left on device")
        patched.setattr(RewriterTrainer, "_save_optimizer_and_scheduler", Mock(side_effect=[None, full]))
        with pytest.raises(DetoxError, match="disk is full") as caught:
            train_bart.run(wanted)
    assert "same command" in str(caught.value.hint) and not wanted.output.exists()
    # The first checkpoint lacks the optimizer only because this test kept it from being written.
    shutil.rmtree(tmp_path / "rewriter.training")
    assert train_bart.run(wanted).steps > 0


def test_few_pairs_get_more_passes_but_not_more_measurements(tmp_path):
    recipe = Recipe.of(settings(tmp_path, tmp_path, tmp_path, epochs=5, min_steps=150))
    few, many = recipe.passes(32), recipe.passes(8000)
    assert (few.per_epoch, few.total, few.measured_every) == (4, 152, 30)
    assert (many.total, many.measured_every) == (5000, 1000)


def test_selecting_without_held_out_rows_is_refused(pairs, tiny_seq2seq, tmp_path):
    with pytest.raises(BadSettings, match="held-out"):
        train_bart.run(settings(pairs, tmp_path / "rewriter", tiny_seq2seq, eval_share=0))


def test_the_plan_says_rows_and_steps_without_writing(detox, pairs, tiny_seq2seq, tmp_path):
    words = (
        "train",
        "bart",
        pairs,
        "-m",
        tiny_seq2seq,
        "-o",
        tmp_path / "out",
        "--epochs",
        2,
        "--min-steps",
        0,
        "--dry-run",
        "--json",
    )
    outcome = detox(*words)
    assert outcome.code == 0
    plan = json.loads(outcome.out)
    assert plan["steps"] == 2 * plan["steps_per_epoch"] and plan["rows"]["trained on"] > 60
    weights = load_file(tiny_seq2seq / "model.safetensors")
    assert plan["parameters"] == sum(w.numel() for n, w in weights.items() if n != "final_logits_bias")
    assert not (tmp_path / "out").exists()


def test_a_step_is_the_same_however_it_is_put_together(pairs, tiny_seq2seq, tmp_path):
    """One batch of 16, two of 8 after each other, two of 8 in two processes: loss and gradient agree."""
    given = {"epochs": 1, "select": "last", "eval_share": 0.2, "max_grad_norm": 0}
    whole = settings(pairs, tmp_path / "whole", tiny_seq2seq, batch_size=16, **given)
    added = settings(pairs, tmp_path / "added", tiny_seq2seq, batch_size=8, accumulate=2, **given)
    shared = settings(pairs, tmp_path / "shared", tiny_seq2seq, batch_size=8, **given)
    for wanted in (whole, added):
        train_bart.run(wanted)
    (tmp_path / "settings.json").write_text(shared.model_dump_json())
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    script = tmp_path / "train.py"
    script.write_text(SHARED_RUN)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(
        [*launcher, str(script), str(tmp_path / "settings.json")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    first = [read_log(wanted.output)[0] for wanted in (whole, added, shared)]
    assert [record["loss"] for record in first] == pytest.approx([first[0]["loss"]] * 3, rel=0.02)
    assert [record["grad_norm"] for record in first] == pytest.approx([first[0]["grad_norm"]] * 3, rel=0.2)


def test_label_smoothing_trains_on_the_same_batches(pairs, tiny_seq2seq, tmp_path):
    smooth = settings(pairs, tmp_path / "smooth", tiny_seq2seq, epochs=1, label_smoothing=0.1)
    plain = settings(pairs, tmp_path / "plain", tiny_seq2seq, epochs=1)
    results = [train_bart.run(wanted) for wanted in (smooth, plain)]
    assert results[0].steps == results[1].steps
    losses = [[r["loss"] for r in read_log(w.output) if "loss" in r] for w in (smooth, plain)]
    assert losses[0] != losses[1] and losses[0][0] == pytest.approx(losses[1][0], rel=0.5)
