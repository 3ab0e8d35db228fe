"""``train cmd``: chains become a model that judges and rewrites its context, whatever happens on the way."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GPT2Config, LlamaConfig, T5Config

from detox_cli.data.chains.stored import stored_template
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.loading import load_causal
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent
from detox_cli.services.train_cmd.data import read_data
from detox_cli.services.train_cmd.plan import adapter_size
from detox_cli.services.train_cmd.run import run
from detox_cli.services.train_cmd.sampling import sample
from detox_cli.services.train_cmd.single import encode_sides, layout_of
from detox_cli.settings.resolve import resolve
from detox_cli.settings.train_cmd import CmdSettings
from tests.chain_rows import NICE, RUDE, quick_cmd, write_chains


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chains(tmp_path_factory.mktemp("chains"))


def read_log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class Stopped(BaseException):
    """What a killed process does not get to say."""


class StopsAtStep(Silent):
    """Stops a run in the middle of its second epoch, of three steps."""

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        if name == "loss" and step == 5:
            raise Stopped


@pytest.mark.parametrize(
    ("family", "contrast", "more"),
    [
        ("tiny_gpt2", "cmd", {"anchor": "sample", "contrast_context": "none", "pool": "all", "tau": 1}),
        ("tiny_causal", "dpo", {"gradient_checkpointing": True}),
        ("tiny_t5", "dpo", {}),
        ("tiny_seq2seq", "cmd", {"anchor": "sample", "anchor_every": 3}),
    ],
)
def test_a_killed_run_ends_in_the_same_folded_model(
    chains, request, tmp_path, recorder, family, contrast, more
):
    model = request.getfixturevalue(family)
    wanted = quick_cmd(chains, tmp_path / "whole", model, contrast=contrast, limit=14, **more)
    result = run(wanted)
    assert result.rows["trained on"] + result.rows["held out"] == 14 and result.steps == 6
    assert result.folded is not None and result.folded.difference <= result.folded.limit
    log = read_log(wanted.output)
    held = [record["eval_loss"] for record in log if "eval_loss" in record]
    assert len(held) == 2 and held[1] < held[0], "it learns"
    assert result.chosen_at["loss"] == held[1] and 0 <= result.chosen_at["told_apart"] <= 1
    assert sum(record.get("contrast", 0) > 0 for record in log) >= (6 if "anchor_every" not in more else 2)
    killed = wanted.model_copy(update={"output": tmp_path / "killed"})
    with pytest.raises(Stopped):
        run(killed, StopsAtStep())
    run(killed, recorder)
    assert "from step" in " ".join(recorder.stages)
    for name in ("model.safetensors", "metrics.jsonl", "chain_template.json"):
        assert (killed.output / name).read_bytes() == (wanted.output / name).read_bytes()
    assert stored_template(killed.output).id == "cmd-v3-code"
    assert "detox train cmd" in (killed.output / "README.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]
    assert run(killed).steps == result.steps, "it is finished, and says so"


def test_a_weight_of_nothing_is_plain_tuning_to_the_bit(chains, tiny_gpt2, tmp_path):
    """Dropout draws the same numbers, whichever contrast is not added."""
    found = {}
    for name, more in {
        "plain": {"contrast": "none", "alpha": 1.0},
        "dpo": {"contrast": "dpo", "alpha": 0.0},
        "cmd": {"contrast": "cmd", "alpha": 0.0, "anchor": "sample"},
        "added": {"contrast": "cmd", "alpha": 1e-3, "anchor": "sample"},
    }.items():
        run(quick_cmd(chains, tmp_path / name, tiny_gpt2, lora="none", limit=8, epochs=1, **more))
        found[name] = (tmp_path / name / "model.safetensors").read_bytes()
    assert found["plain"] == found["dpo"] == found["cmd"] != found["added"]


def test_preference_starts_at_ln_2_and_falls(chains, tiny_causal, tmp_path):
    wanted = quick_cmd(chains, tmp_path / "dpo", tiny_causal, lora="none", alpha=5.0, epochs=4)
    result = run(wanted)
    assert result.contrast["first"] == pytest.approx(math.log(2), abs=1e-5)
    assert result.contrast["last"] < 0.5 * math.log(2)
    before, *_, after = (r["eval_told_apart"] for r in read_log(wanted.output) if "eval_loss" in r)
    assert after >= before and after > 0.5, "also where it was not trained"


def test_unlikelihood_keeps_toxic_answers_unlikely(chains, tiny_causal, tmp_path):
    """Plain tuning makes them likelier, as it makes all English; here it is a weight of next to nothing."""
    found = {
        alpha: run(
            quick_cmd(
                chains,
                tmp_path / str(alpha),
                tiny_causal,
                contrast="unlikelihood",
                lora="none",
                alpha=alpha,
                epochs=4,
            )
        )
        for alpha in (1e-6, 20.0)
    }
    plain, contrasted = (result.contrast["last"] for result in found.values())
    assert contrasted < 0.7 * plain


def test_what_is_learnt_is_the_chain_and_nothing_of_the_prompt(chains, tiny_causal, tmp_path):
    wanted = quick_cmd(chains, tmp_path / "x", tiny_causal, val_fraction=0)
    data = read_data(wanted, Silent())
    loaded = load_causal(find_model(str(tiny_causal)), "cpu")
    training, _ = encode_sides(wanted, data, loaded.tokenizer, loaded.model.config)
    for lesson, row in zip(data.training, training.rows, strict=True):
        ids, decode = row.positive.ids, loaded.tokenizer.decode
        assert decode(ids[: row.learnt], skip_special_tokens=True) == lesson.chains[0].prompt
        assert decode(ids[row.learnt : -1]) == lesson.chains[0].completion
        assert ids[-1] == loaded.tokenizer.eos_token_id
        answers = [decode(text.answer).strip() for text in (row.positive, *row.negatives)]
        assert [answers[0] in {a.strip() for a in NICE}] * len(answers) == [
            True,
            *(answer in {a.strip() for a in RUDE} for answer in answers[1:]),
        ]
        assert all(text.before == row.positive.before for text in row.negatives)
    assert sum(not row.negatives for row in training.rows) == 6


def test_sampling_an_anchor_leaves_mode_and_numbers_as_they_were(chains, tiny_gpt2, tmp_path):
    wanted = quick_cmd(chains, tmp_path / "x", tiny_gpt2)
    data = read_data(wanted, Silent())
    loaded = load_causal(find_model(str(tiny_gpt2)), "cpu")
    rows = encode_sides(wanted, data, loaded.tokenizer, loaded.model.config)[0].rows[:3]
    model = loaded.model.train()
    model.transformer.drop.eval()
    torch.manual_seed(3)
    layout = layout_of(loaded.tokenizer, model.config)
    found = [sample(model, layout, rows, 2, seed) for seed in (5, 5, 6)]
    assert found[0] == found[1] != found[2]
    assert all(
        1 <= len(text.answer) <= 20 and text.before == row.positive.before
        for text, row in zip(found[0], rows, strict=True)
    )
    assert model.training and not model.transformer.drop.training and model.transformer.h[0].training
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert drawn == torch.rand(1)


SHARED_RUN = """
import sys
from pathlib import Path
from detox_cli.services.train_cmd.run import run
from detox_cli.settings.train_cmd import CmdSettings

