"""The ways of asking a model for what stands in the place of masks, and of reading its answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from detox_cli.data.chains.record import MASK, ChainRecord
from detox_cli.data.splits import text_key
from detox_cli.errors import BadSettings
from detox_cli.generation.cleaning import clean_output
from detox_cli.generation.prompts import DETOX_EN_V1, rewrite_conversation
from detox_cli.generation.requests import Sample, Turn
from detox_cli.generation.rewrite_refusals import is_refusal
from detox_cli.models.loading import load_tokenizer
from detox_cli.models.rewriting import Rewriting
from detox_cli.runs.manifest import read_manifest
from detox_cli.services.engine import Writer
from detox_cli.services.synth_chain.aligning import filled, fills_by_context, fills_in
from detox_cli.services.writers import LocalWriter

Mode = Literal["infill", "sentinels", "instruct", "rewrite"]
Prompt = str | tuple[Turn, ...]

NOTHING, CHANGED, COPY, DECLINED, LONG = (
    "nothing in the place of a mask",
    "text beside the masks changed",
    "the prompt unchanged",
    "it declined",
    "it did not end",
)
"""Why what a filler wrote is not used."""
FILL_EN_V1 = (
    f"The user's text has {MASK} wherever an offensive expression has been taken out. Write the text again "
    "with harmless words in the place of every mask, so that it reads naturally. Copy all the rest exactly "
    "as it is. Do not explain and do not continue the text. Answer with the completed text only."
)
"""The instruction for chat models; it is part of the fingerprint of a run."""
LABEL = "Masked text:"
ANSWER_TOKENS = 128
"""The longest answer of a chat model or rewriter."""
SENTINEL = "<extra_id_{}>"
_SENTINEL = re.compile(r"<extra_id_(\d+)>")
_SPECIAL = re.compile(r"</?(?:s|pad|unk)>")


@dataclass(frozen=True)
class Filling:
    """What came of one answer: the prompt with its masks filled, or why it is not used.

    ``paraphrase`` is the whole answer where it changed more than the masks.
    """

    text: str
    fault: str | None = None
    paraphrase: bool = False


class Filler(Protocol):
    """A way of asking."""

    specials: bool
    """Whether its answers have to be read with their special tokens."""

    def prompt(self, record: ChainRecord) -> Prompt:
        """What the model reads for a masked prompt."""

    def limit(self, record: ChainRecord) -> int:
        """The most tokens that its answer may have."""

    def read(self, record: ChainRecord, sample: Sample) -> Filling:
        """What the answer makes of the prompt."""


@dataclass(frozen=True)
class Infill:
    """A denoiser, such as BART or GENIUS: it writes the text again with something for each mask token.

    Attributes:
        tokenizer: The model's own.
        tokens: Tokens that each mask may add, 5 in the published pipeline.
    """

    tokenizer: Any
    tokens: int
    specials = False

    def prompt(self, record: ChainRecord) -> Prompt:
        """The masked text with the model's own mask token."""
        return _masked(record).replace(MASK, str(self.tokenizer.mask_token))

    def limit(self, record: ChainRecord) -> int:
        """The tokens of what it reads, and ``tokens`` for each mask."""
        ids = self.tokenizer(self.prompt(record), verbose=False).input_ids
        return len(ids) + self.tokens * _masked(record).count(MASK)

    def read(self, record: ChainRecord, sample: Sample) -> Filling:
        """The fills of the masks in the original text."""
        return _aligned(record, sample.text, sample)


@dataclass(frozen=True)
class Sentinels:
    """T5: a sentinel for each mask, and an answer of sentinels with what belongs in their places.

    Attributes:
        tokens: Tokens that each fill may have.
    """

    tokens: int
    specials = True

    def prompt(self, record: ChainRecord) -> Prompt:
        """The masked text with numbered sentinels."""
        parts = _masked(record).split(MASK)
        return "".join(f"{SENTINEL.format(i - 1)}{part}" if i else part for i, part in enumerate(parts))

    def limit(self, record: ChainRecord) -> int:
        """``tokens`` and a sentinel for each mask, and the closing one."""
        return (self.tokens + 1) * _masked(record).count(MASK) + 1

    def read(self, record: ChainRecord, sample: Sample) -> Filling:
        """The fills by their sentinels; what follows the last one that was asked for is left aside."""
        masked = _masked(record)
        parts = _SENTINEL.split(_SPECIAL.sub("", sample.text))
        found = {int(number): text.strip() for number, text in zip(parts[1::2], parts[2::2], strict=True)}
        fills = [found.get(number, "") for number in range(masked.count(MASK))]
        return Filling(filled(masked, fills)) if all(fills) else Filling("", NOTHING)


