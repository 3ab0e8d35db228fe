"""The first step: the residual stream of a model on the two sides of a contrast."""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from detox_cli.errors import BadData
from detox_cli.generation.encoding import PromptReader
from detox_cli.generation.requests import Sampling
from detox_cli.models.activations.blockwise import collect_blockwise
from detox_cli.models.activations.collect import BATCH_TOKENS, collect
from detox_cli.models.activations.moments import Moments
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.direction_file import Measured
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.services.abliterate.contrast.contrasts import Contrast, Prompt

Ids = tuple[tuple[int, ...], ...]
Sides = Mapping[str, Ids]
MOST_POSITIONS = 16
RAW_POSITIONS = 8
"""Of text that ends in no template: sentences differ inside, their last token is a full stop."""
ONE_TOKEN = Sampling(max_new_tokens=1)


def measure(
    model: Any,
    anatomy: Anatomy,
    reader: PromptReader,
    contrast: Contrast,
    fingerprint: str,
    progress: Progress,
    *,
    positions: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    winsorize: float = 1.0,
) -> Measured:
    """Measure on the train parts of both sides.

    Args:
        model: The loaded model.
        anatomy: Its anatomy.
        reader: Turns prompts into token ids for it.
        contrast: What is contrasted.
        fingerprint: The identity of the model.
        progress: Hears how far it is.
        positions: How many of the last tokens; by default see `usual_positions`.
        batch_tokens: Tokens of a batch.
        winsorize: See ``collect``.

    Raises:
        BadData: A prompt does not fit the model's context, or numbers are not finite.
    """

    def read(sides: Sides, looked_at: int) -> dict[str, Moments]:
        return collect(model, anatomy, sides, looked_at, batch_tokens, progress, winsorize)

    return _measured(read, reader, contrast, fingerprint, positions, winsorize)


def measure_blockwise(
    source: ModelSource,
    reader: PromptReader,
    contrast: Contrast,
    progress: Progress,
    *,
    positions: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    winsorize: float = 1.0,
    dtype: str = "auto",
    scratch: Path | None = None,
    trust_remote_code: bool = False,
) -> Measured:
    """The same for a model that does not fit into memory; see ``collect_blockwise``."""

    def read(sides: Sides, looked_at: int) -> dict[str, Moments]:
        return collect_blockwise(
            source,
            sides,
            looked_at,
            batch_tokens,
            progress,
            winsorize,
            dtype=dtype,
            scratch=scratch,
            trust_remote_code=trust_remote_code,
        )

    return _measured(read, reader, contrast, source.fingerprint, positions, winsorize)


def _measured(
    read: Callable[[Sides, int], dict[str, Moments]],
    reader: PromptReader,
    contrast: Contrast,
    fingerprint: str,
    positions: int | None,
    winsorize: float,
) -> Measured:
    sides = {
        "positive": token_ids(reader, contrast.positive.train),
        "negative": token_ids(reader, contrast.negative.train),
    }
    everything = [*sides["positive"], *sides["negative"]]
    shared = shared_ending(everything)
    looked_at = positions or usual_positions(contrast, shared)
    found = read(sides, looked_at)
    return Measured(
        positive=found["positive"],
        negative=found["negative"],
        contrast=contrast.kind,
        model=fingerprint,
        tokens=position_names(reader.tokenizer, everything[0], looked_at, shared),
        prompts=contrast.hashes(),
        winsorize=winsorize,
    )


def token_ids(reader: PromptReader, prompts: Sequence[Prompt]) -> Ids:
    """Token ids of prompts.

    Raises:
        BadData: One is empty or does not fit the model's context; it is named.
    """
    encoded = reader.read([prompt.request() for prompt in prompts])
    for prompt, found in zip(prompts, encoded, strict=True):
        if reason := reader.fault(found, ONE_TOKEN):
            raise BadData(reason, where=prompt.id, hint="leave it out, or shorten it")
    return tuple(found.ids for found in encoded)


def usual_positions(contrast: Contrast, shared: int) -> int:
    """The tokens that all prompts end with, so the template's; `RAW_POSITIONS` of toxic and neutral text."""
    raw = all(isinstance(prompt.prompt, str) for prompt in contrast.positive.train)
    least = RAW_POSITIONS if raw and contrast.kind == "toxicity" else 1
    return max(least, min(MOST_POSITIONS, shared))


def shared_ending(prompts: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all prompts end with: those of the template after the instruction."""
    backwards = zip(*(reversed(ids) for ids in prompts), strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, backwards))


def position_names(tokenizer: Any, ids: Sequence[int], positions: int, shared: int) -> tuple[str, ...]:
    """What stands at the last positions: a token where all prompts have the same, else ``…``."""
    return tuple(
        tokenizer.decode([ids[place]]) if -place <= min(shared, len(ids)) else "…"
        for place in range(-positions, 0)
    )
