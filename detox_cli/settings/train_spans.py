"""Settings of ``detox train spans``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Section
from detox_cli.settings.offers import DETECTORS
from detox_cli.settings.training import MEASURING, TRAINING, SeveralSeeds, TrainerOptions

DATA, HEAD = "Which texts", "What is put on the encoder"


class MarkedOptions(Section):
    """Which marked texts a detector learns from, and how they are read."""

    data: Annotated[tuple[str, ...], Flag(complete="rows", panel=DATA)] = Field(
        (), description="Texts with marked spans: JSONL, JSON, CSV, Parquet, dataset id, -; repeatable."
    )
    test: Annotated[tuple[str, ...], Flag(complete="rows", panel=DATA)] = Field(
        (), description="File to measure the finished model on, in place of --test-share; repeatable."
    )
    text_column: Annotated[str | None, Flag(panel=DATA)] = Field(
        None, description="Column with the texts; found by its usual names."
    )
    spans_column: Annotated[str | None, Flag(panel=DATA)] = Field(
        None, description="Column with the spans, in characters; found by its usual names."
    )
    span_types: Annotated[tuple[str, ...], Flag(panel=DATA)] = Field(
        (), description="Only spans of this type count, such as Insult, where spans have one; repeatable."
    )
    min_votes: Annotated[NonNegativeInt, Flag(panel=DATA)] = Field(
        0, description="Only spans that so many people marked count, where spans have votes."
    )
    dataset_split: Annotated[str, Flag(panel=DATA)] = Field("train", description="Split of a dataset id.")
    limit: Annotated[PositiveInt | None, Flag(panel=DATA)] = Field(
        None, description="Read the first N rows of each file only."
    )
    test_share: Annotated[float, Flag(panel=DATA)] = Field(
        0.1, ge=0, lt=1, description="Share of texts to measure the finished model on, the same for any seed."
    )
    eval_share: Annotated[float, Flag(panel=DATA)] = Field(
        0.1, ge=0, lt=1, description="Share of the others that chooses the checkpoint and the threshold."
    )
    split_seed: Annotated[int | None, Flag(panel=DATA)] = Field(
        None, description="Seed that decides which texts choose; --seed when not given."
    )
    rejects: Annotated[Path | None, Flag(complete="rows", panel=DATA)] = Field(
        None, description="File for rows that cannot be read; OUTPUT.rejects.jsonl when not given."
    )
    strict: Annotated[bool, Flag(panel=DATA)] = Field(False, description="Stop at the first bad row.")
    max_length: Annotated[PositiveInt, Flag(panel=DATA)] = Field(
        128, description="Tokens in a window; longer texts are read in several windows that overlap."
    )


class HeadOptions(Section):
    """What is trained on top of the encoder."""

    head: Annotated[Literal["tokens", "segment-cnn"], Flag(panel=HEAD)] = Field(
        "tokens", description="Classes of tokens, or of windows of tokens as CMD's detector has them."
    )
    toxic_weight: Annotated[float, Flag(panel=HEAD)] = Field(
        1.0, gt=0, description="What a toxic token or window counts in the loss, beside 1 for another."
    )
    window: Annotated[int, Flag(panel=HEAD)] = Field(
        2, ge=1, le=3, description="Tokens in a window of --head segment-cnn."
    )
    convolution: Annotated[Literal["full", "shared"], Flag(panel=HEAD)] = Field(
        "full", description="Weights of its own for each channel, or the same few for all as CMD has them."
    )
    reading: Annotated[Literal["all", "any"], Flag(panel=HEAD)] = Field(
        "all", description="A token is toxic if all windows that it is in are, or any as in CMD."
    )


class SpansSettings(SeveralSeeds, TrainerOptions, HeadOptions, MarkedOptions):
    """``detox train spans``: marked texts in, a detector of toxic spans out."""

    model: Annotated[str, Flag(positional=True, complete="encoder", metavar="ENCODER")] = Field(
        "FacebookAI/roberta-base",
        description="The encoder to start from: Hub id, folder or builtin:toxicity.",
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("span-detector"), description="Folder for the detector."
    )

    epochs: Annotated[float, Flag(panel=TRAINING)] = Field(
        5, gt=0, description="Passes over the data, unless --patience ends it earlier."
    )
    select: Annotated[Literal["f1", "loss", "last"], Flag(panel=MEASURING)] = Field(
        "f1", description="Which checkpoint becomes the model: best character F1, lowest loss, or the last."
    )
    patience: Annotated[NonNegativeInt, Flag(panel=MEASURING)] = Field(
        2, description="Stop after so many measurements without a better one; 0 never stops early."
    )
    threshold: Annotated[float | None, Flag(panel=MEASURING)] = Field(
        None, gt=0, lt=1, description="Probability from which on a word counts; chosen by F1 when not given."
    )
    baseline: Annotated[tuple[str, ...], Flag(complete="detector", words=DETECTORS, panel=MEASURING)] = Field(
        (), description="Detector to measure beside the model, such as lexicon:FILE; repeatable."
    )
