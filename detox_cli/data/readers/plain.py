"""Prompts of any file: one text a row, and what its columns say about it."""

from detox_cli.data.readers.prompt import Prompt, Stratum, number
from detox_cli.data.reading import Row, text_fault

TEXT = ("prompt", "text", "prompt_text", "sentence", "input")
STRATA: dict[str, Stratum] = {"toxic": "toxic", "nontoxic": "nontoxic", "non-toxic": "nontoxic"}


def plain_prompt(row: Row, column: str) -> Prompt | str:
    """The prompt in ``column`` of a row, or what is wrong with it.

    Columns ``lang``, ``toxicity``, ``stratum`` (``toxic`` or ``nontoxic``) and ``source`` count if they are
    there.
    """
    if fault := text_fault(row.values.get(column)):
        return f"column {column!r} {fault}"
    lang, source = row.values.get("lang"), row.values.get("source")
    return Prompt(
        id=row.id,
        text=str(row.values[column]),
        where=row.where,
        lang=lang.lower() if isinstance(lang, str) and lang else None,
        toxicity=number(row.values.get("toxicity")),
        stratum=STRATA.get(str(row.values.get("stratum")).lower()),
        source=source if isinstance(source, str) and source else None,
    )
