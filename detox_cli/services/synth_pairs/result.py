"""The rows that ``synth pairs`` writes, and what it reports about them."""

from typing import Any

from pydantic import Field

from detox_cli.data.pairs import Pair
from detox_cli.generation.cleaning import clean_output
from detox_cli.generation.prompts import DETOX_EN_V1
from detox_cli.generation.quality import quality_flags
from detox_cli.generation.requests import Completion
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate


class SynthPairsResult(Result):
    """What was written, and how much of it can be trained on."""

    rows: int = Field(description="Rows written: one for each row read.")
    unique_sources: int = Field(description="Prompts asked: each different source once.")
    usable: int = Field(description="Rows without a flag.")
    refusals: Estimate = Field(description="Share of unique sources that the model declined to rewrite.")
    flags: dict[str, int] = Field(description="Rows with each flag.")
    rejects: int = Field(description="Rows that could not be read; their reasons are in the rejects file.")
    new_tokens: int = Field(description="Tokens written in this run and before.")
    seconds: float = Field(description="Wall time of this run.")

    def tables(self) -> list[Table]:
        """One table of counts."""
        declined = self.refusals
        counts: list[list[Cell]] = [
            ["rows", self.rows],
            ["unique sources", self.unique_sources],
            ["usable rows", self.usable],
            ["rejected rows", self.rejects],
        ]
        counts += [[f"flag: {flag}", count] for flag, count in self.flags.items()]
        share = (
            f"refusals {declined.mean:.1%} [{declined.low:.1%}, {declined.high:.1%}] of {declined.n} sources"
        )
        return [Table(title="Pairs", columns=["", "count"], rows=counts, caption=share)]

    def next_steps(self) -> list[str]:
        """Train on the pairs."""
        return [f"detox train bart {path} -o rewriter" for path in self.files[:1]]


def pair_row(pair: Pair, completion: Completion, provenance: dict[str, Any]) -> dict[str, Any]:
    """One row of the output: the source, what was written, its flags and where it comes from."""
    sample = completion.samples[0]
    neutral = clean_output(sample.text, DETOX_EN_V1.toxic_label)
    flags = quality_flags(neutral, pair.toxic, sample.finish_reason)
    return {
        "id": pair.id,
        "lang": pair.lang,
        "toxic": pair.toxic,
        "neutral": neutral,
        "references": list(pair.references),
        "refusal": "refusal" in flags,
        "flags": flags,
        "finish_reason": sample.finish_reason,
        **provenance,
        "seed": completion.seed,
    }
