"""Trainings that cannot begin, or end without a result that can be used."""

import copy
import errno
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from detox_cli.data.preferences.preference import Preference
from detox_cli.errors import DetoxError, ExitCode
from detox_cli.models.loading import load_causal
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent
from detox_cli.services.merge.result import Folded, too_different
from detox_cli.services.train_bart.abstain import check_abstain_text
from detox_cli.services.train_cmd.data import read_data as read_chains
from detox_cli.services.train_cmd.single import encode_sides as encode_chains
from detox_cli.services.train_dpo.adapters import adapter_config
from detox_cli.services.train_dpo.building import configuration
from detox_cli.services.train_dpo.data import passes_by_language, read_data
from detox_cli.services.train_dpo.encode import Limits, encode
from detox_cli.services.train_dpo.result import DpoResult
from detox_cli.services.train_dpo.single import encode_sides
from detox_cli.services.train_lm.packing import prove_apart
from detox_cli.services.train_lm.parts import Overlap
from detox_cli.services.train_lm.result import LmResult
from detox_cli.services.train_spans.data import _check_sides
from detox_cli.services.train_spans.run import check as check_spans
from detox_cli.services.train_spans.start import _tokens
from detox_cli.services.training.resuming import explained, find_start
from detox_cli.services.training.sharding import needs_whole
from detox_cli.settings.profiles import find_launch
from detox_cli.settings.train_spans import SpansSettings
from tests.chain_rows import quick_cmd, write_chains
from tests.errors.case import Case, usage
from tests.preference_pairs import quick_tuning, write_preferences

Told = Callable[[Case], None]
PAIR = '{"toxic": "a", "neutral": "b"}\n'
FOLDED = Folded(texts=1, tokens=1, effect=1.0, difference=0.5, spread=1.0, limit=0.1)
SHARED = Overlap(pairs=1, equal=1, nearly_equal=0, with_held_out=0)


def stopped(error: Exception) -> None:
    """A training that ends in this way."""
    with explained(Path("out")):
        raise error


def made(error: DetoxError | None) -> None:
    """What a result reports, raised as a command would."""
    assert error is not None
    raise error


def split(stage: int) -> Any:
    """A trainer whose weights are split over processes."""
    plugin = SimpleNamespace(zero_stage=stage)
    return SimpleNamespace(
        is_deepspeed_enabled=True,
        accelerator=SimpleNamespace(state=SimpleNamespace(deepspeed_plugin=plugin)),
    )


