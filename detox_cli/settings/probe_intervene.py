"""Settings of ``detox probe intervene``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from detox_cli.settings.base import Flag, Languages
from detox_cli.settings.offers import SETS
from detox_cli.settings.probe import ProbeModel, words

MEASURE = "Measuring"
Op = Literal["scale", "zero", "offset", "add", "set", "mean", "clamp", "project-out"]


class ProbeInterveneSettings(ProbeModel):
    """``detox probe intervene``: change value vectors or a direction, and measure what that does."""

    neurons: Annotated[str | None, Flag(complete="neurons", metavar="FILE|LAYER:NEURON,...")] = Field(
        None,
        description="Neurons to change: neurons.json or the folder of `probe vectors`, the published pickled "
        "list, or numbers such as 3:120,5:7.",
    )
    probe: Annotated[Path | None, Flag(complete="weights")] = Field(
        None, description="A direction to change, in place of neurons: a probe's folder or file."
    )
    op: Op = Field(
        "zero",
        description="Of a coefficient c: scale, dose * c; zero, (1 - dose) * c; offset or add, c + dose; "
        "set, dose; mean, towards its usual value; clamp, at most dose in size. Of a direction: add or "
        "project-out.",
    )
    dose: Annotated[tuple[float, ...], BeforeValidator(words), Flag(metavar="X,X,...", commas=True)] = Field(
        (), description="How much, one or several; zero, mean and project-out are whole at 1."
    )
    positions: Literal["all", "generated", "last"] = Field(
        "all",
        description="Tokens at which continuations are changed: all, those that the model has written, or "
        "the last of every pass. Perplexity of a text is always changed at all.",
    )
    layers: Annotated[tuple[str, ...], BeforeValidator(words), Flag(metavar="all|0,1,...", commas=True)] = (
        Field((), description="After which blocks a direction is changed; the probe's own if not given.")
    )
    top: PositiveInt | None = Field(None, description="Use the first N neurons of the list only.")
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("intervention"), description="Folder for figures and pictures."
    )
    controls: NonNegativeInt = Field(
        5,
        description="Random sets that are changed alike: as many neurons of the same layers with vectors "
        "about as long, or directions by chance.",
    )
    bake: Annotated[Path | None, Flag(complete="folder", metavar="FOLDER")] = Field(
        None, description="Write the changed model there, as a plain checkpoint; needs one dose."
    )
    audit: bool = Field(
        False, description="Allow what strengthens the chosen neurons or direction; figures say so."
    )

    prompts: Annotated[str | None, Flag(complete="sample", words=SETS, panel=MEASURE)] = Field(
        None,
        description="Prompts to continue, as in `eval generation`, whose profile counts too; bundled "
        "openings if neither has any.",
    )
    limit: Annotated[PositiveInt | None, Flag(panel=MEASURE)] = Field(
        None, description="Use the first N prompts of each language only."
    )
    languages: Annotated[Languages, Flag(panel=MEASURE)] = Field(
        (), description="Prompts in these languages only, such as es,zh-hans; repeatable."
    )
    language_id: Annotated[bool, Flag(panel=MEASURE)] = Field(
        False,
        description="Tell whether continuations are in their prompt's language; needs the extra languages.",
    )
    password: Annotated[str | None, Flag(panel=MEASURE)] = Field(
        None, description="Password of a zip file of prompts; kept out of everything that is written."
    )
    num_samples: Annotated[PositiveInt | None, Flag(panel=MEASURE)] = Field(
        None, description="Continuations per prompt, in place of the protocol's."
    )
    protocol: Annotated[
        Literal["rtp", "crosslingual", "task-vector", "dexperts", "lee2024"] | None, Flag(panel=MEASURE)
    ] = Field(None, description="Whose way of drawing and counting is followed, as in `eval generation`.")
    scorers: Annotated[tuple[str, ...], Flag(names=("-s",), complete="scorer", panel=MEASURE)] = Field(
        (), description="Scorers of toxicity. Those of `eval generation` if not given."
    )
    text: Annotated[Path | None, Flag(complete="text", panel=MEASURE)] = Field(
        None, description="Text on which perplexity is measured; bundled prose if not given."
    )
    seed: int = Field(0, description="Random seed of continuations, controls and intervals.")
    overwrite: bool = Field(False, description="Replace the output, and an unfinished run for it.")

    @model_validator(mode="after")
    def _fits(self) -> "ProbeInterveneSettings":
        if (self.neurons is None) == (self.probe is None):
            raise ValueError("name --neurons or --probe, one of them")
        if self.probe is not None and self.op not in ("add", "project-out"):
            raise ValueError(f"--op {self.op} is for neurons; a direction takes add or project-out")
        if self.neurons is not None and self.op == "project-out":
            raise ValueError("--op project-out is for a direction: name --probe")
        if self.op == "clamp" and any(dose < 0 for dose in self.dose):
            raise ValueError("a clamp is a size from 0 on")
        if self.bake is not None and len(self.doses) != 1:
            raise ValueError("--bake writes one model: give one --dose")
        if self.bake is not None and (self.probe is not None or self.op == "clamp"):
            what = "a direction" if self.probe is not None else "a clamp"
            hint = "; detox abliterate takes a direction out of weights" if self.probe is not None else ""
            raise ValueError(f"{what} cannot be folded into the down-projection{hint}")
        if not self.doses:
            raise ValueError(f"--op {self.op} needs a --dose, such as 0,-1,-2")
        return self

    @property
    def doses(self) -> tuple[float, ...]:
        """The doses to try, each once, in the order given; what is whole at 1 needs none."""
        usual = (1.0,) if self.op in ("zero", "mean", "project-out") else ()
        return tuple(dict.fromkeys(self.dose or usual))
