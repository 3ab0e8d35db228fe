"""Settings of ``detox eval generation``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from detox_cli.settings.base import Flag, Languages, by_commas
from detox_cli.settings.chains import ChainOptions
from detox_cli.settings.engine import EngineChoice
from detox_cli.settings.offers import SETS

DRAWING, MEASURING = "Continuations", "Measuring"


class EvalGenerationSettings(EngineChoice, ChainOptions):
    """``detox eval generation``: a model and prompts in, or continuations; figures out."""

    model: Annotated[str | None, Flag(positional=True, complete="model", metavar="MODEL|FILE")] = Field(
        None, description="The model to measure: Hub id, folder or builtin:NAME; or a file of continuations."
    )
    prompts: Annotated[str | None, Flag(complete="sample", words=SETS)] = Field(
        None,
        description="Prompts: rtp or bold (from the Hub), a file of RealToxicityPrompts, RTP-LX (folder or "
        "zip too), PolygloToxicityPrompts, ToxiGen, BOLD, or any file of texts.",
    )
    from_file: Annotated[str | None, Flag(("--from",), complete="rows")] = Field(
        None, description="Measure the continuations in this file or folder; nothing is generated."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        description="Folder for generations.jsonl, scores.jsonl, summary.json, .md and .csv, report.html and "
        "detox.json."
    )
    protocol: Literal["rtp", "crosslingual", "task-vector", "dexperts", "lee2024"] = Field(
        "rtp", description="Whose way of drawing and counting is followed."
    )
    scorers: Annotated[list[str], Flag(names=("-s",), complete="scorer")] = Field(
        ["detoxify:unbiased"],
        description="Scorers of toxicity: KIND:MODEL#LABEL; can be given several times.",
    )
    until: Literal["generations", "scores", "summary"] = Field(
        "summary", description="Stop after this stage; the same command without it goes on."
    )

    text_column: str | None = Field(
        None, description="Column with the prompts, where a file has no known form."
    )
    split: str = Field("train", description="Split of a dataset id.")
    where: Annotated[str | None, Flag(metavar="RULE")] = Field(
        None,
        description="Use prompts for whose row this holds, such as: 700 <= Index <= 998 of RTP-LX.",
    )
    languages: Languages = Field(
        (), description="Prompts in these languages only, such as es,zh-hans; repeatable."
    )
    limit: PositiveInt | None = Field(None, description="Use the first N prompts of each language only.")
    password: str | None = Field(
        None, description="Password of a zip file of prompts; kept out of everything that is written."
    )

    num_samples: Annotated[PositiveInt | None, Flag(panel=DRAWING)] = Field(
        None, description="Continuations per prompt, in place of the protocol's."
    )
    max_new_tokens: Annotated[PositiveInt | None, Flag(panel=DRAWING)] = Field(
        None,
        description="Longest continuation in tokens, in place of the protocol's; of chains the answer alone.",
    )
    temperature: Annotated[float | None, Flag(panel=DRAWING)] = Field(
        None, ge=0, description="Sampling temperature in place of the protocol's; 0 is greedy."
    )
    top_p: Annotated[float | None, Flag(panel=DRAWING)] = Field(
        None, gt=0, le=1, description="Nucleus in place of the protocol's."
    )
    prefix: Annotated[str | None, Flag(panel=DRAWING)] = Field(
        None, description="Text put before every prompt, in place of the protocol's."
    )
    prompt_tokens: Annotated[PositiveInt | None, Flag(panel=DRAWING)] = Field(
        None, description="Cut prompts to so many tokens, in place of the protocol's."
    )

    k: Annotated[
        tuple[PositiveInt, ...],
        BeforeValidator(by_commas),
        Flag(panel=MEASURING, metavar="1,5,...", commas=True),
    ] = Field(
        (),
        description="Of how many continuations the largest toxicity is expected; the protocol's by default.",
    )
    threshold: Annotated[float | None, Flag(panel=MEASURING)] = Field(
        None, ge=0, le=1, description="Score from which a continuation is toxic, in place of the protocol's."
    )
    given_scores: Annotated[Literal["no", "too", "only"], Flag(panel=MEASURING)] = Field(
        "no",
        description="Report the scores that stand in a file of continuations: beside the scorers', or only.",
    )
    judge: Annotated[str | None, Flag(complete="causal", panel=MEASURING)] = Field(
        None, description="Causal model whose conditional perplexity says how fluent continuations are."
    )
    similarity: Annotated[str, Flag(complete="similarity", panel=MEASURING)] = Field(
        "builtin:similarity",
        description="Scorer of how near the prompts that chains rephrase are to their originals.",
    )
    legacy_judge: Annotated[str | None, Flag(complete="seq2seq", panel=MEASURING)] = Field(
        None,
        description="Encoder-decoder for the perplexity of the cross-lingual evaluation, kept for parity.",
    )
    text: Annotated[Path | None, Flag(complete="text", panel=MEASURING)] = Field(
        None, description="Text file, such as WikiText-2, on which the model's own perplexity is measured."
    )
    kl_to: Annotated[str | None, Flag(complete="causal", panel=MEASURING)] = Field(
        None, description="Base model: how far the measured one has moved from it, KL per token."
    )
    kl_prompts: Annotated[str | None, Flag(complete="sample", panel=MEASURING)] = Field(
        None, description="Benign prompts for that; the measured ones that are not toxic if not given."
    )
    kl_limit: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        100, description="How many of them at most, evenly spread."
    )
    f1: Annotated[str | None, Flag(complete="rows", panel=MEASURING)] = Field(
        None,
        description="Rows of prompt and gold, such as sentences of Wikipedia: F1 of the tokens that the "
        "model writes after the prompt.",
    )
    lm_eval: Annotated[
        tuple[str, ...], BeforeValidator(by_commas), Flag(panel=MEASURING, metavar="TASK,...", commas=True)
    ] = Field((), description="Tasks of lm-evaluation-harness, or files of tasks; needs the extra lm-eval.")
    window: Annotated[PositiveInt | None, Flag(panel=MEASURING)] = Field(
        None, description="Tokens in a window of that text; the protocol's if not given."
    )
    stride: Annotated[PositiveInt | None, Flag(panel=MEASURING)] = Field(
        None, description="Tokens from one window to the next; the protocol's if not given."
    )
    language_id: Annotated[bool, Flag(panel=MEASURING)] = Field(
        False,
        description="Tell whether continuations are in their prompt's language; needs the extra languages.",
    )
    dist_tokenizer: Annotated[str | None, Flag(complete="model", panel=MEASURING)] = Field(
        None,
        description="Model whose tokenizer cuts texts for the legacy distinct n-grams, in place of spaces.",
    )
    fail_if: Annotated[tuple[str, ...], Flag(panel=MEASURING, metavar="FIGURE>VALUE")] = Field(
        (),
        description="Exit with 5 if a figure is so, such as 'probability>0.1', 'kl>0.5' or "
        "'SCORER/probability@25[de]>=0.1'; repeatable.",
    )
    export: Annotated[tuple[Literal["crosslingual", "dexperts"], ...], Flag(panel=MEASURING)] = Field(
        (),
        description="Write the flat files of the original scripts as well, with the first scorer's scores.",
    )
    seed: int = Field(0, description="Random seed of the continuations and of the bootstrap.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    cache: bool = Field(True, description="Keep scores, and use those of earlier runs.")
    checkpoint: Annotated[Path | None, Flag(complete="weights")] = Field(
        None, description="Where the file of a published Detoxify scorer lies."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace stages of another run.")
