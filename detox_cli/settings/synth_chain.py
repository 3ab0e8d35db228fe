"""Settings of ``detox synth chain``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.engine import EngineChoice
from detox_cli.settings.offers import CHAINS, DETECTORS, SETS

PROMPTS, SPANS, FILLING, CONTINUING, BUILDING = (
    "Prompts",
    "Toxic spans and masks",
    "Filling the masks",
    "Continuations",
    "Chains",
)

Stage = Literal["spans", "mask", "fill", "continue", "score", "build"]
FillMode = Literal["auto", "infill", "sentinels", "instruct", "rewrite"]


class SynthChainSettings(EngineChoice):
    """``detox synth chain``: a model and prompts in; a folder with a file per stage, and chains, out."""

    model: Annotated[str | None, Flag(positional=True, complete="causal")] = Field(
        None, description="The model that is to detoxify itself, and continues the prompts for it."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("chains"), description="Folder for the file of every stage, and the chains."
    )
    from_stage: Annotated[Stage, Flag(("--from",))] = Field(
        "spans", description="First stage to do: spans, mask, fill, continue, score or build."
    )
    to_stage: Annotated[Stage, Flag(("--to",))] = Field("build", description="Last stage to do.")
    data: Annotated[str | None, Flag(complete="rows")] = Field(
        None,
        description="What the stage before --from has made, if not in the folder: a file of ours, one in "
        "the form of the published pipeline, or, for score, answers of detox generate --chain.",
    )
    scorer: Annotated[str, Flag(("-s",), complete="scorer")] = Field(
        "detoxify:unbiased", description="Scorer of toxicity for prompts, fills and continuations."
    )
    tox_threshold: float = Field(
        0.5, ge=0, le=1, description="Score from which a prompt, or what becomes of it, is toxic."
    )
    seed: int = Field(0, description="Random seed; each prompt derives its own from it.")

    prompts: Annotated[str | None, Flag(complete="sample", words=SETS, panel=PROMPTS)] = Field(
        None,
        description="Prompts: rtp (from the Hub), a file of RealToxicityPrompts or another known form, or "
        "any file of texts; those without a toxicity are scored.",
    )
    text_column: Annotated[str | None, Flag(panel=PROMPTS)] = Field(
        None, description="Column with the prompts, where a file has no known form."
    )
    split: Annotated[str, Flag(panel=PROMPTS)] = Field("train", description="Split of a dataset id.")
    limit: Annotated[PositiveInt | None, Flag(panel=PROMPTS)] = Field(
        None, description="Use the first N prompts of each language only."
    )
    max_samples: Annotated[PositiveInt, Flag(panel=PROMPTS)] = Field(
        15000, description="Prompts to make chains of at most, chosen by the seed."
    )
    toxic_ratio: Annotated[float, Flag(panel=PROMPTS)] = Field(
        2 / 3, ge=0, le=1, description="Share of toxic prompts among them, as far as there are enough."
    )
    rescore: Annotated[bool, Flag(panel=PROMPTS)] = Field(
        False, description="Score all prompts, those too whose file says how toxic they are."
    )
    test_share: Annotated[float, Flag(panel=PROMPTS)] = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of prompts that is put aside in test.jsonl and never trained on.",
    )
    exclude: Annotated[tuple[str, ...], Flag(complete="sample", panel=PROMPTS, metavar="FILE")] = Field(
        (), description="Prompts, such as a test set, that must not be used; repeatable."
    )

    detector: Annotated[str, Flag(("-d",), complete="detector", words=DETECTORS, panel=SPANS)] = Field(
        "builtin:spans",
        description="What finds toxic spans: builtin:spans, a folder of train spans, hf:MODEL, "
        "attribution:SCORER (words without which a text is less toxic), or lexicon:FILE.",
    )
    span_threshold: Annotated[float | None, Flag(panel=SPANS)] = Field(
        None, description="Score from which a span is toxic, in the detector's unit; its own if not given."
    )
    lower_threshold: Annotated[float | None, Flag(panel=SPANS)] = Field(
        None,
        description="Score to try where a toxic prompt has no such span, half of that if not given; after it "
        "the highest word is taken.",
    )
    mask_passes: Annotated[NonNegativeInt, Flag(panel=SPANS)] = Field(
        5,
        description="Times that a masked prompt is scored, and its next word masked while it is toxic; it is "
        "dropped after the last. 0 does not score it.",
    )

    filler: Annotated[str, Flag(("-f",), complete="model", panel=FILLING)] = Field(
        "beyond/genius-large",
        description="What fills the masks: a model of mask infilling, T5, a chat model, or a rewriter of "
        "train bart.",
    )
    fill_mode: Annotated[FillMode, Flag(panel=FILLING)] = Field(
        "auto",
        description="How it is asked: infill its mask token, T5's sentinels, instruct a chat model, or "
        "rewrite the prompt without masks; auto tells by the model.",
    )
    filler_engine: Annotated[Literal["transformers", "vllm", "server"], Flag(panel=FILLING)] = Field(
        "transformers", description="What runs the filler."
    )
    filler_base_url: Annotated[str | None, Flag(panel=FILLING)] = Field(
        None, description="Address of the filler's server, for --filler-engine server."
    )
    filler_adapter: Annotated[Path | None, Flag(complete="folder", panel=FILLING)] = Field(
        None, description="Folder of a LoRA adapter to put on the filler."
    )
    num_fills: Annotated[PositiveInt, Flag(panel=FILLING)] = Field(
        5, description="Fills per prompt and time of asking; the most fluent one that is accepted stays."
    )
    fill_retries: Annotated[NonNegativeInt, Flag(panel=FILLING)] = Field(
        5, description="Times a prompt is asked again, with another seed, while no fill is accepted."
    )
    fill_temperature: Annotated[float, Flag(panel=FILLING)] = Field(
        1.0, ge=0, description="Sampling temperature of fills; 0 is greedy."
    )
    fill_top_p: Annotated[float, Flag(panel=FILLING)] = Field(
        0.9, gt=0, le=1, description="Nucleus of fills."
    )
    fill_tokens: Annotated[PositiveInt, Flag(panel=FILLING)] = Field(
        5, description="Tokens that a fill may add for each mask."
    )
    accept_paraphrase: Annotated[bool, Flag(panel=FILLING)] = Field(
        False,
        description="Accept fills that change the text beside the masks; rewriting implies it.",
    )
    similarity: Annotated[str, Flag(complete="similarity", panel=FILLING)] = Field(
        "hf:sentence-transformers/LaBSE#pooler",
        description="Scorer of the similarity of a filled prompt and the original.",
    )
    min_similarity: Annotated[float, Flag(panel=FILLING)] = Field(
        0.5, ge=-1, le=1, description="Similarity that a filled prompt has at least."
    )
    judge: Annotated[str | None, Flag(complete="causal", panel=FILLING)] = Field(
        None,
        description="Causal model whose perplexity ranks accepted fills; MODEL itself if not given, "
        "where that is a causal model of this machine.",
    )
    keep_similar: Annotated[PositiveInt | None, Flag(panel=FILLING)] = Field(
        None, description="Of the filled prompts keep the N most similar to the original ones."
    )
    keep_fluent: Annotated[PositiveInt | None, Flag(panel=FILLING)] = Field(
        None, description="Of these keep the N with the lowest perplexity."
    )

    num_samples: Annotated[PositiveInt, Flag(panel=CONTINUING)] = Field(
        5, description="Continuations per prompt; one becomes the answer, three may be negatives."
    )
    max_new_tokens: Annotated[PositiveInt, Flag(panel=CONTINUING)] = Field(
        20, description="Longest continuation, in tokens."
    )
    temperature: Annotated[float, Flag(panel=CONTINUING)] = Field(
        1.0, ge=0, description="Sampling temperature of continuations."
    )
    top_p: Annotated[float, Flag(panel=CONTINUING)] = Field(
        0.9, gt=0, le=1, description="Nucleus of continuations: smallest set of tokens with this mass."
    )
    top_k: Annotated[NonNegativeInt, Flag(panel=CONTINUING)] = Field(
        0, description="Keep the k likeliest tokens; 0 keeps all."
    )
    empty_retries: Annotated[NonNegativeInt, Flag(panel=CONTINUING)] = Field(
        2, description="Times the model is asked again for continuations that came without text."
    )

    template: Annotated[str, Flag(complete="form", words=CHAINS, panel=BUILDING)] = Field(
        "cmd-v3-code", description="How a chain is written: a template by name, or a file with one."
    )
    mode: Annotated[Literal["chain", "direct", "both"], Flag(panel=BUILDING)] = Field(
        "chain",
        description="Write chains, direct answers, or both: a chain for toxic prompts, direct for safe ones. "
        "Of answers that are read, direct takes those to every rephrasing.",
    )
    pos_max: Annotated[float, Flag(panel=BUILDING)] = Field(
        0.5, ge=0, le=1, description="Toxicity that the answer, the least toxic continuation, has at most."
    )
    neg_threshold: Annotated[float, Flag(panel=BUILDING)] = Field(
        0.3, ge=0, le=1, description="Toxicity above which a continuation can be a negative."
    )
    max_neg: Annotated[NonNegativeInt, Flag(panel=BUILDING)] = Field(
        3, description="Negatives of a chain at most, the most toxic ones."
    )

    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace what another run left in the folder.")
