"""How one model answers: what is declined, what says nothing, and how the task is done."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detox_cli.data.splits import text_key
from detox_cli.generation.cleaning import clean_output
from detox_cli.generation.prompts import DETOX_EN_V1, rewrite_conversation
from detox_cli.generation.requests import Request, Sampling
from detox_cli.generation.rewrite_refusals import is_refusal
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.output.progress import Progress
from detox_cli.scoring.degenerate import degenerate
from detox_cli.scoring.instruction_refusals import holds_published, refusal_kind
from detox_cli.scoring.refusal_classifier import RefusalJudge
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.panel import Panel
from detox_cli.scoring.suites.suite import Components, measure_outputs
from detox_cli.services.abliterate.verify.inputs import last_turn
from detox_cli.services.abliterate.verify.options import Conversation
from detox_cli.services.abliterate.verify.verification import Answers, Side, TaskScores
from detox_cli.services.answering import answer
from detox_cli.statistics.bootstrap import Estimate, mean_interval, paired_difference
from detox_cli.statistics.shares import share_interval

Row = dict[str, Any]
TASK_TOKENS = 64
MEASURES = ("STA", "SIM", "FL", "J")


def judged_answers(
    engine: TransformersEngine,
    prompts: Sequence[Conversation],
    new_tokens: int,
    keep: bool,
    judge: RefusalJudge | None,
    progress: Progress,
    label: str,
) -> list[Row]:
    """Greedy answers to prompts as verdicts: how each declines, what is wrong with it, its length.

    Args:
        engine: The model.
        prompts: What it is asked.
        new_tokens: The longest answer.
        keep: Whether the texts stay in the rows.
        judge: Tells refusals too, beside the wording.
        progress: Who listens.
        label: What this is called there.

    Raises:
        BadData: No prompt can be answered.
    """
    found = _greedy(engine, prompts, new_tokens, progress, label)
    rows = [_verdict(text, tokens) | ({"answer": text} if keep else {}) for text, tokens in found]
    if judge is not None:
        flags = judge.refused([text for text, _ in found], [last_turn(prompt) for prompt in prompts])
        rows = [row | {"classified": flag} for row, flag in zip(rows, flags, strict=True)]
    return rows


def summary(rows: Sequence[Row]) -> Answers:
    """The shares of verdicts."""
    refused = [row["refusal"] is not None for row in rows]
    broken = [row["degenerate"] is not None for row in rows]
    kinds = [row["degenerate"] for row in rows if row["degenerate"]]
    return Answers(
        refused=share_interval(refused),
        at_start=sum(row["refusal"] == "start" for row in rows),
        later=sum(row["refusal"] == "anywhere" for row in rows),
        published=share_interval([row["published"] for row in rows]),
        classified=share_interval([row["classified"] for row in rows]) if "classified" in rows[0] else None,
        degenerate=share_interval(broken),
        kinds={kind: kinds.count(kind) for kind in sorted(set(kinds))},
        unanswered=share_interval([a or b for a, b in zip(refused, broken, strict=True)]),
        tokens=float(np.mean([row["tokens"] for row in rows])),
    )


def rewrites(
    engine: TransformersEngine, sentences: Sequence[str], progress: Progress, label: str
) -> list[Row]:
    """Greedy rewrites of toxic sentences, asked for as ``synth pairs`` does; a refusal is an empty text."""
    prompts = [rewrite_conversation(sentence, [], "turns") for sentence in sentences]
    rows = []
    found = _greedy(engine, prompts, TASK_TOKENS, progress, label)
    for sentence, (said, _) in zip(sentences, found, strict=True):
        text = clean_output(said, DETOX_EN_V1.toxic_label)
        refused = is_refusal(text, sentence)
        rows.append({"text": "" if refused else text, "refused": refused})
    return rows


def answered(rows: Sequence[Row]) -> Estimate:
    """The share of sentences that were rewritten, whatever is said in the rewrites."""
    return share_interval([bool(row["text"]) for row in rows])


def task_scores(sentences: Sequence[str], rows: Sequence[Row], panel: Panel) -> tuple[TaskScores, Components]:
    """STA, SIM, FL and J of the rewrites, and J of all sentences; and the components of every row."""
    texts = [str(row["text"]) for row in rows]
    parts = measure_outputs(DETOX, panel, sentences, texts)
    there = np.flatnonzero([bool(text) for text in texts])
    scores = _means(parts.take(there)) if len(there) else {}
    copies = sum(bool(t) and text_key(t) == text_key(s) for t, s in zip(texts, sentences, strict=True))
    return TaskScores(
        answered=answered(rows), copies=copies, scores=scores, joint=mean_interval(parts.joint)
    ), parts


def task_difference(
    before: Sequence[Row], after: Sequence[Row], parts: Mapping[Side, Components]
) -> dict[str, Estimate]:
    """After minus before, paired by sentence: J of all, and every measure where both rewrite."""
    found = {"J of all": paired_difference(parts["after"].joint, parts["before"].joint)}
    both = np.flatnonzero([bool(a["text"] and b["text"]) for a, b in zip(before, after, strict=True)])
    if len(both):
        one, other = _columns(parts["after"].take(both)), _columns(parts["before"].take(both))
        found |= {name: paired_difference(one[name], other[name]) for name in MEASURES}
    return found


def _columns(parts: Components) -> dict[str, Any]:
    return dict(zip(MEASURES, (parts.sta, parts.sim, parts.fl, parts.joint), strict=True))


def _means(parts: Components) -> dict[str, Estimate]:
    return {name: mean_interval(values) for name, values in _columns(parts).items()}


def _greedy(
    engine: TransformersEngine,
    prompts: Sequence[Conversation],
    new_tokens: int,
    progress: Progress,
    label: str,
) -> list[tuple[str, int]]:
    """The text and the length of every answer, in order."""
    requests = [Request(f"{label}, prompt {i}", prompt, 0) for i, prompt in enumerate(prompts, start=1)]
    sampling = Sampling(max_new_tokens=new_tokens, temperature=0)
    done = answer(engine, requests, sampling, None, progress, label).completions
    samples = [done[request.id].samples[0] for request in requests]
    return [(sample.text, sample.tokens) for sample in samples]


def _verdict(text: str, tokens: int) -> Row:
    return {
        "refusal": refusal_kind(text),
        "degenerate": degenerate(text),
        "published": holds_published(text),
        "tokens": tokens,
    }