run(CmdSettings.model_validate_json(Path(sys.argv[1]).read_text()))
"""


def test_a_step_of_two_processes_is_the_step_of_one(chains, tiny_causal, tmp_path):
    one = quick_cmd(chains, tmp_path / "one", tiny_causal, lora="none", learning_rate=1e-3, epochs=1, limit=8)
    run(one)
    two = one.model_copy(update={"output": tmp_path / "two", "batch_size": 2})
    (tmp_path / "settings.json").write_text(two.model_dump_json())
    (tmp_path / "train.py").write_text(SHARED_RUN)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    ran = subprocess.run(
        [*launcher, str(tmp_path / "train.py"), str(tmp_path / "settings.json")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    first = [read_log(folder.output)[0] for folder in (one, two)]
    for name in ("loss", "contrast", "grad_norm"):
        assert first[1][name] == pytest.approx(first[0][name], rel=1e-4), name


def published(folder: Path) -> Path:
    """Two rows as the published code writes them, one of them with the reader's key, and a broken one."""
    opening = "# Let's detoxify step by step. # The context is"
    toxic = f"# Text: You silly # {opening} toxic. # Detect the toxic segment within the context: You <MASK>"
    toxic += " # Detoxify the toxic segments: You there # Generation:"
    safe = f"# Text: The train # {opening} non-toxic. # Generation:".replace("# #", "#")
    toxic = toxic.replace("# #", "#")
    rows = [
        {
            "label": "toxic",
            "instruction": "",
            "output": f"{toxic} come in. #",
            "cl_template": toxic,
            "cont_generation": [" come in.", " you silly thing", " go away"],
            "toxicity": 0.1,
        },
        {
            "label": "non-toxic",
            "output": f"{safe} is late. #",
            "cl_template": safe,
            "generation": [" is late."],
        },
        {"label": "toxic", "output": "else", "cl_template": toxic, "generation": ["else"]},
    ]
    (folder / "rtp_cmd.json").write_text(json.dumps(rows))
    return folder / "rtp_cmd.json"


