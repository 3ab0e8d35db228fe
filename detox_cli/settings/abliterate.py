"""Settings of ``detox abliterate``."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from detox_cli.settings.base import Flag, Section

STEPS, PROMPTS, CHOOSING, WRITING, VERIFYING, LIMITS, MODEL = (
    "One step alone",
    "Prompts and measuring",
    "Choosing",
    "Writing",
    "Verifying",
    "Limits: where one is not met, no model is left and the exit code is 5",
    "Model",
)

Mode = Literal["zero", "affine", "projected", "norm-preserving"]
Part = Literal["residues", "forward", "task", "refusals", "safe", "kl", "perplexity"]
PARTS: tuple[Part, ...] = ("residues", "forward", "task", "refusals", "safe", "kl", "perplexity")


class AbliterateSettings(Section):
    """``detox abliterate``: a model in, the same model without a behaviour out."""

    model: Annotated[str, Flag(positional=True, complete="causal")] = Field(
        "meta-llama/Llama-3.1-8B-Instruct", description="The model: Hub id, folder or builtin:chat."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("abliterated"), description="Folder for the edited model, its card and what it was made of."
    )
    contrast: Literal["refusal", "task", "toxicity", "files"] = Field(
        "refusal",
        description="What is contrasted: harmful and harmless instructions; toxic sentences that the model "
        "declines and that it agrees to rewrite; toxic and neutral text; or your own two files.",
    )
    goal: Annotated[float, Field(ge=0, le=1)] = Field(
        0.98, description="Share of sentences answered in the detox task from which no edit is needed."
    )
    adapter: bool = Field(False, description="Write a LoRA adapter that does the same, and no weights.")
    seed: int = Field(0, description="Random seed of splits and samples.")
    overwrite: bool = Field(False, description="Replace the output, and an unfinished run for it.")

    measure_only: Annotated[bool, Flag(panel=STEPS)] = Field(
        False, description="Measure, write OUTPUT/direction.safetensors, and stop."
    )
    choose_only: Annotated[bool, Flag(panel=STEPS)] = Field(
        False, description="Measure and choose, write OUTPUT/direction.safetensors with the choice, and stop."
    )
    direction: Annotated[Path | None, Flag(complete="weights", panel=STEPS)] = Field(
        None,
        description="A direction.safetensors, or a folder with one: nothing is measured again, and nothing "
        "chosen if it holds a choice.",
    )
    verify: Annotated[Path | None, Flag(complete="folder", panel=STEPS)] = Field(
        None, description="Folder of an edited model to verify against MODEL; nothing is written."
    )

    positive: Annotated[str | None, Flag(complete="sample", panel=PROMPTS)] = Field(
        None,
        description="Prompts that show the behaviour, for the contrasts refusal and files: a file or a "
        "dataset id.",
    )
    negative: Annotated[str | None, Flag(complete="sample", panel=PROMPTS)] = Field(
        None, description="Prompts that do not show it."
    )
    pairs: Annotated[str | None, Flag(complete="sample", panel=PROMPTS)] = Field(
        None,
        description="Toxic sentences, with neutral versions for the contrast toxicity; the bundled sample if "
        "not given.",
    )
    text_column: Annotated[str | None, Flag(panel=PROMPTS)] = Field(
        None, description="Column with the prompts; found by its usual names."
    )
    limit: Annotated[PositiveInt | None, Flag(panel=PROMPTS)] = Field(
        None, description="Use the first N rows of each file only."
    )
    system: Annotated[str | None, Flag(panel=PROMPTS)] = Field(
        None, description="System prompt before every instruction."
    )
    chat_template: Annotated[Path | None, Flag(complete="template", panel=PROMPTS)] = Field(
        None,
        description="File with a chat template (Jinja) to ask the model with, in place of its own; the "
        "edited model keeps its own.",
    )
    prefix: Annotated[str, Flag(panel=PROMPTS)] = Field(
        "", description="Text put before every instruction, in the same turn."
    )
    raw: Annotated[bool, Flag(panel=PROMPTS)] = Field(
        False, description="Read prompts as plain text, not as a user's turn."
    )
    filter: Annotated[bool, Flag(panel=PROMPTS)] = Field(
        True,
        description="Leave out positive prompts that the model answers and negative ones that it declines.",
    )
    force: Annotated[bool, Flag(panel=PROMPTS)] = Field(
        False, description="Go on with fewer than 32 prompts on a side."
    )
    positions: Annotated[PositiveInt | None, Flag(panel=PROMPTS)] = Field(
        None,
        description="How many of the last tokens of a prompt are measured; if not given, those that all "
        "prompts end with, and 8 of toxic and neutral text without a template.",
    )
    winsorize: Annotated[float, Flag(panel=PROMPTS)] = Field(
        1.0, gt=0.5, le=1, description="Limit the values of each vector to this quantile of their size."
    )

    blockwise: Annotated[bool, Flag(panel=PROMPTS)] = Field(
        False,
        description="Measure a model that is larger than memory, one block at a time from its files; needs "
        "--no-filter.",
    )

    position: Annotated[int | None, Flag(panel=CHOOSING)] = Field(
        None, lt=0, description="Take the direction at this token, -1 is the last; needs --layer."
    )
    layer: Annotated[str | None, Flag(panel=CHOOSING)] = Field(
        None,
        description="Take the direction after this block, counted from 0; 12.5 lies between two, each gives "
        "every block its own; needs --position.",
    )
    mode: Annotated[tuple[Mode, ...], Flag(panel=CHOOSING)] = Field(
        ("zero", "projected"),
        min_length=1,
        description="How a component is removed: taken out; put where the negative prompts have it (affine); "
        "taken out after the direction was made orthogonal to their mean (projected); or taken out with the "
        "lengths of all vectors kept. Repeatable: all are tried, the first one at a named place.",
    )
    directions: Annotated[PositiveInt, Flag(panel=CHOOSING)] = Field(
        1, description="How many directions may be removed together; more are added while they help."
    )
    choose_kl: Annotated[float, Flag(panel=CHOOSING)] = Field(
        0.2, gt=0, description="Highest divergence on answers that a candidate may cause, in nats."
    )
    choose_induce: Annotated[float, Flag(panel=CHOOSING)] = Field(
        0.5,
        description="How far adding the direction must take negative prompts towards a refusal: the least "
        "share of the way to where positive prompts are.",
    )
    choose_depth: Annotated[float, Flag(panel=CHOOSING)] = Field(
        0.8, gt=0, description="How far up a direction may come from, as a share of the blocks."
    )
    choose_separation: Annotated[float, Flag(panel=CHOOSING)] = Field(
        0.5,
        ge=0,
        le=1,
        description="How far apart the two sides must lie at a place for it to be tried, as a share of "
        "where they lie farthest apart; 0 tries all places.",
    )
    best_anyway: Annotated[bool, Flag(panel=CHOOSING)] = Field(
        False, description="Take the best candidate even if none keeps to these limits."
    )
    mask_massive: Annotated[bool, Flag(panel=CHOOSING)] = Field(
        False, description="Leave dimensions with massive activations out of directions."
    )
    search: Annotated[NonNegativeInt, Flag(panel=CHOOSING)] = Field(
        0, description="Trials of a search for strengths per block, from the best candidates; needs Optuna."
    )
    search_sampler: Annotated[Literal["tpe", "nsga"], Flag(panel=CHOOSING)] = Field(
        "tpe", description="What proposes trials."
    )
    search_kl: Annotated[float, Flag(panel=CHOOSING)] = Field(
        0.5, gt=0, description="Divergence on answers, in nats, beyond which a trial is given up."
    )
    search_answers: Annotated[bool, Flag(panel=CHOOSING)] = Field(
        False, description="Count refusals by letting the model answer, instead of by their likelihood."
    )
    embedding_strength: Annotated[float, Flag(panel=CHOOSING)] = Field(
        1.0, description="How much is removed before the first block; 1 is all, 0 nothing."
    )
    attention_strength: Annotated[float, Flag(panel=CHOOSING)] = Field(
        1.0, description="How much is removed from attention outputs and state-space mixers."
    )
    mlp_strength: Annotated[float, Flag(panel=CHOOSING)] = Field(
        1.0, description="How much is removed from MLPs and experts."
    )
    edit_layers: Annotated[str | None, Flag(panel=CHOOSING, metavar="FIRST-LAST")] = Field(
        None, description="Edit only these blocks, such as 3-31; all if not given."
    )

    tied: Annotated[Literal["skip", "untie", "edit"], Flag(panel=WRITING)] = Field(
        "skip",
        description="What to do with a token embedding that is the output head too: leave it, store the head "
        "apart, or edit both.",
    )
    rounding: Annotated[Literal["exact", "nearest"], Flag(panel=WRITING)] = Field(
        "exact", description="How 16-bit numbers are rounded; exact leaves nothing along the directions."
    )
    targets: Annotated[str | None, Flag(panel=WRITING, metavar="REGEX")] = Field(
        None,
        description="For a family that is not known: what writes to the residual stream, as a regular "
        "expression that finds names of tensors.",
    )
    link_untouched: Annotated[bool, Flag(panel=WRITING)] = Field(
        False, description="Share files that stay as they are with the source, as hard links."
    )

    parts: Annotated[tuple[Part, ...], Flag(panel=VERIFYING)] = Field(
        PARTS, description="What is verified; repeatable."
    )
    safe: Annotated[str | None, Flag(complete="sample", panel=VERIFYING)] = Field(
        None,
        description="Prompts that only sound dangerous, such as XSTest's; the bundled ones if not given.",
    )
    text: Annotated[str | None, Flag(complete="text", panel=VERIFYING)] = Field(
        None, description="Text for the perplexity; the bundled prose if not given."
    )
    task_pairs: Annotated[str | None, Flag(complete="sample", panel=VERIFYING)] = Field(
        None, description="Toxic sentences to rewrite before and after; the bundled sample if not given."
    )
    task_rows: Annotated[PositiveInt, Flag(panel=VERIFYING)] = Field(
        200, description="How many of them are used."
    )
    new_tokens: Annotated[PositiveInt, Flag(panel=VERIFYING)] = Field(
        128, description="Longest answer to an instruction; below 100, late refusals are missed."
    )
    keep_answers: Annotated[bool, Flag(panel=VERIFYING)] = Field(
        False, description="Keep the answers to harmful prompts in the report; else they are scored only."
    )
    refusal_scorer: Annotated[str | None, Flag(complete="scorer", panel=VERIFYING)] = Field(
        None, description="Classifier that tells refusals too, beside their wording: hf:MODEL#LABEL."
    )
    quantize: Annotated[Literal["4bit", "8bit"] | None, Flag(panel=VERIFYING)] = Field(
        None, description="Load the edited model in fewer bits, to see whether refusals come back."
    )
    sta: Annotated[str | None, Flag(complete="scorer", panel=VERIFYING)] = Field(
        None, description="Scorer of toxicity in place of that of the suite detox."
    )
    sim: Annotated[str | None, Flag(complete="similarity", panel=VERIFYING)] = Field(
        None, description="Scorer of similarity in place of that of the suite."
    )
    fl: Annotated[str | None, Flag(complete="fluency", panel=VERIFYING)] = Field(
        None, description="Scorer of fluency in place of that of the suite."
    )

    max_kl: Annotated[float | None, Flag(panel=LIMITS)] = Field(
        None, gt=0, description="Highest mean KL(base || edited) over the first tokens of an answer, in nats."
    )
    max_ppl_increase: Annotated[float | None, Flag(panel=LIMITS)] = Field(
        None, description="Highest relative increase of the perplexity; 0.05 is five percent."
    )
    min_joint: Annotated[float | None, Flag(panel=LIMITS)] = Field(
        None, ge=0, le=1, description="Lowest J in the detox task; what is not answered counts 0."
    )
    max_refusals: Annotated[float | None, Flag(panel=LIMITS)] = Field(
        None, ge=0, le=1, description="Highest share of held-out positive prompts that are not answered."
    )

    revision: Annotated[str | None, Flag(panel=MODEL)] = Field(
        None, description="Branch, tag or commit of a Hub model."
    )
    device: Annotated[str, Flag(panel=MODEL)] = Field("auto", description="auto, cpu, cuda or cuda:N.")
    dtype: Annotated[Literal["auto", "float32", "bfloat16", "float16"], Flag(panel=MODEL)] = Field(
        "auto", description="Weights in memory while measuring; files keep their own type."
    )
    trust_remote_code: Annotated[bool, Flag(panel=MODEL)] = Field(
        False, description="Run code that the model repository brings."
    )
    batch_tokens: Annotated[PositiveInt, Flag(panel=MODEL)] = Field(
        8192, description="Tokens in one batch, padding and answers included."
    )

    @field_validator("edit_layers")
    @classmethod
    def _is_a_range(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"\d+-\d+", value):
            raise ValueError("is a range of blocks such as 3-31")
        return value
