"""The prompts of a contrast: bundled ones, the user's, or sentences of a task."""

from dataclasses import dataclass
from typing import Literal

from detox_cli.data.bundled import SAMPLES
from detox_cli.data.pairs import read_pairs as data_pairs
from detox_cli.data.reading import Row, pick_column, read_rows, rows_with_text
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadSettings
from detox_cli.generation.chat import ChatFormat
from detox_cli.generation.prompts import DETOX_EN_V1, RewritePrompt, ShotStyle, rewrite_conversation
from detox_cli.generation.requests import Turn
from detox_cli.output.progress import Progress
from detox_cli.services.abliterate.contrast.contrasts import Prompt

Form = Literal["turn", "raw"]
"""Whether a text is put into the user's turn, or read as it stands."""

HARMFUL = str(SAMPLES / "harmful_instructions.jsonl")
HARMLESS = str(SAMPLES / "harmless_instructions.jsonl")
PAIRS = str(SAMPLES / "pairs.jsonl")
TEXT_COLUMNS = ("text", "prompt", "instruction", "goal", "behavior", "question", "query")
LANGUAGE_COLUMNS = ("language", "lang")


@dataclass(frozen=True)
class Wording:
    """How texts become prompts of one model.

    Attributes:
        chat: How its tokenizer writes conversations.
        form: ``turn`` or ``raw``.
        system: A system prompt in front of every turn.
        prefix: Put before every text, in the same turn.
    """

    chat: ChatFormat
    form: Form = "turn"
    system: str | None = None
    prefix: str = ""

    def prompt(self, text: str) -> str | tuple[Turn, ...]:
        """A conversation; plain text where that is asked for or the tokenizer has no template."""
        text = self.prefix + text
        if self.form == "raw" or not self.chat.has_template:
            return f"{self.system}\n\n{text}" if self.system else text
        opening = (Turn("system", self.system),) if self.system else ()
        return (*opening, Turn("user", text))

    def tell(self, progress: Progress) -> None:
        """Say what the model's template makes necessary.

        Raises:
            BadSettings: A system prompt for raw text.
        """
        if self.form == "raw" and self.system:
            raise BadSettings("raw text has no place for a system prompt", hint="leave --system or --raw out")
        if self.form == "turn" and not self.chat.has_template:
            progress.warn("the tokenizer has no chat template, so prompts are read as plain text")
        elif self.form == "turn" and self.system and not self.chat.has_system:
            progress.warn("the chat template has no system role, so the system prompt opens the user's turn")


def read_texts(
    source: str,
    side: str,
    wording: Wording,
    rejects: Rejects,
    *,
    column: str | None = None,
    limit: int | None = None,
) -> list[Prompt]:
    """The prompts of a file, one a row: text, JSON, JSONL, CSV, TSV or Parquet, or a data set of the Hub.

    Args:
        source: The file.
        side: ``positive`` or ``negative``; it makes ids different where both files count from 1.
        wording: How a text becomes a prompt.
        rejects: Takes rows without a text.
        column: The column of the text; else the first of ``TEXT_COLUMNS`` that is there.
        limit: Read so many rows at most.

    Raises:
        BadData: The file or its columns cannot be used.
        Missing: A data set cannot be had.
    """
    rows = read_rows(source, rejects, limit=limit)
    name = pick_column(rows, column, TEXT_COLUMNS, source)
    return [
        Prompt(f"{side}:{row.id}", text, wording.prompt(text), _language(row))
        for row in rows_with_text(rows, name, rejects)
        if (text := str(row.values[name]).strip())
    ]


def read_sentences(
    source: str,
    rejects: Rejects,
    *,
    style: ShotStyle = "turns",
    prompt: RewritePrompt = DETOX_EN_V1,
    limit: int | None = None,
) -> list[Prompt]:
    """Toxic sentences, each as ``detox synth pairs`` asks to rewrite it, without examples."""
    return [
        Prompt(
            f"task:{pair.id}",
            pair.toxic,
            rewrite_conversation(pair.toxic, (), style, prompt),
            pair.lang or "",
        )
        for pair in data_pairs(source, rejects, need_reference=False, limit=limit)
    ]


def read_pairs(
    source: str, wording: Wording, rejects: Rejects, *, limit: int | None = None
) -> tuple[list[Prompt], list[Prompt]]:
    """Toxic texts and the first neutral version of each; both of a pair fall into the same part."""
    pairs = data_pairs(source, rejects, limit=limit)
    texts = {
        "positive": [(pair, pair.toxic) for pair in pairs],
        "negative": [(pair, pair.references[0]) for pair in pairs],
    }
    positive, negative = (
        [
            Prompt(f"{side}:{pair.id}", text, wording.prompt(text), pair.lang or "", key=pair.id)
            for pair, text in listed
        ]
        for side, listed in texts.items()
    )
    return positive, negative


def _language(row: Row) -> str:
    return next((str(row.values[name]) for name in LANGUAGE_COLUMNS if row.values.get(name)), "")
