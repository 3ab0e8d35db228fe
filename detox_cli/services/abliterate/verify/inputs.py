"""The prompts, texts and sentences that models are measured on: bundled, or from files."""

from dataclasses import dataclass
from pathlib import Path

from detox_cli.data.bundled import SAMPLES
from detox_cli.data.pairs import read_pairs
from detox_cli.data.reading import pick_column, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.generation.requests import Turn
from detox_cli.services.abliterate.verify.options import Conversation, VerifyOptions

SAFE, PROSE, PAIRS, HARMLESS = (
    str(SAMPLES / f"{name}.jsonl") for name in ("safe_sounding", "prose", "pairs", "harmless")
)
PROMPT_COLUMNS = ("prompt", "instruction", "text", "question")
TEXT_COLUMNS = ("text", "document", "content")
SAFE_LABEL = "safe"


@dataclass(frozen=True)
class Inputs:
    """Everything that models are measured on; what is not measured is empty."""

    positive: tuple[Conversation, ...]
    negative: tuple[Conversation, ...]
    safe: tuple[Conversation, ...]
    texts: tuple[str, ...]
    sentences: tuple[str, ...]


def read_inputs(options: VerifyOptions) -> Inputs:
    """Read what the parts that are asked for need.

    Raises:
        BadData: A file cannot be read, or nothing in it can be used.
    """
    parts, system = options.parts, options.system
    needs_negative = parts & {"kl", "forward"}
    return Inputs(
        positive=options.positive if parts & {"refusals", "forward"} else (),
        negative=(options.negative or read_prompts(HARMLESS, system)) if needs_negative else (),
        safe=read_prompts(options.safe or SAFE, system) if "safe" in parts else (),
        texts=read_texts(options.text or PROSE) if "perplexity" in parts else (),
        sentences=read_sentences(options) if "task" in parts else (),
    )


def read_sentences(options: VerifyOptions) -> tuple[str, ...]:
    """The toxic sentences of the task, each once."""
    if options.sentences:
        return options.sentences[: options.limit_pairs]
    pairs = read_pairs(options.pairs or PAIRS, Rejects(), need_reference=False)
    return tuple(dict.fromkeys(pair.toxic for pair in pairs))[: options.limit_pairs]


def read_prompts(source: str, system: str | None = None) -> tuple[Conversation, ...]:
    """The prompts of a file, as user turns behind a system turn; rows with a label other than safe left out.

    Raises:
        BadData: The file holds no prompt.
    """
    rows = read_rows(source, Rejects())
    column = pick_column(rows, None, PROMPT_COLUMNS, source)
    texts = [
        str(row.values[column]).strip()
        for row in rows
        if row.values.get(column) and str(row.values.get("label", SAFE_LABEL)).strip().lower() == SAFE_LABEL
    ]
    if not any(texts):
        raise BadData(
            "holds no prompt that is labelled safe",
            where=source,
            hint="name a file with prompts that are no harm, or leave it out for the bundled ones",
        )
    head = (Turn("system", system),) if system else ()
    return tuple((*head, Turn("user", text)) for text in dict.fromkeys(filter(None, texts)))


def read_texts(source: str) -> tuple[str, ...]:
    """The documents of a file.

    Raises:
        BadData: It cannot be read or holds no text.
    """
    if Path(source).suffix.lower() in (".txt", ".md"):
        return (_whole(Path(source)),)
    rows = read_rows(source, Rejects())
    column = pick_column(rows, None, TEXT_COLUMNS, source)
    texts = tuple(str(row.values[column]) for row in rows if str(row.values.get(column) or "").strip())
    if not texts:
        raise BadData(f"column {column!r} holds no text", where=source, hint="name a file with texts in it")
    return texts


def _whole(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(
            f"cannot be read as text: {error}", where=str(path), hint="name a UTF-8 text file"
        ) from error
    if not text.strip():
        raise BadData("holds no text", where=str(path), hint="name a text file")
    return text


def last_turn(prompt: Conversation) -> str:
    """What a prompt asks: its text, or that of its last turn."""
    return prompt if isinstance(prompt, str) else prompt[-1].text
