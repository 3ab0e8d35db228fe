"""The different sentences of the input, and what the model is asked about each of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from detox_cli.data.pairs import Pair
from detox_cli.data.splits import text_key
from detox_cli.errors import BadData
from detox_cli.generation.made import Made
from detox_cli.generation.prompts import PROMPTS, RewritePrompt, Shot, rewrite_conversation
from detox_cli.generation.requests import Request
from detox_cli.generation.seeds import row_seed
from detox_cli.settings.synth import SynthPairsSettings

Choice = Callable[[str], tuple[Shot, ...]]
"""The worked examples for a sentence, in the order in which the prompt has them."""

LeftOut = tuple[Pair, str]
"""A row that is not asked about, and why: ``excluded``, ``lang`` or ``not_toxic``."""


@dataclass(frozen=True, slots=True)
class Source:
    """A different sentence of the input: the id of the first row that has it, and its examples."""

    id: str
    text: str
    shots: tuple[Shot, ...]


def wanted_pairs(
    pairs: Sequence[Pair], settings: SynthPairsSettings, excluded: set[str]
) -> tuple[list[Pair], list[LeftOut]]:
    """The rows in the languages wanted that are not excluded, and the others.

    Raises:
        BadData: None is left.
    """
    kept: list[Pair] = []
    left_out: list[LeftOut] = []
    for pair in (_in_its_language(pair, settings.lang_column) for pair in pairs):
        if settings.lang and pair.lang not in settings.lang:
            left_out.append((pair, "lang"))
        elif text_key(pair.toxic) in excluded:
            left_out.append((pair, "excluded"))
        else:
            kept.append(pair)
    if not kept:
        reasons = " and ".join(sorted({reason for _, reason in left_out}))
        raise BadData(
            f"all of its {len(pairs)} sentences are left out: {reasons}",
            where=settings.input,
            hint="see the options that leave sentences out",
        )
    return kept, left_out


def _in_its_language(pair: Pair, column: str) -> Pair:
    lang = pair.values.get(column)
    return replace(pair, lang=lang if isinstance(lang, str) and lang else None)


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
    return one_line(pair.toxic)


def one_line(text: str) -> str:
    """The words of a text with one space between them."""
    return " ".join(text.split())


def prompt_of(settings: SynthPairsSettings, attempt: int) -> RewritePrompt:
    """The instruction of the first time of asking, or of a later one."""
    return PROMPTS[settings.prompt if attempt == 1 else settings.retry_prompt or settings.prompt]


def requests_for(
    sources: Sequence[Source], settings: SynthPairsSettings, attempt: int = 1
) -> Sequence[Request]:
    """One request per source, in order; every attempt has seeds of its own.

    A request is made when it is asked for: with ten examples it is many times as large as its source.
    """
    return Made(len(sources), partial(_request, sources, settings, attempt))


def _request(sources: Sequence[Source], settings: SynthPairsSettings, attempt: int, place: int) -> Request:
    source, prompt = sources[place], prompt_of(settings, attempt)
    return Request(
        request_id(source, attempt),
        rewrite_conversation(source.text, source.shots, settings.shot_style, prompt),
        seed=row_seed(settings.seed, one_line(source.text), *([attempt] if attempt > 1 else [])),
        samples=settings.num_candidates,
    )


def request_id(source: Source, attempt: int) -> str:
    """The id of the request that asks about a source, the first time or again."""
    return source.id if attempt == 1 else f"{source.id} (attempt {attempt})"