TWO_PROCESSES = ("trainer_state.json", "rng_state_0.pth", "rng_state_1.pth")
BART = "train bart p.jsonl --model builtin:bart -o out "
DPO = "train dpo builtin:lm --data p.jsonl -o out "
CASES = [
    usage(
        BART + "--eval-share 0 --select loss",
        "--eval-share: --select loss needs held-out",
        **{"p.jsonl": PAIR},
    ),
    usage(BART + "--weight 1 --weight 2", "--weight: 2 given for 1 file", **{"p.jsonl": PAIR}),
    usage(DPO + "--loss sigmoid --loss-weight 1 --loss-weight 2", "--loss-weight: 2 given for 1 losses"),
    usage(DPO + "--map prompt=a", "--map: is prompt=a"),
    usage(DPO + "--mix hi:none", "--mix: is hi:none"),
    usage(lambda: passes_by_language([], {"fr": 1.0}), "--mix: no row is in fr"),
    usage(lambda: configuration({"output_dir": "out", "beta": -1.0}), "cannot be trained with"),
    usage(lambda: find_launch("none.yaml"), "NAME: no configuration 'none.yaml'"),
    usage(lambda: needs_whole(split(3), "--select loss", "here"), "needs the whole model on every GPU"),
    usage(
        lambda: find_start(Path("t")),
        "t: an unfinished run of 2 processes is there, and this one has 1",
        **{f"t/checkpoint-2/{name}": "{}" for name in TWO_PROCESSES},
    ),
    Case(
        lambda: stopped(torch.OutOfMemoryError()), "does not fit into the memory of the GPU", ExitCode.FAILED
    ),
    Case(lambda: stopped(OSError(errno.ENOSPC, "full")), "disk", ExitCode.FAILED),
    Case(lambda: stopped(pickle.UnpicklingError("Weights only load failed")), "out: a checkpoint is damaged"),
    Case(lambda: stopped(RuntimeError("PytorchStreamReader failed")), "out: a checkpoint is damaged"),
    Case(lambda: made(too_different(FOLDED)), "logits of the folded model are off by 0.5", ExitCode.FAILED),
    Case(
        lambda: made(DpoResult.model_construct(within_budget=False).problem()),
        "no measured step is within --max-kl",
        ExitCode.QUALITY,
    ),
    Case(
        lambda: made(LmResult.model_construct(overlap=SHARED).problem()),
        "the parts share texts",
        ExitCode.QUALITY,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_training(case: Case, told: Told) -> None:
    told(case)


@pytest.fixture(scope="module")
def loaded(tiny_causal: Path) -> Any:
    return load_causal(find_model(str(tiny_causal)), "cpu")


def preference(prompt: Any, chosen: Any, rejected: Any) -> Preference:
    return Preference("a", prompt, chosen, rejected, None, "a", "p.jsonl:1")


def test_preferences_that_leave_nothing(told: Told, tmp_path: Path, tiny_causal: Path, loaded: Any) -> None:
    data = write_preferences(tmp_path)
    few = quick_tuning(data, tmp_path / "out", tiny_causal)
    sides = read_data(few, Silent())
    told(usage(lambda: encode_sides(few, sides, loaded.tokenizer, 3), "--max-length: no preference is left"))
    none = replace(sides, held_out=[])
    told(usage(lambda: encode_sides(few, none, loaded.tokenizer, 64), "--val-fraction: --select"))


def test_a_conversation_that_a_template_refuses(told: Told, loaded: Any) -> None:
    turn = [{"role": "user", "content": "a"}]
    row = preference(turn, [{"role": "assistant", "content": "b"}], [{"role": "assistant", "content": "c"}])
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.chat_template = "{{ raise_exception('no system turn') }}"
    told(Case(lambda: encode([row], tokenizer, Limits(64)), "p.jsonl:1: the chat template refuses"))


def test_chains_that_leave_nothing(told: Told, tmp_path: Path, tiny_causal: Path, loaded: Any) -> None:
    data = write_chains(tmp_path / "chains", 4)
    short = quick_cmd(data, tmp_path / "out", tiny_causal, max_length=8)
    sides = read_chains(short, Silent())
    model = loaded.model.config
    told(usage(lambda: encode_chains(short, sides, loaded.tokenizer, model), "every chain is longer than"))

    sides = replace(sides, held_out=[])
    chosen = quick_cmd(data, tmp_path / "out", tiny_causal, select="loss")
    told(
        usage(lambda: encode_chains(chosen, sides, loaded.tokenizer, model), "--val-fraction: --select loss")
    )
    alone = [replace(one, chains=one.chains[:1]) for one in sides.training]
    plain = quick_cmd(data, tmp_path / "out", tiny_causal)
    sides = replace(sides, training=alone)
    said = "--data: no chain has a toxic answer to contrast with"
    told(Case(lambda: encode_chains(plain, sides, loaded.tokenizer, model), said))


def test_texts_that_do_not_begin_or_take_turns(told: Told, loaded: Any) -> None:
    row = preference("a", " b", " c")
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.bos_token = None
    told(usage(lambda: encode([row], tokenizer, Limits(64, add_bos=True)), "--add-bos: the tokenizer has no"))
    tokenizer.chat_template = None
    turns = preference([{"role": "user", "content": "a"}], *[[{"role": "assistant", "content": "b"}]] * 2)
    told(
        usage(
            lambda: encode([turns], tokenizer, Limits(64)), "the rows are conversations, and the model has no"
        )
    )


def test_an_adapter_that_cannot_be_folded(told: Told, tmp_path: Path, tiny_gpt2: Path) -> None:
    model = load_causal(find_model(str(tiny_gpt2)), "cpu").model
    dora = quick_tuning(tmp_path / "p.jsonl", tmp_path / "out", tiny_gpt2, lora="4,8,0", dora=True)
    told(usage(lambda: adapter_config(dora, model), "--dora: such an adapter cannot be folded into a gpt2"))


SPANS = {"model": "builtin:toxicity", "output": Path("out")}


def test_spans_that_cannot_be_learnt(
    told: Told, tmp_path: Path, tiny_classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts: Any = SimpleNamespace(training=[SimpleNamespace(spans=[(0, 1)])], validation=[])
    settings = SpansSettings(data=("t.jsonl",), **SPANS)
    said = "--eval-share: none of 0 texts that are to choose checkpoint and threshold has a span"
    told(Case(lambda: _check_sides(settings, posts), said))
    shutil.copytree(tiny_classifier, tmp_path / "m")
    weights = load_file(tmp_path / "m/model.safetensors")
    lost = next(name for name in weights if name.startswith("bert.encoder"))
    save_file(
        {n: w for n, w in weights.items() if n != lost}, tmp_path / "m/model.safetensors", {"format": "pt"}
    )
    told(
        usage(
            lambda: _tokens(settings, find_model(str(tmp_path / "m"))),
            f"lacks weights of an encoder, such as {lost}",
        )
    )
    monkeypatch.setenv("WORLD_SIZE", "2")
    piped = SpansSettings(data=("-",), **SPANS)
    told(usage(lambda: check_spans(piped), "--data -: several processes cannot all read stdin"))


def test_words_that_a_tokenizer_changes(told: Told, loaded: Any) -> None:
    told(usage(lambda: check_abstain_text(" ", loaded.tokenizer), "--abstain-text: the model's tokenizer"))


class Mixing(torch.nn.Module):
    """A model in which every text reads all of its row."""

    dtype, device = torch.float32, torch.device("cpu")

    def get_input_embeddings(self) -> Any:
        return torch.nn.Embedding(9, 1)

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        mean = input_ids.float().mean(1, keepdim=True)
        return SimpleNamespace(logits=(input_ids + mean)[..., None].float())


def test_a_model_that_mixes_packed_texts(told: Told) -> None:
    told(usage(lambda: prove_apart(Mixing(), "m"), "--packing: m does not keep packed texts apart"))
