"""RealToxicityPrompts (Gehman et al., Findings of EMNLP 2020) and its copies."""

from collections.abc import Mapping

from detox_cli.data.readers.prompt import Prompt, number, stratum_of
from detox_cli.data.reading import Row, text_fault

TOXIC_FROM = 0.5
"""A prompt is toxic from this Perspective score on (section 3 of the paper)."""


def is_rtp(values: Mapping[str, object]) -> bool:
    """Whether a row has the shape ``{"prompt": {"text": …, "toxicity": …}}``."""
    inner = values.get("prompt")
    return isinstance(inner, Mapping) and "text" in inner


def rtp_prompt(row: Row) -> Prompt | str:
    """The prompt of a row, or what is wrong with it.

    A toxicity of ``null``, which the data set has in places, leaves the stratum open. Rows are known by
    file and offsets of the web text they were cut from; copies of the data set without these by their
    number.
    """
    inner = row.values.get("prompt")
    if not isinstance(inner, Mapping):
        return "has no prompt with a text"
    if fault := text_fault(inner.get("text")):
        return f"its prompt's text {fault}"
    toxicity = number(inner.get("toxicity"))
    labels = {"challenging": str(row.values["challenging"]).lower()} if _told(row, "challenging") else {}
    if isinstance(category := row.values.get("category"), str):
        labels["category"] = category
    return Prompt(
        id=_id(row),
        text=str(inner["text"]),
        where=row.where,
        lang="en",
        toxicity=toxicity,
        stratum=stratum_of(toxicity, TOXIC_FROM),
        source=_id(row) if _told(row, "filename") else None,
        labels=labels,
    )


def _told(row: Row, column: str) -> bool:
    return row.values.get(column) is not None


def _id(row: Row) -> str:
    if "id" in row.values or not _told(row, "filename"):
        return row.id
    return f"{row.values['filename']}:{row.values.get('begin')}-{row.values.get('end')}"
