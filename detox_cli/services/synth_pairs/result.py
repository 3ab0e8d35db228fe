"""What ``synth pairs`` reports: how much can be used, how good it is, and whether refusals need a cure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from detox_cli.runs.manifest import read_manifest
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.services.synth_pairs.candidates import Written
from detox_cli.settings.synth import SynthPairsSettings
from detox_cli.statistics.bootstrap import Estimate, mean_interval
from detox_cli.statistics.shares import share_interval


class SynthPairsResult(Result):
    """What was written, and how much of it can be trained on."""

    rows: int = Field(description="Rows written: one for each row read that is not dropped.")
    unique_sources: int = Field(description="Prompts asked: each different source once.")
    usable: int = Field(description="Rows written that have no flag.")
    refusals: Estimate = Field(description="Share of unique sources whose first answer declined.")
    declined: int = Field(default=0, description="Unique sources with nothing but refusals in the end.")
    asked_again: int = Field(default=0, description="Unique sources that were asked more than once.")
    advice: str = Field(default="", description="Whether removing the refusals from the model would pay.")
    flags: dict[str, int] = Field(description="Rows written with each flag.")
    dropped: dict[str, int] = Field(
        default={}, description="Rows dropped, by reason; a row may have several."
    )
    dropped_rows: int = Field(default=0, description="Rows dropped.")
    scores: dict[str, Estimate] = Field(
        default={}, description="Means over the unique rewrites that are kept."
    )
    scorers: dict[str, str] = Field(default={}, description="The identity of each scorer.")
    preferences: int = Field(default=0, description="Preference pairs written.")
    faults: dict[str, str] = Field(
        default={}, description="Why sentences could not be answered, by source id."
    )
    rejects: int = Field(
        default=0, description="Rows that could not be used; their reasons are in the rejects file."
    )
    new_tokens: int = Field(description="Tokens written in this run and before, all candidates together.")
    seconds: float = Field(default=0.0, description="Wall time of this run.")

    def tables(self) -> list[Table]:
        """Counts, and the scores where there are any."""
        counts: list[list[Cell]] = [
            ["rows", self.rows],
            ["unique sources", self.unique_sources],
            ["usable rows", self.usable],
            ["rejected rows", self.rejects],
            ["tokens written", self.new_tokens],
        ]
        extra = {"asked again": self.asked_again, "dropped rows": self.dropped_rows}
        extra["preference pairs"] = self.preferences
        counts += [[name, count] for name, count in extra.items() if count]
        counts += [[f"flag: {flag}", count] for flag, count in self.flags.items()]
        counts += [[f"dropped: {reason}", count] for reason, count in self.dropped.items()]
        caption = f"{shown_refusals(self.refusals)}; {self.advice}"
        tables = [Table(title="Pairs", columns=["", "count"], rows=counts, caption=caption)]
        if self.scores:
            rows: list[list[Cell]] = [[name, str(value), value.n] for name, value in self.scores.items()]
            caption = f"suite {DETOX.title}; J is the mean of STA x SIM x FL, and chose among candidates"
            tables.append(Table(title="Scores", columns=["", "mean", "n"], rows=rows, caption=caption))
        return tables

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Train on the pairs."""
        return [f"detox train bart {path} -o rewriter" for path in self.files[:1]]


def summary(
    settings: SynthPairsSettings,
    kept: Sequence[Mapping[str, Any]],
    dropped: Sequence[Mapping[str, Any]],
    written: Mapping[str, Written],
    scorers: Mapping[str, str],
) -> SynthPairsResult:
    """Count and average what was written; ``written`` is by source key."""
    refusals = share_interval([one.first_refused for one in written.values()])
    again = [one for one in written.values() if one.attempts > 1]
    flags = Counter(flag for row in kept for flag in row["flags"])
    reasons = Counter(reason for row in dropped for reason in row["dropped"])
    return SynthPairsResult(
        files=[] if settings.output == "-" else [Path(settings.output)],
        rows=len(kept),
        unique_sources=len(written),
        usable=sum(not row["flags"] for row in kept),
        refusals=refusals,
        declined=sum(all("refusal" in c.flags for c in one.candidates) for one in written.values()),
        asked_again=len(again),
        advice=advice(refusals, settings.advise_above, settings.num_shots, _is_abliterated(settings.model)),
        flags=dict(sorted(flags.items())),
        dropped=dict(sorted(reasons.items())),
        dropped_rows=len(dropped),
        scores=_means([one for one in written.values() if not one.dropped], settings.seed),
        scorers=dict(scorers),
        new_tokens=sum(one.tokens for source in written.values() for one in source.candidates),
    )


def advice(refusals: Estimate, limit: float, num_shots: int, abliterated: bool = False) -> str:
    """Whether abliteration would pay, in one clause; of a model that is ``abliterated``, what would help.

    With ten examples the published 8B model declines .1% of sentences, and abliterating it changes the
    rewriter's J by .001; without examples it declines often, and abliteration brings a gain (PseudoParaDetox,
    Moskovskiy et al., EMNLP Findings 2024, tables 2 and 3).
    """
    if refusals.high < limit:
        return f"surely below {limit:.1%}, so removing refusals from the model would not pay"
    if refusals.low <= limit:
        return f"whether that is above {limit:.1%}, where removing refusals pays, more sentences would tell"
    if abliterated:
        cure = "contrast the task itself, --contrast task"
        return f"above {limit:.1%} although this model is abliterated already: {cure}"
    first = "" if num_shots else ", though --num-shots 10 or --retries 2 may be the cheaper cure"
    return f"above {limit:.1%}: removing the refusal direction from the model would pay{first}"


def _is_abliterated(model: str) -> bool:
    folder = Path(model)
    if not folder.is_dir():
        return False
    return (read_manifest(folder) or {}).get("command") == "abliterate"


def shown_refusals(share: Estimate) -> str:
    """The share with its interval and n."""
    return f"first answers that refuse: {share.written('.1%')} of {share.n} sources"


def _means(written: Sequence[Written], seed: int) -> dict[str, Estimate]:
    scores = [one.best.scores for one in written if one.best.scores is not None]
    if not scores:
        return {}
    columns = {name.upper(): [getattr(one, name) for one in scores] for name in ("sta", "sim", "fl", "j")}
    return {name: mean_interval(values, seed) for name, values in columns.items()}
