"""The rows a rewriter learns from: one per reference, split so that no source is on both sides."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from detox_cli.data.pairs import Pair
from detox_cli.data.splits import source_key, split_fraction
from detox_cli.errors import BadData


@dataclass(frozen=True, slots=True)
class Example:
    """One toxic sentence with one neutral rewrite.

    Attributes:
        toxic: The sentence.
        neutral: What is to be written for it.
        file: The number of the file that it comes from.
        prompt: What the model reads, where that is not the bare sentence.
    """

    toxic: str
    neutral: str
    file: int = 0
    prompt: str = ""

    @property
    def source(self) -> str:
        """The identity of the toxic sentence."""
        return source_key(self.toxic)

    @property
    def text(self) -> str:
        """What the model reads."""
        return self.prompt or self.toxic


@dataclass(frozen=True, slots=True)
class Split:
    """Both sides, and how many held-out sources the training side also has."""

    training: list[Example]
    held_out: list[Example]

    @property
    def leaked(self) -> int:
        """Held-out sources that also occur in training."""
        trained = {example.source for example in self.training}
        return len({example.source for example in self.held_out} & trained)

    @property
    def held_out_sources(self) -> int:
        """Different toxic sentences on the held-out side."""
        return len({example.source for example in self.held_out})


def without_flagged(pairs: Iterable[Pair]) -> tuple[list[Pair], Counter[str]]:
    """Leave out pairs that their writer flagged, such as refusals; the second value counts each flag."""
    kept: list[Pair] = []
    dropped: Counter[str] = Counter()
    for pair in pairs:
        flags = flags_of(pair)
        dropped.update(flags[:1])
        if not flags:
            kept.append(pair)
    return kept, dropped


def flags_of(pair: Pair) -> list[str]:
    """Why the row says of itself that it should not be used: its ``refusal``, ``dropped``, ``flags``."""
    flags: list[str] = []
    if str(pair.values.get("refusal") or "").lower() in ("true", "1", "1.0", "yes"):
        flags.append("refusal")
    for column in ("dropped", "flags"):
        value = pair.values.get(column)
        if isinstance(value, str):
            value = value.strip("[] ").replace("'", "").replace('"', "").split(",")
        if isinstance(value, list | tuple):
            flags += [str(flag).strip() for flag in value if str(flag).strip()]
        elif value is True:
            flags.append(column)
    return flags


def written_rewrites(pair: Pair) -> tuple[str, ...]:
    """The rewrites to learn from: of a machine-written row what the machine wrote, not its references."""
    neutral = pair.values.get("neutral")
    if "references" in pair.values and isinstance(neutral, str) and neutral in pair.references:
        return (neutral,)
    return pair.references


def one_per_reference(
    pairs: Iterable[Pair], *, dedupe: bool, file: int = 0, prompts: Mapping[str, str] | None = None
) -> tuple[list[Example], int]:
    """A row for every reference, in order; with ``dedupe`` equal rows once. Also how many were left out.

    ``file`` is the number of the file; ``prompts`` is what the model reads, by the id of the pair.
    """
    examples = [
        Example(pair.toxic, reference, file, (prompts or {}).get(pair.id, ""))
        for pair in pairs
        for reference in written_rewrites(pair)
    ]
    chosen = list(dict.fromkeys(examples)) if dedupe else examples
    return chosen, len(examples) - len(chosen)


def without_repeats(
    files: Sequence[Sequence[Example]], precedence: Sequence[int]
) -> tuple[list[list[Example]], list[int]]:
    """Leave out pairs that a file of higher precedence has; also how many each file lost.

    Between files two pairs are equal when both sides are, but for case, spaces and punctuation: files of
    one origin differ in these.

    Args:
        files: The examples of each file.
        precedence: The numbers of the files, the one whose pairs count first.
    """
    seen: set[tuple[str, str, str]] = set()
    kept: list[list[Example]] = [[] for _ in files]
    for file in precedence:
        keys = [_pair_key(example) for example in files[file]]
        kept[file] = [e for e, key in zip(files[file], keys, strict=True) if key not in seen]
        seen.update(keys)
    return kept, [len(before) - len(after) for before, after in zip(files, kept, strict=True)]


def _pair_key(example: Example) -> tuple[str, str, str]:
    frame = example.prompt.replace(example.toxic, "") if example.prompt else ""
    return example.source, source_key(example.neutral), frame


def hold_out(examples: Sequence[Example], share: float, by: Literal["sources", "rows"], seed: int) -> Split:
    """Split ``examples``.

    ``sources`` decides by the text of the source and ``seed`` alone, so a sentence is on the same side in
    every file; ``rows`` shuffles rows with ``seed``, as the published trainers do. A share above 0 holds out
    at least one source or row.

    Raises:
        BadData: Nothing is left to train on.
    """
    split = _by_rows(examples, share, seed) if by == "rows" else _by_sources(examples, share, seed)
    if not split.training:
        raise BadData(
            f"none of {len(examples)} rows is left to train on",
            where="--eval-share",
            hint="give more pairs, or --eval-share 0",
        )
    return split


def _by_sources(examples: Sequence[Example], share: float, seed: int) -> Split:
    fractions = {e.source: split_fraction(e.source, f"train-bart-{seed}") for e in examples}
    border = max(share, min(fractions.values(), default=0.0) + 1e-12) if share else 0.0
    held = [e for e in examples if fractions[e.source] < border]
    return Split([e for e in examples if fractions[e.source] >= border], held)


def _by_rows(examples: Sequence[Example], share: float, seed: int) -> Split:
    order = list(examples)
    random.Random(seed).shuffle(order)
    size = max(1, round(share * len(order))) if share else 0
    return Split(order[size:], order[:size])


@dataclass(frozen=True, slots=True)
class Source:
    """A toxic sentence, its neutral references, and what the model reads for it."""

    toxic: str
    references: tuple[str, ...]
    text: str


def sources_with_references(examples: Iterable[Example], limit: int) -> list[Source]:
    """Different sources with all their references, at most ``limit``, chosen by text so that runs agree."""
    grouped: dict[str, list[Example]] = {}
    for example in examples:
        grouped.setdefault(example.source, []).append(example)
    chosen = sorted(grouped, key=lambda source: split_fraction(source, "rows-to-measure"))[:limit]
    return [
        Source(grouped[s][0].toxic, tuple(dict.fromkeys(e.neutral for e in grouped[s])), grouped[s][0].text)
        for s in chosen
    ]
