"""The different sentences of the input, and what the model is asked about each of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from detox_cli.data.pairs import Pair
from detox_cli.generation.prompts import PROMPTS, RewritePrompt, Shot, rewrite_conversation
from detox_cli.generation.requests import Request
from detox_cli.generation.seeds import row_seed
from detox_cli.settings.synth import SynthPairsSettings

Choice = Callable[[str], tuple[Shot, ...]]
"""The worked examples for a sentence, in the order in which the prompt has them."""


@dataclass(frozen=True)
class Source:
    """A different sentence of the input: the id of the first row that has it, and its examples."""

    id: str
    text: str
    shots: tuple[Shot, ...]


def sources_of(pairs: Sequence[Pair], shots_for: Choice) -> dict[str, Source]:
    """The different sentences with their examples, by source key, in the order of their first rows."""
    sources: dict[str, Source] = {}
    for pair in pairs:
        key = source_key(pair)
        if key not in sources:
            sources[key] = Source(pair.id, pair.toxic, shots_for(pair.toxic))
    return sources


def source_key(pair: Pair) -> str:
    """Sources that differ in spaces alone are one prompt."""
    return " ".join(pair.toxic.split())


def prompt_of(settings: SynthPairsSettings, attempt: int) -> RewritePrompt:
    """The instruction of the first time of asking, or of a later one."""
    return PROMPTS[settings.prompt if attempt == 1 else settings.retry_prompt or settings.prompt]


def requests_for(
    sources: Mapping[str, Source], settings: SynthPairsSettings, attempt: int = 1
) -> dict[str, Request]:
    """One request per source, by its key; every attempt has seeds of its own."""
    prompt = prompt_of(settings, attempt)
    return {
        key: Request(
            source.id if attempt == 1 else f"{source.id} (attempt {attempt})",
            rewrite_conversation(source.text, source.shots, settings.shot_style, prompt),
            seed=row_seed(settings.seed, key, *([attempt] if attempt > 1 else [])),
            samples=settings.num_candidates,
        )
        for key, source in sources.items()
    }