def test_the_published_file_is_read_with_its_own_keys(tiny_causal, tmp_path):
    wanted = quick_cmd(published(tmp_path), tmp_path / "x", tiny_causal, val_fraction=0)
    data = read_data(wanted, Silent())
    assert data.counts == {"read": 3, "unusable, listed with the rejects": 1, "trained on": 2, "held out": 0}
    first, second = data.training
    assert first.chains[0].prompt == "# Text: You silly " and first.chains[0].text == "You silly"
    assert first.chains[1].completion.endswith("# Generation: you silly thing #")
    assert [len(one.chains) for one in data.training] == [3, 1] and first.toxic and not second.toxic
    (reject,) = map(json.loads, (tmp_path / "x.rejects.jsonl").read_text().splitlines())
    assert "does not begin with cl_template" in reject["reason"]


def test_settings_and_data_that_cannot_be_are_told(chains, tiny_causal, tmp_path):
    def fails(error: type[Exception], match: str, **changes: object) -> None:
        with pytest.raises(error, match=match):
            run(quick_cmd(chains, tmp_path / "x", tiny_causal).model_copy(update=changes))

    fails(BadSettings, "--pool", contrast="cmd", pool="all", contrast_context="prompt")
    fails(BadSettings, "--patience", patience=2, select="last")
    fails(BadSettings, "would be replaced", data=str(tmp_path / "x" / "chains.jsonl"), overwrite=True)
    fails(BadSettings, "shape of an adapter", lora="8;16")
    fails(BadSettings, "--qlora: there is no adapter", lora="none", qlora="nf4")
    fails(BadSettings, "every chain is longer", max_length=20)
    fails(BadData, r"^row-\d+: the chain of \d+ tokens is longer than 40", max_length=40, over_length="error")
    fails(BadSettings, "no layer of the model", target=("c_attn",))
    fails(BadData, "chains.jsonl", data=str(tmp_path))
    assert not (tmp_path / "x").exists() and not (tmp_path / "x.training").exists()


def test_seeds_share_a_split_and_the_best_one_stands_in_the_output(chains, tiny_causal, tmp_path):
    wanted = quick_cmd(chains, tmp_path / "all", tiny_causal, seeds=(0, 1), epochs=1, lora="none", limit=12)
    result = run(wanted)
    losses = {one.seed: one.result.chosen_at["loss"] for one in result.seeds}
    assert len(set(losses.values())) == 2 and result.best == min(losses, key=losses.get)
    best = wanted.output / f"seed-{result.best}" / "model.safetensors"
    assert (wanted.output / "model.safetensors").read_bytes() == best.read_bytes()
    assert (wanted.output / "chain_template.json").is_file()


SIZES = {
    "gpt2-xl": (GPT2Config(n_embd=1600, n_layer=48, n_head=25), 2_457_600),
    "Llama-2-7b": (
        LlamaConfig(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32),
        4_194_304,
    ),
    "flan-t5-xl": (T5Config(d_model=2048, d_ff=5120, num_layers=24, num_heads=32), 4_718_592),
}


@pytest.mark.parametrize("name", SIZES)
def test_the_published_profiles_train_as_many_weights_as_published(name):
    """Table 2 of the paper and its appendix count the trained weights."""
    profile = "cmd-gpt2-xl" if name == "gpt2-xl" else "cmd-llama2-7b"
    settings = resolve("train.cmd", CmdSettings, {"model": "builtin:lm", "data": "x"}, [profile])
    auto = AutoModelForSeq2SeqLM if name == "flan-t5-xl" else AutoModelForCausalLM
    config, published = SIZES[name]
    assert adapter_size(settings, auto, config) == published
    assert (settings.contrast, settings.tau, settings.alpha, settings.epochs) == ("cmd", 1.0, 0.5, 10)
    assert settings.batch_size * settings.accumulate * 8 == 64


def test_dry_run_says_what_would_be_trained_on(chains, detox, tmp_path):
    told = json.loads(
        detox(
            *("train", "cmd", "builtin:lm", "--data", str(chains), "-o", str(tmp_path / "x")),
            *("--profile", "offline", "--dry-run", "--json"),
        ).out
    )
    assert told["rows"]["trained on, with toxic answers"] == 17 and told["template"] == "cmd-v3-code"
    assert sum(told["tokens"]["chain"].values()) == told["rows"]["trained on"] == 23
    assert told["parameters"] == {"trained": 2410176, "all": 2410176}
    assert "silly" not in str(told["shown"]) and told["steps"] == 30
    assert not (tmp_path / "x").exists()
