"""The published forms of preferences: which columns they have, and how a row becomes a preference."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detox_cli.data.preferences.dialogues import split_messages, split_texts
from detox_cli.data.preferences.preference import Text
from detox_cli.data.readers.rtp_lx import source_of
from detox_cli.data.reading import Row, text_fault

Triple = tuple[Text, Text, Text]
"""Prompt, chosen, rejected."""
PROMPT_SOURCE = "prompt_source"
"""The column of our own rows that says what a prompt is a translation of."""
NO_SPACES = ("ja", "zh", "th")
"""Languages whose words are not set apart."""


@dataclass(frozen=True)
class Fault:
    """Why a row is no preference."""

    reason: str


@dataclass(frozen=True)
class Form:
    """One way to write preferences.

    Attributes:
        name: What people call it.
        columns: The columns that tell it.
        read: From the values of a row to its texts.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], Triple | Fault]

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether rows with these columns are of this form."""
        return set(self.columns) <= set(columns)


def mapped(columns: Mapping[str, str]) -> Form:
    """The form whose columns the user has named: ``prompt`` (may be left out), ``chosen``, ``rejected``."""
    names = tuple(columns[role] for role in ("prompt", "chosen", "rejected") if role in columns)
    return Form("as mapped", names, lambda values: _read(values, names))


def form_of(columns: Sequence[str]) -> Form | None:
    """The known form that rows with these columns have, if they have one."""
    return next((form for form in FORMS if form.fits(columns)), None)


def language_of(row: Row) -> str | None:
    """The language that a row names: ``lang``, or the locale of RTP-LX."""
    found = row.values.get("lang") or row.values.get("Locale") or _original(row.values).get("Locale")
    return found.lower() if isinstance(found, str) and found else None


def origin_of(row: Row) -> str | None:
    """The text that the prompt was translated from, one for all languages, where RTP-LX or our row tells."""
    told = row.values.get(PROMPT_SOURCE)
    return (
        told if isinstance(told, str) and told else source_of(_original(row.values).get("OriginalMetadata"))
    )


def _read(values: Mapping[str, Any], names: Sequence[str]) -> Triple | Fault:
    found = [values.get(name) for name in names]
    for name, value in zip(names, found, strict=True):
        if fault := _fault(value):
            return Fault(f"column {name!r} {fault}")
    texts = [value if isinstance(value, str) else tuple(value) for value in found]  # type: ignore[arg-type]
    if len({isinstance(text, str) for text in texts}) > 1:
        return Fault("texts and messages are mixed")
    if len(texts) == 3:
        return texts[0], texts[1], texts[2]
    chosen, rejected = texts
    divided: Triple | None = None
    if isinstance(chosen, str) and isinstance(rejected, str):
        divided = split_texts(chosen, rejected)
    elif not isinstance(chosen, str) and not isinstance(rejected, str):
        divided = split_messages(chosen, rejected)
    return divided or Fault("chosen and rejected begin differently, so there is no prompt")


def _fault(value: object) -> str | None:
    """Why a value is neither text nor messages."""
    if not isinstance(value, list | tuple):
        return text_fault(value)
    if not value:
        return "is empty"
    whole = all(
        isinstance(item, Mapping)
        and isinstance(item.get("role"), str)
        and isinstance(item.get("content"), str)
        for item in value
    )
    return None if whole else "holds messages without role and content"


def _triple(values: Mapping[str, Any]) -> Triple | Fault:
    """RTP-LX: the human prompt, the benign completion that a person wrote, and the toxic one."""
    whole = {**_original(values), **{k: v for k, v in values.items() if v not in (None, "")}}
    names = ("Prompt", "BenignCompletion", "Completion")
    found = _read(whole, names)
    if isinstance(found, Fault):
        return found
    prompt, chosen, rejected = (str(text) for text in found)
    lang = str(whole.get("Locale", "")).lower()
    return prompt, _after(prompt, chosen, lang), _after(prompt, rejected, lang)


def _after(prompt: str, completion: str, lang: str) -> str:
    """A completion as it continues the prompt: without a repetition of it, with the space between words."""
    rest = completion.removeprefix(prompt) or completion
    joined = prompt[-1:].isspace() or not rest[:1].isalnum() or lang.startswith(NO_SPACES)
    return rest if joined else f" {rest}"


def _original(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row of RTP-LX inside a row of its published model scores; the row itself otherwise."""
    inner = values.get("OriginalEntry")
    return inner if isinstance(inner, Mapping) else values


def _columns(*names: str) -> Callable[[Mapping[str, Any]], Triple | Fault]:
    return lambda values: _read(values, names)


FORMS = (
    # Lee et al. 2024 and Li et al. 2024: greedy continuations of Wikipedia sentences, and steered ones.
    Form(
        "toxicity_pairwise",
        ("prompt_text", "unpert_gen_text", "pert_gen_text"),
        _columns("prompt_text", "unpert_gen_text", "pert_gen_text"),
    ),
    Form("RTP-LX triples", ("Prompt", "BenignCompletion", "Completion"), _triple),
    Form("RTP-LX triples", ("BenignCompletion", "OriginalEntry"), _triple),
    Form(
        "prompt, chosen, rejected", ("prompt", "chosen", "rejected"), _columns("prompt", "chosen", "rejected")
    ),
    Form("dialogues", ("chosen", "rejected"), _columns("chosen", "rejected")),
)
"""In the order in which they are looked for."""
