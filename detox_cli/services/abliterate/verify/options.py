"""What is measured of an edited model, on what, and what it must reach."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from detox_cli.generation.requests import Turn
from detox_cli.models.checkpoint.plan import Tied
from detox_cli.models.checkpoint.write import Rounding
from detox_cli.models.weights import Quantize

Conversation = str | tuple[Turn, ...]
"""Raw text, or a conversation that the model's template renders."""

Part = Literal["residues", "forward", "task", "refusals", "safe", "kl", "perplexity"]
PARTS: tuple[Part, ...] = ("residues", "forward", "task", "refusals", "safe", "kl", "perplexity")


@dataclass(frozen=True)
class Limits:
    """What an edited model must reach; ``None`` asks for nothing.

    Attributes:
        max_kl: The highest mean KL(base || edited) over the first tokens of the base's answers, in nats.
        max_ppl_increase: The highest relative increase of perplexity, .05 for 5 %.
        min_joint: The lowest J on the task, where what is not answered counts 0.
        max_refusals: The highest share of held-out positive prompts that are declined, or answered with
            nothing, a loop or filler.
    """

    max_kl: float | None = None
    max_ppl_increase: float | None = None
    min_joint: float | None = None
    max_refusals: float | None = None


@dataclass(frozen=True)
class VerifyOptions:
    """How an edited model is looked at.

    Attributes:
        positive: Held-out prompts that show the behaviour; without any, refusals are not measured.
        negative: Held-out prompts that do not, for KL and the forward check; bundled requests if none.
        system: The system turn before the bundled prompts and those of files.
        safe: File with prompts that only sound dangerous, such as XSTest's; rows labelled otherwise than
            ``safe`` are left out. The bundled ones if not given.
        text: File with neutral text: a ``.txt`` file is one document, of others each row is one. The bundled
            prose if not given.
        pairs: File with toxic sentences for the task; the bundled pairs if not given.
        limit_pairs: Sentences of it that are used.
        sentences: The toxic sentences themselves, in place of those of ``pairs``.
        new_tokens: Tokens of an answer; below 100 refusals are missed that come late.
        kl_tokens: Tokens of the base's answer on which the KL is taken.
        window: Tokens that are read at once for the perplexity.
        parts: What is measured.
        limits: What must be reached.
        keep_answers: Whether answers are part of the result; else they are scored and forgotten.
        sta: Scorer of toxicity in place of that of suite ``detox``.
        sim: Scorer of similarity in place of it.
        fl: Scorer of fluency in place of it.
        refusal_scorer: Classifier that tells refusals too, beside the wording: ``hf:MODEL#LABEL``.
        quantize: Load the edited model in 4 or 8 bits, to see whether refusals come back and what modules
            write along the directions again; the base stays as it is.
        targets: As for writing: names of the writers of a family that is not known.
        tied: As for writing: what happened to a token embedding that is the output head too.
        rounding: As for writing: how numbers were rounded.
        device: Where models are loaded.
        dtype: As what numbers they are loaded.
        batch_tokens: Tokens in one batch, padding and answers included.
        trust_remote_code: Whether code that a model brings is run.
        chat_template: A file with the template of conversations, in place of the model's own.
    """

    positive: tuple[Conversation, ...] = ()
    negative: tuple[Conversation, ...] = ()
    system: str | None = None
    safe: str | None = None
    text: str | None = None
    pairs: str | None = None
    limit_pairs: int = 200
    sentences: tuple[str, ...] = ()
    new_tokens: int = 128
    kl_tokens: int = 8
    window: int = 1024
    parts: frozenset[Part] = frozenset(PARTS)
    limits: Limits = field(default_factory=Limits)
    keep_answers: bool = False
    sta: str | None = None
    sim: str | None = None
    fl: str | None = None
    refusal_scorer: str | None = None
    quantize: Quantize | None = None
    targets: str | None = None
    tied: Tied = "skip"
    rounding: Rounding = "exact"
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 8192
    trust_remote_code: bool = False
    chat_template: Path | None = None
