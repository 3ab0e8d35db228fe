"""From what the user asked for to a contrast, with the model's own behaviour where that decides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadSettings
from detox_cli.generation.requests import Engine, Sampling
from detox_cli.generation.rewrite_refusals import is_refusal
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.scoring.instruction_refusals import declines
from detox_cli.services.abliterate.contrast.contrasts import (
    DEFAULT_SHARES,
    Contrast,
    Prompt,
    Shares,
    filtered,
    parted,
)
from detox_cli.services.abliterate.contrast.files import (
    HARMFUL,
    HARMLESS,
    PAIRS,
    Wording,
    read_pairs,
    read_sentences,
    read_texts,
)
from detox_cli.services.abliterate.contrast.languages import balanced
from detox_cli.services.answering import answer

Kind = Literal["refusal", "task", "toxicity", "files"]
Ask = Callable[[Sequence[Prompt]], Mapping[str, str]]
"""Gives the model's own answer to every prompt, by id."""

ANSWER_TOKENS = 32
"""Enough to see whether an answer declines."""


@dataclass(frozen=True)
class Sources:
    """Which prompts are contrasted.

    Attributes:
        kind: ``refusal``: harmful against harmless instructions. ``task``: sentences that the model declines
            to detoxify against those that it rewrites. ``toxicity``: toxic texts against neutral ones.
            ``files``: the user's own.
        positive: A file, for ``refusal`` (else the bundled one) and ``files``.
        negative: As ``positive``.
        pairs: A file with toxic texts, and for ``toxicity`` their neutral versions; else the bundled one.
        column: The column of the prompts in ``positive`` and ``negative``.
        limit: The most rows to read of each file.
        shares: How each side is parted.
        seed: Of the parting.
        keep_all: Leave the model's behaviour out of it, and keep every prompt of ``refusal`` and ``files``.
    """

    kind: Kind
    positive: str | None = None
    negative: str | None = None
    pairs: str | None = None
    column: str | None = None
    limit: int | None = None
    shares: Shares = DEFAULT_SHARES
    seed: int = 0
    keep_all: bool = False


def make_contrast(
    sources: Sources, wording: Wording, ask: Ask, rejects: Rejects, progress: Progress
) -> Contrast:
    """Read the prompts, part them, look at what the model does with them, and balance their languages.

    ``check`` of what comes back says whether it is enough.

    Raises:
        BadData: A file cannot be used.
        BadSettings: Files are missing, or do not belong to the kind.
        Missing: A data set cannot be had.
    """
    _check(sources)
    return balanced(_unbalanced(sources, wording, ask, rejects, progress))


def _unbalanced(
    sources: Sources, wording: Wording, ask: Ask, rejects: Rejects, progress: Progress
) -> Contrast:
    if sources.kind == "task":
        return _task(sources, ask, rejects)
    wording.tell(progress)
    if sources.kind == "toxicity":
        positive, negative = read_pairs(sources.pairs or PAIRS, wording, rejects, limit=sources.limit)
        return parted(sources.kind, positive, negative, sources.seed, sources.shares)
    files = {"positive": sources.positive or HARMFUL, "negative": sources.negative or HARMLESS}
    sides = [
        read_texts(file, side, wording, rejects, column=sources.column, limit=sources.limit)
        for side, file in files.items()
    ]
    shares = sources.shares
    if not sources.keep_all:
        shares = replace(shares, most_val=2 * shares.most_val)  # some will go
    contrast = parted(sources.kind, sides[0], sides[1], sources.seed, shares)
    if sources.keep_all:
        return contrast
    sides_asked = (contrast.positive, contrast.negative)
    answers = ask([prompt for side in sides_asked for prompt in (*side.train, *side.val)])
    refuses = {name: declines(text) for name, text in answers.items()}
    return filtered(contrast, refuses, answers, sources.shares.most_val)


def asking(engine: Engine, journal: Journal | None, progress: Progress, tokens: int = ANSWER_TOKENS) -> Ask:
    """Ask a model, greedily; what the journal holds is not asked again."""

    def ask(prompts: Sequence[Prompt]) -> Mapping[str, str]:
        sampling = Sampling(max_new_tokens=tokens, temperature=0)
        requests = [prompt.request() for prompt in prompts]
        found = answer(engine, requests, sampling, journal, progress, "asking the model")
        return {name: done.samples[0].text for name, done in found.completions.items()}

    return ask


def _task(sources: Sources, ask: Ask, rejects: Rejects) -> Contrast:
    prompts = read_sentences(sources.pairs or PAIRS, rejects, limit=sources.limit)
    answers = ask(prompts)
    refused = {prompt.id: is_refusal(answers[prompt.id], prompt.text) for prompt in prompts}
    positive = [prompt for prompt in prompts if refused[prompt.id]]
    negative = [prompt for prompt in prompts if not refused[prompt.id]]
    return parted(sources.kind, positive, negative, sources.seed, sources.shares, answers)


def _check(sources: Sources) -> None:
    given = {"positive": sources.positive, "negative": sources.negative}
    if sources.kind == "files" and not all(given.values()):
        raise BadSettings(
            "a contrast of two files needs both", hint="name them with --positive and --negative"
        )
    if sources.kind in ("task", "toxicity") and any(given.values()):
        raise BadSettings(
            f"the {sources.kind} contrast has no positive and negative files", hint="name pairs with --pairs"
        )
    if sources.kind in ("refusal", "files") and sources.pairs:
        raise BadSettings(f"the {sources.kind} contrast reads no pairs", hint="leave --pairs out")
