"""The contrast of a task: sentences that a model refuses to detoxify against those that it rewrites."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.generation.chat import chat_ids
from detox_cli.generation.prompts import rewrite_conversation
from detox_cli.generation.refusal import is_refusal
from detox_cli.generation.requests import Request, Sampling
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.directions import Floats, orthonormal
from detox_cli.models.hooks import on_block_outputs
from detox_cli.models.sources import MINIATURES

GREEDY = Sampling(max_new_tokens=32, temperature=0)
FEWEST = 16


def sentences() -> list[str]:
    """The toxic sentences of the bundled sample."""
    rows = read_rows(str(MINIATURES / "samples" / "pairs.jsonl"), Rejects())
    return [str(row.values["toxic"]) for row in rows]


def refused(engine: TransformersEngine, texts: Sequence[str]) -> list[bool]:
    """Whether the model declines to rewrite each text."""
    requests = [Request(str(i), rewrite_conversation(text, [], "turns"), 0) for i, text in enumerate(texts)]
    answers = {done.id: done.samples[0].text for done in engine.generate(requests, GREEDY)}
    return [is_refusal(answers[str(i)], text) for i, text in enumerate(texts)]


def split(texts: Sequence[str], flags: Sequence[bool]) -> dict[str, tuple[list[str], list[str]]]:
    """Refused (positive) and answered (negative) texts, two thirds to measure on and the rest to choose with.

    Raises:
        BadData: Either side is too small.
    """
    sides = [[t for t, flag in zip(texts, flags, strict=True) if flag == wanted] for wanted in (True, False)]
    if min(map(len, sides)) < FEWEST:
        raise BadData(
            f"{len(sides[0])} refused and {len(sides[1])} answered sentences are too few",
            hint=f"a contrast needs {FEWEST} on each side",
        )
    border = [2 * len(side) // 3 for side in sides]
    return {
        "measure": (sides[0][: border[0]], sides[1][: border[1]]),
        "choose": (sides[0][border[0] :], sides[1][border[1] :]),
    }


@torch.no_grad()
def means(
    engine: TransformersEngine, anatomy: Anatomy, texts: Mapping[str, Sequence[str]], positions: int
) -> dict[str, Floats]:
    """The mean stream after every block at the last positions, ``[P, L, d]``; the last token comes last."""
    found = {}
    for name, side in texts.items():
        total = np.zeros((positions, len(anatomy.blocks), anatomy.width))

        def see(index: int, stream: torch.Tensor, total: Floats = total) -> None:
            total[:, index] += stream[0, -positions:].double().cpu().numpy()

        with on_block_outputs(engine.model, anatomy, see):
            for text in side:
                conversation = rewrite_conversation(text, [], "turns")
                ids = chat_ids(engine.tokenizer, conversation, engine.reader.chat)
                engine.model(input_ids=torch.tensor([ids], device=engine.model.device), use_cache=False)
        found[name] = total / len(side)
    return found


def choose(
    engine: TransformersEngine, anatomy: Anatomy, difference: Floats, texts: Sequence[str]
) -> tuple[Floats, dict[str, float]]:
    """The direction ``[d, 1]`` with which the fewest ``texts`` are refused while it is out of the stream."""
    best: tuple[float, Floats, dict[str, float]] | None = None
    for layer in range(len(anatomy.blocks)):
        basis = orthonormal(difference[-1, layer])
        with on_block_outputs(engine.model, anatomy, _without(basis)):
            share = float(np.mean(refused(engine, texts)))
        if best is None or share < best[0]:
            best = (share, basis, {"position": -1, "layer": layer, "refusals while choosing": share})
    assert best is not None
    return best[1], best[2]


def _without(basis: Floats) -> Callable[[int, torch.Tensor], torch.Tensor]:
    def see(_index: int, stream: torch.Tensor) -> Any:
        direction = torch.from_numpy(basis).to(stream)
        return stream - (stream @ direction) @ direction.T

    return see
