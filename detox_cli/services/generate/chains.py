"""``detox generate --chain``: the rows and counts of answers that stand at the end of a chain."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import BadSettings
from detox_cli.generation.chains.asking import ChainAnswer, ChainForm
from detox_cli.services.result import Cell
from detox_cli.settings.generate import GenerateSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.clusters import Ratio, ratio_intervals

NOT_WITH_CHAINS = ("chat", "system", "prefix", "stop")
STEPS = ("verdict", "masked", "rephrased", "ok", "problem", "attempts")


class ChainCounts(BaseModel):
    """What the chains of a run came to."""

    model_config = ConfigDict(frozen=True)

    template: str = Field(description="The form of the chains.")
    samples: int = Field(description="Samples in all.")
    malformed: int = Field(description="Samples that are no chain, after all attempts; they have no answer.")
    malformed_share: Estimate | None = Field(description="Their share, with an interval over prompts.")
    retried: int = Field(description="Samples that were drawn more than once.")
    verdicts: dict[str, int] = Field(description="Chains that take the prompt as toxic, and as safe.")
    abstained: int = Field(description="Chains that decline to continue.")

    def rows(self) -> list[list[Cell]]:
        """One row per number."""
        share = "" if self.malformed_share is None else f" ({self.malformed_share})"
        rows: list[list[Cell]] = [[f"found {verdict}", count] for verdict, count in self.verdicts.items()]
        rows += [["no chain", f"{self.malformed}{share}"], ["drawn again", self.retried]]
        return [*rows, ["declined to continue", self.abstained]] if self.abstained else rows


def check_chain(settings: GenerateSettings) -> None:
    """Refuse options that a chain's form decides, and options about chains where there are none.

    Raises:
        BadSettings: There is one.
    """
    if settings.chain is None:
        for name in ("show_chain", "answer_only"):
            if getattr(settings, name):
                flag = f"--{name.replace('_', '-')}"
                raise BadSettings(f"{flag} has no meaning without --chain", hint="add --chain cmd")
        return
    if settings.show_chain and settings.answer_only:
        raise BadSettings("--show-chain and --answer-only exclude each other", hint="give one of them")
    for name in NOT_WITH_CHAINS:
        if getattr(settings, name):
            message = f"--{name} has no meaning with --chain, whose form says what is asked"
            raise BadSettings(message, hint=f"leave --{name} out")


def chain_values(answers: Sequence[ChainAnswer], settings: GenerateSettings) -> dict[str, list[Any]]:
    """The columns of a row, each with a value per sample."""
    found: dict[str, list[Any]] = {"output": [one.text for one in answers]}
    if not settings.answer_only:
        steps = [one.steps() for one in answers]
        found |= {name: [step[name] for step in steps] for name in STEPS}
    else:
        found["ok"] = [one.ok for one in answers]
    if settings.show_chain:
        found["chain"] = [one.written for one in answers]
    return {
        **found,
        "finish_reason": [one.finish_reason for one in answers],
        "tokens": [one.tokens for one in answers],
    }


def chain_counts(answers: Sequence[Sequence[ChainAnswer]], form: ChainForm, seed: int) -> ChainCounts:
    """What all chains came to; the interval draws whole prompts."""
    every = [one for some in answers for one in some]
    broken = Ratio(
        np.array([sum(not one.ok for one in some) for some in answers], dtype=np.float64),
        np.array([len(some) for some in answers], dtype=np.float64),
        share=True,
    )
    shares = ratio_intervals({"malformed": broken}, np.arange(len(answers)), seed)
    return ChainCounts(
        template=form.template.id,
        samples=len(every),
        malformed=sum(not one.ok for one in every),
        malformed_share=shares.get("malformed"),
        retried=sum(one.attempts > 1 for one in every),
        verdicts=dict(sorted(Counter(one.verdict for one in every if one.verdict and one.ok).items())),
        abstained=sum(one.ok and one.parsed.continuation is None for one in every),
    )
