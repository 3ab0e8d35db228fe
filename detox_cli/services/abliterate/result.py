"""What ``abliterate`` reports: what was contrasted, chosen and edited, and what that did."""

from typing import Any

from pydantic import Field

from detox_cli.errors import DetoxError
from detox_cli.services.abliterate.choice.optimise import Trial
from detox_cli.services.abliterate.choice.ranking import CandidateScores
from detox_cli.services.abliterate.verify.needed import Needed
from detox_cli.services.abliterate.verify.verification import Verification
from detox_cli.services.abliterate.write import WrittenModel
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table

NOT_CHOSEN = "not chosen"
SHOWN = 12
"""Candidates that the table lists."""


class AbliterateResult(Result):
    """An edited model, or what one of the steps to it found."""

    model: str = Field(description="The model that was edited.")
    converted: str = Field(default="", description="Why its files had to be converted before anything else.")
    need: Needed | None = Field(
        default=None, description="How often the model did the task as it was, and whether that is enough."
    )
    contrast: str = Field(default="", description="What was contrasted.")
    prompt_hashes: dict[str, str] = Field(
        default={}, description="SHA-256, 16 digits, of the prompts that each side was measured on."
    )
    prompts: dict[str, dict[str, int]] = Field(
        default={}, description="Prompts of each side, by what they served for."
    )
    dropped: dict[str, int] = Field(default={}, description="Prompts that were left out, by reason.")
    origin: dict[str, Any] = Field(
        default={}, description="Where the direction was taken, and what speaks for it."
    )
    candidates: list[CandidateScores] = Field(default=[], description="Everything that was tried.")
    trials: list[Trial] = Field(default=[], description="The trials of the search, if there was one.")
    written: WrittenModel | None = Field(default=None, description="The edited tensors.")
    verification: Verification | None = Field(default=None, description="What was found in the edited model.")

    def tables(self) -> list[Table]:
        """What came out, from the most important to the least."""
        tables: list[Table] = []
        if self.need:
            share: list[Cell] = ["sentences rewritten", str(self.need.answered), self.need.answered.n]
            columns = ["", "share", "n"]
            tables.append(Table(title="Needed?", columns=columns, rows=[share], caption=self.need.advice))
        if self.verification:
            tables += self.verification.tables()
        if self.prompts:
            tables.append(_prompts(self.contrast, self.prompts, self.dropped))
        if self.origin:
            shown = {name: value for name, value in self.origin.items() if name != "scores"}
            rows: list[list[Cell]] = [[name, _cell(value)] for name, value in shown.items()]
            tables.append(Table(title="Direction", columns=["", "value"], rows=rows))
        if self.candidates:
            tables.append(_candidates(self.candidates))
        if self.written:
            tables.append(_edit(self.written, self.converted))
        return tables

    def problem(self) -> DetoxError | None:
        """A limit that is not met."""
        return self.verification.problem() if self.verification else None

    def headline(self) -> str:
        """The folder; without one, why there is none."""
        return str(self.files[0]) if self.files else self.need.advice if self.need else ""

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Let it annotate; a detoxified model is asked for continuations."""
        if self.need is not None and not self.need.needed:
            return [f"detox synth pairs {rows.toxic} -o pairs.jsonl -m {self.model}"]
        if self.written is None:
            return []
        if self.contrast == "toxicity":
            return [
                f"detox eval generation {path} --prompts {rows.prompts} -o measured"
                for path in self.files[:1]
            ]
        return [f"detox synth pairs {rows.toxic} -o pairs.jsonl -m {path}" for path in self.files[:1]]


def _prompts(contrast: str, prompts: dict[str, dict[str, int]], dropped: dict[str, int]) -> Table:
    rows: list[list[Cell]] = [[side, *parts.values()] for side, parts in prompts.items()]
    columns = ["side", *next(iter(prompts.values()))]
    caption = "; ".join(f"{count} dropped: {reason}" for reason, count in dropped.items())
    return Table(title=f"Prompts, contrast {contrast}", columns=columns, rows=rows, caption=caption)


def _candidates(candidates: list[CandidateScores]) -> Table:
    """The candidates that leave the least of the behaviour, the best first."""
    tried = [c for c in candidates if c.kept is not None and c.kl_answer is not None]
    ordered = sorted(tried, key=lambda c: (not c.survives, c.kept, c.kl_answer))
    rows: list[list[Cell]] = [
        [c.name, c.kept, c.bypass, c.induce, c.kl_answer, c.kl, c.verdict] for c in ordered[:SHOWN]
    ]
    columns = [
        "mode position/layer",
        "left of it",
        "bypass",
        "induce",
        "KL on answers",
        "KL",
        "left out for",
    ]
    more = len(candidates) - len(rows)
    caption = f"{more} more are in the JSON document" if more else ""
    return Table(title="Candidates", columns=columns, rows=rows, caption=caption)


def _edit(written: WrittenModel, converted: str) -> Table:
    was: list[list[Cell]] = [["the base was", f"{converted}; written are plain numbers"]] if converted else []
    rows: list[list[Cell]] = [
        *was,
        ["tensors", len(written.tensors)],
        ["MB edited", round(written.bytes_edited / 1e6, 1)],
        ["largest residue", written.largest_residue],
    ]
    rows += [[f"left: {name}", reason] for name, reason in written.kept.items() if reason != NOT_CHOSEN]
    count = sum(reason == NOT_CHOSEN for reason in written.kept.values())
    rows += [["tensors at strength 0", count]] if count else []
    return Table(title="Edit", columns=["", "value"], rows=rows)


def _cell(value: Any) -> Cell:
    return value if isinstance(value, str | int | float) or value is None else str(value)
