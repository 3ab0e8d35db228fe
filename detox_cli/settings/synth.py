"""Settings of ``detox synth``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.engine import ENGINE, EngineOptions

SHOTS, CANDIDATES, REFUSALS, FILTERS, EXPORTS = (
    "Examples in the prompt",
    "Candidates and scores",
    "Refusals",
    "Filters: what they catch is dropped, with the reason",
    "Other formats",
)

Prompt = Literal["detox-en-v1", "detox-en-v2", "detox-multi-v1"]
TextFlag = Literal["refusal", "empty", "copy", "truncated", "too_long"]
DropFlag = Literal["refusal", "empty", "copy", "truncated", "too_long", "all"]


class SynthPairsSettings(EngineOptions):
    """``detox synth pairs``: toxic sentences in, pairs out."""

    input: Annotated[str, Flag(positional=True, complete="sample")] = Field(
        "-", description="Toxic sentences: CSV, TSV, JSONL, Parquet, text, a dataset id, or - for stdin."
    )
    output: Annotated[str, Flag(("-o",), complete="rows")] = Field(
        "-", description="Where the pairs go: JSONL, CSV, TSV or Parquet by suffix, or - for stdout."
    )
    model: Annotated[str, Flag(("-m",), complete="causal")] = Field(
        "meta-llama/Llama-3.1-8B-Instruct",
        description="The model that writes: Hub id, folder or builtin:chat.",
    )
    text_column: str | None = Field(None, description="Column with the toxic text; found by its usual names.")
    split: str = Field("train", description="Split of a dataset id.")
    limit: PositiveInt | None = Field(None, description="Use the first N rows only.")
    lang: tuple[str, ...] = Field(
        (), description="Languages to work on, as the rows name them; rows in others are dropped; repeatable."
    )
    lang_column: str = Field("lang", description="Column with the language of a row.")

    prompt: Prompt = Field(
        "detox-en-v1", description="The built-in instruction; detox-multi-v1 keeps the language of the text."
    )
    num_shots: Annotated[NonNegativeInt, Flag(panel=SHOTS)] = Field(
        0, description="Worked examples in the prompt."
    )
    shots: Annotated[str | None, Flag(complete="sample", panel=SHOTS)] = Field(
        None, description="Pairs to take the examples from; needed when --num-shots is above 0."
    )
    shots_split: Annotated[str | None, Flag(panel=SHOTS)] = Field(
        None, description="Split of --shots where that is a dataset id; that of the input if not given."
    )
    shot_selection: Annotated[Literal["last", "random", "best", "knn"], Flag(panel=SHOTS)] = Field(
        "last",
        description="Which examples: the last of the file, a seeded random choice, those with the highest J, "
        "or knn: for each sentence its nearest ones, nearest last; as every prompt then differs, no start of "
        "it is computed once for all.",
    )
    shot_style: Annotated[Literal["turns", "inline"], Flag(panel=SHOTS)] = Field(
        "turns", description="Examples as chat turns, or labelled lines inside one message."
    )
    exclude: Annotated[tuple[str, ...], Flag(complete="sample", panel=SHOTS, metavar="FILE")] = Field(
        (),
        description="Sentences, such as a test set, that must be neither sources nor examples; repeatable.",
    )

    temperature: float = Field(0.8, ge=0, description="Sampling temperature; 0 is greedy.")
    top_p: float = Field(0.9, gt=0, le=1, description="Nucleus: smallest set of tokens with this mass.")
    top_k: NonNegativeInt = Field(0, description="Keep the k likeliest tokens; 0 keeps all.")
    max_new_tokens: PositiveInt = Field(64, description="Longest answer, in tokens.")
    seed: int = Field(0, description="Random seed; each row derives its own from it.")

    batch_tokens: Annotated[PositiveInt, ENGINE] = Field(
        8192, description="Tokens in one batch, padding and answers included; vLLM finds its own."
    )

    num_candidates: Annotated[PositiveInt, Flag(panel=CANDIDATES)] = Field(
        1, description="Answers per sentence; the best by score is the rewrite, all stand in the row."
    )
    score: Annotated[bool, Flag(panel=CANDIDATES)] = Field(
        False, description="Score the rewrites; done anyway where candidates, filters or examples need it."
    )
    sta: Annotated[str | None, Flag(complete="scorer", panel=CANDIDATES)] = Field(
        None, description="Scorer of toxicity in place of that of suite detox: KIND:MODEL#LABEL."
    )
    sim: Annotated[str | None, Flag(complete="similarity", panel=CANDIDATES)] = Field(
        None, description="Scorer of similarity in place of that of suite detox."
    )
    fl: Annotated[str | None, Flag(complete="fluency", panel=CANDIDATES)] = Field(
        None, description="Scorer of fluency in place of that of suite detox."
    )

    refusal_rule: Annotated[Literal["anchored", "paper"], Flag(panel=REFUSALS)] = Field(
        "anchored",
        description="How refusals are told: sentences about the task that the source does not say itself, or "
        "the eight beginnings of the published rule.",
    )
    refusal_scorer: Annotated[str | None, Flag(complete="scorer", panel=REFUSALS)] = Field(
        None,
        description="Classifier that looks for refusals the rule has missed, hf:MODEL#LABEL; the source must "
        "not look like one itself.",
    )
    refusal_threshold: Annotated[float, Flag(panel=REFUSALS)] = Field(
        0.5, gt=0, le=1, description="Probability from which --refusal-scorer calls a text a refusal."
    )
    retries: Annotated[NonNegativeInt, Flag(panel=REFUSALS)] = Field(
        0, description="Times a sentence is asked again, with another seed, while all its answers are flawed."
    )
    retry_on: Annotated[tuple[TextFlag, ...], Flag(panel=REFUSALS, metavar="FLAG")] = Field(
        ("refusal", "empty"),
        description="Flag for which --retries asks again: refusal, empty, copy, truncated, too_long; "
        "repeatable.",
    )
    retry_prompt: Annotated[Prompt | None, Flag(panel=REFUSALS)] = Field(
        None, description="Built-in instruction to ask again with; the same if not given."
    )
    advise_above: Annotated[float, Flag(panel=REFUSALS)] = Field(
        0.05, ge=0, le=1, description="Share of refusals above which the summary advises abliteration."
    )

    drop: Annotated[tuple[DropFlag, ...], Flag(panel=FILTERS, metavar="FLAG")] = Field(
        (),
        description="Drop rows with this flag, or all with any: refusal, empty, copy, truncated, too_long, "
        "all; repeatable.",
    )
    min_toxicity: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, ge=0, le=1, description="Drop sentences less toxic than this by the scorer of --sta, unasked."
    )
    min_chrf: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, ge=0, le=100, description="Drop rewrites that keep too little: chrF to the source below this."
    )
    max_chrf: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, ge=0, le=100, description="Drop near-copies: chrF of rewrite and source above this."
    )
    min_length: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, ge=0, description="Drop rewrites with fewer words than this share of the source's."
    )
    max_length: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, gt=0, description="Drop rewrites with more words than this multiple of the source's."
    )
    min_sta: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, ge=0, le=1, description="Drop rewrites with a lower STA."
    )
    min_sim: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, ge=0, le=1, description="Drop rewrites with a lower SIM."
    )
    min_fl: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, ge=0, le=1, description="Drop rewrites with a lower FL."
    )
    min_j: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None, ge=0, le=1, description="Drop rewrites with a lower J of the row, STA x SIM x FL."
    )
    min_toxicity_drop: Annotated[float | None, Flag(panel=FILTERS)] = Field(
        None,
        ge=-1,
        le=1,
        description="Drop sentences that cannot be detoxified: mean relative fall of toxicity over all "
        "answers below this.",
    )
    dropped: Annotated[Path | None, Flag(complete="rows", panel=FILTERS)] = Field(
        None, description="File for dropped rows; OUTPUT.dropped.jsonl when not given."
    )

    preferences: Annotated[Path | None, Flag(complete="rows", panel=EXPORTS)] = Field(
        None, description="File for pairs of the best and the worst answer: prompt, chosen, rejected."
    )
    min_margin: Annotated[float, Flag(panel=EXPORTS)] = Field(
        0.1, ge=0, description="Smallest difference of scores between the two."
    )
    paper_csv: Annotated[Path | None, Flag(complete="rows", panel=EXPORTS)] = Field(
        None, description="File with the published columns, one row per human reference."
    )

    rejects: Annotated[Path | None, Flag(complete="rows")] = Field(
        None, description="File for rows that cannot be read; OUTPUT.rejects.jsonl when not given."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace an existing output.")