@dataclass(frozen=True)
class Instruct:
    """A chat model that is told to complete the text.

    Attributes:
        instruction: What it is told.
    """

    instruction: str = FILL_EN_V1
    specials = False

    def prompt(self, record: ChainRecord) -> Prompt:
        """The instruction, and the masked text as the user's message."""
        return (Turn("system", self.instruction), Turn("user", _masked(record)))

    def limit(self, record: ChainRecord) -> int:
        """The same for all."""
        return ANSWER_TOKENS

    def read(self, record: ChainRecord, sample: Sample) -> Filling:
        """The fills of the masks, from the answer without quotes and labels around it."""
        return _aligned(record, clean_output(sample.text, LABEL), sample)


@dataclass(frozen=True)
class Rewrite:
    """A rewriter of whole sentences, which sees no masks: what it writes is a paraphrase.

    Attributes:
        habits: The frame that it was trained with, and how it declines.
        chat: Whether it is a chat model, which is given the instruction of ``synth pairs``.
    """

    habits: Rewriting
    chat: bool
    specials = False

    def prompt(self, record: ChainRecord) -> Prompt:
        """The prompt itself, framed."""
        if self.chat:
            return rewrite_conversation(record.text, (), "turns", DETOX_EN_V1)
        return self.habits.frame(record.text, {})

    def limit(self, record: ChainRecord) -> int:
        """The same for all."""
        return ANSWER_TOKENS

    def read(self, record: ChainRecord, sample: Sample) -> Filling:
        """The rewrite; white space at the end of the prompt stays, as the continuation follows it."""
        text = clean_output(sample.text, DETOX_EN_V1.toxic_label)
        if self.habits.declines(text) or (self.chat and is_refusal(text, record.text)):
            return Filling("", DECLINED)
        return _paraphrase(record, text, sample)


def find_filler(writer: Writer, mode: str, tokens: int) -> tuple[Mode, Filler]:
    """The way of asking ``writer``: as the user says, or as the model is.

    Raises:
        BadSettings: The model cannot be asked in this way.
    """
    chosen = _told_by(writer) if mode == "auto" else mode
    if chosen in ("infill", "sentinels") and not isinstance(writer, LocalWriter):
        raise BadSettings(
            f"a served model is not asked to {chosen}", where="--fill-mode", hint="use instruct"
        )
    makers: dict[str, Callable[[], Filler]] = {
        "infill": lambda: Infill(_with_mask(writer), tokens),
        "sentinels": lambda: Sentinels(tokens),
        "instruct": Instruct,
        "rewrite": lambda: Rewrite(Rewriting.of(getattr(writer, "config", None)), not writer.encoder_decoder),
    }
    return chosen, makers[chosen]()  # type: ignore[return-value]


def _told_by(writer: Writer) -> Mode:
    """How a model wants to be asked: by its kind, by who trained it, and by its special tokens."""
    if not isinstance(writer, LocalWriter) or not writer.encoder_decoder:
        return "instruct"
    folder = Path(str(writer.source.location))
    trained = read_manifest(folder) if folder.is_dir() else None
    if (trained or {}).get("command") == "train bart" or Rewriting.of(writer.config) != Rewriting():
        return "rewrite"
    tokenizer = load_tokenizer(writer.source, writer.options.trust_remote_code)
    if SENTINEL.format(0) in tokenizer.get_vocab():
        return "sentinels"
    if tokenizer.mask_token is not None:
        return "infill"
    hint = "say how with --fill-mode, such as --fill-mode rewrite"
    raise BadSettings(f"how {writer.name} fills masks cannot be told", where="--filler", hint=hint)


def _with_mask(writer: Writer) -> Any:
    assert isinstance(writer, LocalWriter)
    tokenizer = load_tokenizer(writer.source, writer.options.trust_remote_code)
    if not writer.encoder_decoder or tokenizer.mask_token is None:
        hint = "use instruct for a chat model, rewrite for a rewriter, sentinels for T5"
        raise BadSettings(f"{writer.name} has no mask to fill", where="--fill-mode infill", hint=hint)
    return tokenizer


def _aligned(record: ChainRecord, text: str, sample: Sample) -> Filling:
    """The fills that an answer of the whole text has, in the text as it was.

    Where the answer changed other words too, only what stands between the right neighbours is a fill.
    """
    masked = _masked(record)
    if not text_key(text) or MASK.casefold() in text.casefold():
        return Filling("", NOTHING)
    fills = fills_in(masked, text)
    if fills is None and sample.finish_reason == "stop":
        fills = fills_by_context(masked, text)
    if fills is None:
        paraphrase = _paraphrase(record, text, sample)
        return Filling(paraphrase.text, paraphrase.fault or CHANGED, paraphrase=paraphrase.fault is None)
    if not all(any(character.isalnum() for character in fill) for fill in fills):
        return Filling("", NOTHING)
    return Filling(filled(masked, fills))


def _paraphrase(record: ChainRecord, text: str, sample: Sample) -> Filling:
    if not text_key(text):
        return Filling("", NOTHING)
    if text_key(text) == text_key(record.text):
        return Filling("", COPY)
    if sample.finish_reason == "length":
        return Filling("", LONG)
    return Filling(text.strip())


def _masked(record: ChainRecord) -> str:
    assert record.masked is not None
    return record.masked
