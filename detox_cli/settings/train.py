"""Settings of ``detox train``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Section
from detox_cli.settings.training import MEASURING, TRAINING, SeveralSeeds, TrainerOptions

DATA, ABSTAINING, WRITING = "Data", "Declining what cannot be rewritten", "The finished model writes with"


Weight = Annotated[float, Field(gt=0)]


class BartRows(Section):
    """What a rewriter learns from."""

    pairs: Annotated[tuple[str, ...], Flag(positional=True, complete="sample", metavar="FILE")] = Field(
        ("-",), description="Pairs, from one or several: JSONL, CSV, TSV, Parquet, dataset id, - for stdin."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("rewriter"), description="Folder for the model."
    )
    model: Annotated[str, Flag(("-m",), complete="seq2seq")] = Field(
        "facebook/bart-base", description="The encoder-decoder to start from: Hub id, folder or builtin:bart."
    )

    toxic_column: Annotated[str | None, Flag(panel=DATA)] = Field(
        None, description="Column with the toxic text; in files without it found by its usual names."
    )
    neutral_columns: Annotated[tuple[str, ...] | None, Flag(panel=DATA)] = Field(
        None, description="Columns with neutral rewrites; in files without them found by their usual names."
    )
    split: Annotated[str, Flag(panel=DATA)] = Field("train", description="Split of a dataset id.")
    limit: Annotated[PositiveInt | None, Flag(panel=DATA)] = Field(
        None, description="Use the first N rows of each file only."
    )
    weight: Annotated[tuple[Weight, ...], Flag(panel=DATA)] = Field(
        (), description="Passes over each file in an epoch, one number per FILE: 1 each if not given."
    )
    origin: Annotated[
        tuple[Literal["human", "synthetic"], ...], Flag(panel=DATA, metavar="<human|synthetic>...")
    ] = Field((), description="Who wrote each FILE, one word per FILE; else what its rows say of themselves.")
    held_out: Annotated[tuple[str, ...], Flag(complete="sample", panel=DATA)] = Field(
        (), description="File of sources that must not be trained on, such as a test set; repeatable."
    )
    eval_share: Annotated[float, Flag(panel=DATA)] = Field(
        0.1, ge=0, lt=1, description="Share held out to measure with."
    )
    hold_out: Annotated[Literal["sources", "rows"], Flag(panel=DATA)] = Field(
        "sources", description="Hold out whole sources, or rows, which lets a source stand on both sides."
    )
    split_seed: Annotated[int | None, Flag(panel=DATA)] = Field(
        None, description="Seed that decides which rows are held out; --seed when not given."
    )
    dedupe: Annotated[bool, Flag(panel=DATA)] = Field(
        True, description="Train on equal pairs once; of those in several files the first one counts."
    )
    prefix: Annotated[str, Flag(panel=DATA)] = Field(
        "", description="Text before every source, such as 'detoxify: ' for T5."
    )
    template: Annotated[str | None, Flag(panel=DATA)] = Field(
        None, description="Frame of every source, such as 'Detoxify text for {lang}: {text}'; names columns."
    )
    source_lang: Annotated[str | None, Flag(panel=DATA)] = Field(
        None, description="Language code of the sources for mBART and its like, such as en_XX."
    )
    target_lang: Annotated[str | None, Flag(panel=DATA)] = Field(
        None, description="Language code of the rewrites; that of the sources when not given."
    )
    abstain: Annotated[tuple[str, ...], Flag(complete="sample", panel=ABSTAINING)] = Field(
        (), description="File of sources that cannot be rewritten, with their reasons; repeatable."
    )
    abstain_text: Annotated[str, Flag(panel=ABSTAINING)] = Field(
        "[cannot rewrite]", description="What the model learns to answer for them."
    )
    abstain_reasons: Annotated[tuple[str, ...], Flag(panel=ABSTAINING)] = Field(
        ("toxic_content",), description="Sources count that have no other reasons than these; repeatable."
    )
    abstain_weight: Annotated[float, Flag(panel=ABSTAINING)] = Field(
        1.0, gt=0, description="Passes over these sources in an epoch."
    )
    max_length: Annotated[PositiveInt, Flag(panel=DATA)] = Field(
        128, description="Longest source and target, in tokens; longer ones are cut and counted."
    )
    pad_to_max_length: Annotated[bool, Flag(panel=DATA)] = Field(
        False, description="Pad every row to --max-length, not to the longest of its batch."
    )
    loss_on_padding: Annotated[bool, Flag(panel=DATA)] = Field(
        False, description="Count padding as tokens to be learnt, as published code did."
    )
    group_by_length: Annotated[bool, Flag(panel=DATA)] = Field(
        True, description="Put rows of similar length into one batch."
    )
    rejects: Annotated[Path | None, Flag(complete="rows", panel=DATA)] = Field(
        None, description="File for rows that cannot be read; OUTPUT.rejects.jsonl when not given."
    )
    strict: Annotated[bool, Flag(panel=DATA)] = Field(False, description="Stop at the first bad row.")


class BartSettings(SeveralSeeds, TrainerOptions, BartRows):
    """``detox train bart``: pairs in, a model that rewrites out."""

    label_smoothing: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.0, ge=0, lt=1, description="Probability mass taken from the true token."
    )

    eval_rows: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        200, description="Held-out sources to rewrite and score at each measurement."
    )
    select: Annotated[Literal["j", "loss", "last"], Flag(panel=MEASURING)] = Field(
        "j", description="Which checkpoint becomes the model: best J, lowest loss, or the last one."
    )
    toxicity: Annotated[str, Flag(complete="scorer", panel=MEASURING)] = Field(
        "builtin:toxicity", description="Scorer of toxicity, for --select j."
    )
    similarity: Annotated[str, Flag(complete="similarity", panel=MEASURING)] = Field(
        "builtin:similarity", description="Scorer of kept meaning, for --select j."
    )
    fluency: Annotated[str, Flag(complete="fluency", panel=MEASURING)] = Field(
        "builtin:fluency", description="Scorer of fluency, for --select j."
    )

    num_beams: Annotated[PositiveInt, Flag(panel=WRITING)] = Field(4, description="Beams of the search.")
    max_new_tokens: Annotated[PositiveInt, Flag(panel=WRITING)] = Field(
        60, description="Longest rewrite, in tokens."
    )
    no_repeat_ngram_size: Annotated[NonNegativeInt, Flag(panel=WRITING)] = Field(
        0, description="Forbid repeated n-grams of this size; 0 allows them."
    )
    length_penalty: Annotated[float, Flag(panel=WRITING)] = Field(
        1.0, description="Above 1 the beam search prefers longer rewrites."
    )
