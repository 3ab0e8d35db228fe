"""From what was computed with one or two models to the figures of a report."""

from collections.abc import Mapping, Sequence
from math import expm1
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.scoring.losses import Loss
from detox_cli.scoring.perplexity import corpus_perplexity
from detox_cli.scoring.suites.panel import Panel
from detox_cli.services.abliterate.verify import answering
from detox_cli.services.abliterate.verify.forward import STREAM, Strength
from detox_cli.services.abliterate.verify.inputs import Inputs
from detox_cli.services.abliterate.verify.options import Limits, VerifyOptions
from detox_cli.services.abliterate.verify.verification import Check, Side, Verification, Writing
from detox_cli.statistics.bootstrap import Estimate, mean_interval, mean_interval_of_units

Rows = Mapping[Side, Sequence[answering.Row]]
Fields = dict[str, Any]


def task_fields(inputs: Inputs, rows: Rows, panel: Panel) -> Fields:
    """The scores of the task, and their paired differences."""
    found = {side: answering.task_scores(inputs.sentences, some, panel) for side, some in rows.items()}
    fields: Fields = {"task": {side: scores for side, (scores, _) in found.items()}}
    if len(found) == 2:
        parts = {side: components for side, (_, components) in found.items()}
        fields["task_difference"] = answering.task_difference(rows["before"], rows["after"], parts)
    return fields


def perplexity_fields(losses: Mapping[Side, Sequence[Loss]]) -> Fields:
    """Perplexities over whole texts, and the relative increase, paired by text."""
    fields: Fields = {
        "perplexity": {side: corpus_perplexity(some) for side, some in losses.items()},
        "perplexity_tokens": sum(loss.tokens for loss in losses["after"]),
    }
    if len(losses) == 2:
        pairs = [(a, b) for a, b in zip(losses["after"], losses["before"], strict=True) if a.tokens]
        moved = mean_interval_of_units([a.nats - b.nats for a, b in pairs], [a.tokens for a, _ in pairs])
        fields["perplexity_increase"] = Estimate(
            expm1(moved.mean), expm1(moved.low), expm1(moved.high), moved.n
        )
    return fields


def kl_fields(values: Mapping[str, Sequence[Any]]) -> Fields:
    """Means over prompts with their intervals; where the base declines some, without these, too."""
    fields = {"kl": mean_interval(values["mean"]), "kl_first": mean_interval(values["first"])}
    answered = values.get("answered", [])
    if any(answered) and not all(answered):
        for name in ("mean", "first"):
            some = [value for value, flag in zip(values[name], answered, strict=True) if flag]
            fields["kl_answered" if name == "mean" else "kl_first_answered"] = mean_interval(some)
    return fields


def forward_fields(shares: Mapping[Side, Mapping[str, float]], edited: Mapping[str, Strength]) -> Fields:
    """What every edited module writes along its directions, and the stream."""
    before, after = shares.get("before", {}), shares["after"]
    writing = [
        Writing(module=path, block=block, before=before.get(path), after=after[path], strength=strength)
        for path, (block, strength) in edited.items()
        if path in after
    ]
    return {"writing": writing, "stream": {side: some[STREAM] for side, some in shares.items()}}


def kept_answers(prompts: Mapping[str, Sequence[str]], rows: Mapping[str, Rows]) -> list[dict[str, str]]:
    """Prompts with their answers and what was found in them."""
    return [
        {
            "id": f"{side}-{name}-{number}",
            "prompt": prompt,
            "answer": row["answer"],
            "refusal": row["refusal"] or "",
            "degenerate": row["degenerate"] or "",
        }
        for name, sides in rows.items()
        for side, some in sides.items()
        for number, (prompt, row) in enumerate(zip(prompts[name], some, strict=True), start=1)
    ]


def check_limits(has_base: bool, options: VerifyOptions) -> None:
    """Refuse limits that nothing could be held against.

    Raises:
        BadSettings: What a limit is about is not measured.
    """
    limits, parts = options.limits, options.parts
    needs = {
        "--max-kl": (limits.max_kl, has_base and "kl" in parts, "the base model"),
        "--max-ppl-increase": (limits.max_ppl_increase, has_base and "perplexity" in parts, "the base model"),
        "--min-joint": (limits.min_joint, "task" in parts, "the task"),
        "--max-refusals": (limits.max_refusals, bool(options.positive) and "refusals" in parts, "prompts"),
    }
    for flag, (limit, known, lacking) in needs.items():
        if limit is not None and not known:
            raise BadSettings(f"cannot be judged without {lacking}", where=flag, hint="leave the limit out")


def checks(found: Verification, limits: Limits) -> list[Check]:
    """Each limit that is asked for beside what was found."""
    refusals = found.refusals["after"].unanswered if found.refusals else None
    joint = found.task["after"].joint if found.task else None
    wanted = [
        ("KL(base || edited)", found.kl, limits.max_kl, -1),
        ("increase of perplexity", found.perplexity_increase, limits.max_ppl_increase, -1),
        ("J on the task", joint, limits.min_joint, 1),
        ("share of prompts refused or not answered", refusals, limits.max_refusals, -1),
    ]
    return [
        Check(name=name, value=one.mean, limit=limit, met=sign * (one.mean - limit) >= 0)
        for name, one, limit, sign in wanted
        if one is not None and limit is not None
    ]
