"""The chat model without its refusals, written once for all tests that look at it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from detox_cli.generation.load import load_engine
from detox_cli.generation.prompts import rewrite_conversation
from detox_cli.generation.requests import Request
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.plan import plan_edits
from detox_cli.models.checkpoint.write import write_edited
from detox_cli.models.directions import orthonormal
from detox_cli.models.hooks import on_block_outputs
from detox_cli.models.removal import Removal, remove_everywhere
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent
from detox_cli.services.abliterate.choice.choose import Choice, Choosing
from detox_cli.services.abliterate.verify.answering import rewrites
from detox_cli.services.abliterate.verify.inputs import read_sentences
from detox_cli.services.abliterate.verify.options import VerifyOptions
from tests.services.abliterate.bench import Bench, read_bench

BLOCK = 1
"""The block after which the chat model's refusals to rewrite lie along one direction."""


@dataclass(frozen=True)
class Edited:
    """An edited model: its folder and what was removed."""

    folder: Path
    removal: Removal


@pytest.fixture(scope="session")
def willing(tmp_path_factory: pytest.TempPathFactory) -> Edited:
    """``builtin:chat`` without the difference of means of refused and rewritten sentences after a block."""
    source = find_model("builtin:chat")
    engine = load_engine(source, device="cpu")
    sentences = read_sentences(VerifyOptions(limit_pairs=240))
    refused = [row["refused"] for row in rewrites(engine, sentences, Silent(), "")]
    streams: list[np.ndarray] = []

    def see(block: int, stream: torch.Tensor) -> None:
        if block == BLOCK:
            streams.append(stream[0, -1].double().numpy())

    prompts = engine.reader.read([Request("", rewrite_conversation(s, [], "turns"), 0) for s in sentences])
    anatomy = anatomy_of(engine.model)
    with on_block_outputs(engine.model, anatomy, see), torch.inference_mode():
        for prompt in prompts:
            engine.model(torch.tensor([prompt.ids]), use_cache=False)
    sides = [
        np.mean([s for s, no in zip(streams, refused, strict=True) if no is side], axis=0)
        for side in (True, False)
    ]
    removal = remove_everywhere(orthonormal(sides[0] - sides[1]), len(anatomy.blocks))
    checkpoint = open_checkpoint(source.location)
    inside, folder = checkpoint.anatomy(), tmp_path_factory.mktemp("willing")
    write_edited(
        checkpoint, plan_edits(checkpoint, inside, lambda writer: removal.edit(writer, inside)), folder
    )
    return Edited(folder, removal)


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The chat model, and what was measured on the bundled instructions."""
    return read_bench()


@pytest.fixture(scope="session")
def chosen(bench: Bench) -> Choice:
    """What is chosen with up to two projected directions."""
    return bench.choose(Choosing(modes=("projected",), directions=2))
