"""``train dpo`` killed, shared by processes, and done more than once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from detox_cli.output.progress import Silent
from detox_cli.services.train_dpo.run import run
from detox_cli.settings.train_dpo import DpoSettings
from tests.preference_pairs import logits, losses, quick_tuning, read_log, write_preferences


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    return write_preferences(tmp_path_factory.mktemp("preferences"))


KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from detox_cli.output.progress import Silent
from detox_cli.services.train_dpo.run import run
from detox_cli.settings.train_dpo import DpoSettings

class Killer(Silent):
    def metric(self, name, value, step=None):
        if step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

run(DpoSettings.model_validate_json(Path(sys.argv[1]).read_text()), Killer())
"""


def assert_goes_on(killed, whole, recorder):
    """What an earlier part left is finished, and ends where the uninterrupted run did."""
    assert not killed.output.exists() and killed.output.with_name("killed.training").is_dir()
    run(killed, recorder)
    assert "from step" in " ".join(recorder.stages)
    assert not any("asking the reference" in task.label for task in recorder.tasks), "it was asked already"
    assert read_log(killed.output) == read_log(whole.output)
    one, other = (folder / "model.safetensors" for folder in (whole.output, killed.output))
    assert one.read_bytes() == other.read_bytes()


def test_a_killed_run_ends_in_the_same_weights(pairs, tiny_causal, tmp_path, recorder):
    whole = quick_tuning(pairs, tmp_path / "whole", tiny_causal)
    steps = run(whole).steps
    killed = whole.model_copy(update={"output": tmp_path / "killed"})
    (tmp_path / "settings.json").write_text(killed.model_dump_json())
    command = [sys.executable, "-c", KILLED_RUN, str(tmp_path / "settings.json"), str(2 * steps // 3)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert_goes_on(killed, whole, recorder)


def test_so_does_an_adapter_with_its_dropout(pairs, tiny_causal, tmp_path, recorder):
    class Interrupting(Silent):
        def metric(self, name: str, value: float, step: int | None = None) -> None:
            if step == 2 * steps // 3:
                raise KeyboardInterrupt

    whole = quick_tuning(pairs, tmp_path / "whole", tiny_causal, lora="4,8,0.1", rslora=True, dora=True)
    steps = run(whole).steps
    killed = whole.model_copy(update={"output": tmp_path / "killed"})
    with pytest.raises(KeyboardInterrupt):
        run(killed, Interrupting())
    assert_goes_on(killed, whole, recorder)


SHARED_RUNS = """
import sys
from pathlib import Path
from detox_cli.services.train_dpo.run import run
from detox_cli.services.training.callbacks import Listener
from detox_cli.settings.train_dpo import DpoSettings

def stopping(self, args, state, *rest, **named):
    if state.global_step == stop:
        raise KeyboardInterrupt

for words in sys.argv[1:]:
    file, stop = words.split(":")[0], int(words.split(":")[1])
    settings = DpoSettings.model_validate_json(Path(file).read_text())
    kept = Listener.on_step_end
    if stop:
        Listener.on_step_end = stopping
    try:
        run(settings)
    except KeyboardInterrupt:
        assert stop
    finally:
        Listener.on_step_end = kept
"""


def launch(folder: Path, *runs: tuple[DpoSettings, int]) -> None:
    """Tune one after another in two processes, each up to a step, or to the end if that is 0."""
    (folder / "train.py").write_text(SHARED_RUNS)
    words = []
    for number, (settings, stop) in enumerate(runs):
        (folder / f"{number}.json").write_text(settings.model_dump_json())
        words.append(f"{folder / f'{number}.json'}:{stop}")
    several = ["--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"]
    plain = ["--mixed_precision", "no", "--dynamo_backend", "no"]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", *several, *plain]
    subprocess.run([*launcher, str(folder / "train.py"), *words], check=True, capture_output=True)


def test_two_processes_have_the_losses_of_one_and_go_on_to_the_same_log(pairs, tiny_causal, tmp_path):
    held_out = write_preferences(tmp_path, "held_out.jsonl", opening="Held out:")
    given = {"epochs": 1, "val_file": (str(held_out),), "eval_batch_size": 4}
    one = quick_tuning(pairs, tmp_path / "one", tiny_causal, batch_size=8, **given)
    two = quick_tuning(pairs, tmp_path / "two", tiny_causal, batch_size=4, **given)
    run(one)
    # An epoch whose last step has a single row left for two processes.
    odd = tmp_path / "odd.jsonl"
    odd.write_text("".join(pairs.read_text().splitlines(keepends=True)[:25]))
    whole = two.model_copy(update={"data": (str(odd),), "output": tmp_path / "whole"})
    killed = whole.model_copy(update={"output": tmp_path / "killed"})
    launch(tmp_path, (two, 0), (whole, 0), (killed, 3), (killed, 0))
    for name in ("loss", "eval_loss"):
        assert losses(two.output, name) == pytest.approx(losses(one.output, name), abs=1e-5)
    assert torch.allclose(logits(one.output), logits(two.output), atol=1e-4)
    for name in ("metrics.jsonl", "model.safetensors"):
        assert (killed.output / name).read_bytes() == (whole.output / name).read_bytes()


def test_several_seeds_share_a_split_and_are_averaged(pairs, tiny_causal, tmp_path):
    wanted = quick_tuning(
        pairs, tmp_path / "tuned", tiny_causal, epochs=1, seeds=(0, 1), lora="4", keep_adapter=True
    )
    result = run(wanted)
    each = [run.result for run in result.seeds]
    assert each[0].rows == each[1].rows and each[0].chosen_at != each[1].chosen_at
    mean = result.over_seeds["loss"]
    assert mean.n == 2 and mean.mean == pytest.approx(sum(one.chosen_at["loss"] for one in each) / 2)
    best = wanted.output / f"seed-{result.best}"
    assert (wanted.output / "model.safetensors").read_bytes() == (best / "model.safetensors").read_bytes()
    assert (wanted.output / "adapter").is_dir() and not (tmp_path / "tuned.training").exists()
    assert "±" in str(result.tables()[0].rows[0][1]) and mean.deviation > 0
    card = (wanted.output / "README.md").read_text()
    assert "Student" in card and "--seeds 0,1 --lora 4 --keep-adapter" in card
    assert run(wanted) == result, "a finished run is not repeated"
