"""Settings of ``detox probe train``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt

from detox_cli.settings.base import Flag, Languages
from detox_cli.settings.probe import ProbeReading, words

FITTING, PUBLISHED = "Fitting", "The published recipe"


class ProbeTrainSettings(ProbeReading):
    """``detox probe train``: a model and labelled texts in, a direction out along which labels lie apart."""

    data: Annotated[tuple[str, ...], Flag(complete="sample", metavar="FILE")] = Field(
        min_length=1,
        description="Texts that people labelled: JSONL, CSV, TSV, Parquet, pairs, or RTP-LX as zip "
        "or folder; LANG=FILE says their language; repeatable.",
    )
    test: Annotated[tuple[str, ...], Flag(complete="sample", metavar="FILE")] = Field(
        (),
        description="Labelled texts to measure on, in place of a share of --data; repeatable. What "
        "they share with --data is not trained on.",
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("probe"), description="Folder for the probes, figures and pictures."
    )
    text_column: str | None = Field(None, description="Column with the text; found by its usual names.")
    label_column: str | None = Field(None, description="Column with the label; found by its usual names.")
    lang: str = Field("und", description="Language of rows of which neither file name nor column says it.")
    languages: Languages = Field((), description="Use texts in these languages only, such as en,de.")
    toxic_from: float = Field(0.5, description="From which number on a label means toxic.")
    limit: PositiveInt | None = Field(None, description="Use the first N rows of each file only.")
    password: str | None = Field(None, description="Password of a zip file with labels.")
    test_share: float = Field(0.2, gt=0, lt=1, description="Share of --data to measure on.")
    validation_share: float = Field(
        0.1, gt=0, lt=1, description="Share of --data that chooses penalty, epoch and layer."
    )

    method: Annotated[Literal["logistic", "mean-difference", "lda", "published"], Flag(panel=FITTING)] = (
        Field(
            "logistic",
            description="Logistic regression solved to its optimum, the difference of the means, Fisher's "
            "discriminant, or the published training by epochs.",
        )
    )
    l2: Annotated[
        tuple[PositiveFloat, ...],
        BeforeValidator(words),
        Flag(metavar="X,X,...", commas=True, panel=FITTING),
    ] = Field(
        (0.3, 0.1, 0.03, 0.01, 0.003, 0.001),
        min_length=1,
        description="Penalties that are tried (logistic); the one with the lowest validation loss is taken.",
    )
    class_weight: Annotated[Literal["balanced", "none"], Flag(panel=FITTING)] = Field(
        "balanced", description="Whether both classes count the same, however many texts they have."
    )
    controls: Annotated[NonNegativeInt, Flag(panel=FITTING)] = Field(
        10, description="Fits on shuffled labels that the chosen probe is held against."
    )
    random_directions: Annotated[NonNegativeInt, Flag(panel=FITTING)] = Field(
        100, description="Directions by chance that every layer's probe is held against."
    )

    epochs: Annotated[PositiveInt, Flag(panel=PUBLISHED)] = Field(
        20, description="Passes over the texts; the one with the lowest validation loss is kept."
    )
    batch_size: Annotated[PositiveInt, Flag(panel=PUBLISHED)] = Field(10, description="Texts in a step.")
    learning_rate: Annotated[PositiveFloat, Flag(panel=PUBLISHED)] = Field(
        1e-4, description="Of Adam: 1e-4 in the paper, 1e-6 in its script."
    )

    seed: int = Field(0, description="Random seed of splits, controls, the published training and intervals.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    rejects: Annotated[Path | None, Flag(complete="rows")] = Field(
        None, description="File for unusable rows; OUTPUT.rejects.jsonl if not given."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
