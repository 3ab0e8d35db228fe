"""Settings of ``detox eval compare``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt

from detox_cli.settings.base import Flag
from detox_cli.settings.engine import EngineChoice
from detox_cli.settings.rewrites import RewriteScoring

JUDGE = "Judge"


class EvalCompareSettings(EngineChoice, RewriteScoring):
    """``detox eval compare``: systems' rewrites in; who is better, in what, and how surely, out."""

    files: Annotated[tuple[str, ...], Flag(positional=True, complete="rows", metavar="FILE")] = Field(
        description="Rewrites of the same sources, a file per system, or folders of eval generation; "
        "NAME=FILE gives the system a name.",
    )
    against: str | None = Field(
        None, description="System that the others are compared with, or all; the first one if not given."
    )
    scores: bool = Field(
        True, description="Score the rewrites with the suite; off leaves judge and verdicts."
    )
    tie_margin: float = Field(0.01, ge=0, description="Differences of a row's J up to this are ties.")
    pareto: tuple[str, ...] = Field(
        (),
        description="Measures of the Pareto table, STA, SIM and FL if not given; of runs toxicity figures, "
        "each against perplexity; repeatable.",
    )
    judge: Annotated[str | None, Flag(complete="causal", panel=JUDGE)] = Field(
        None, description="Chat model that says which rewrite is better, in both orders: Hub id or folder."
    )
    judge_retries: Annotated[NonNegativeInt, Flag(panel=JUDGE)] = Field(
        2, description="How often the judge is asked again when its answer cannot be read."
    )
    verdicts: Annotated[str | None, Flag(complete="rows", panel=JUDGE)] = Field(
        None, description="Verdicts of people: rows with an id and in verdict a system's name or tie."
    )
    fail_if: Annotated[tuple[str, ...], Flag(metavar="FIGURE>VALUE")] = Field(
        (),
        description="Exit with 5 if a figure is so: of runs, of a system or a difference, 'perplexity>50', "
        "'probability[after - before]>0'; of rewrites of a difference or of votes, 'J<0'; repeatable.",
    )
    picture: Annotated[Path | None, Flag(complete="picture")] = Field(
        None,
        description="Draw wins, ties and losses, or the front of runs: .png, .svg, .pdf; needs extra plots.",
    )
