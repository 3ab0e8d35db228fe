"""PolygloToxicityPrompts (Jain et al., COLM 2024): beginnings of web texts, and messages, in 17 languages.

Its trap: ``toxicity`` is that of the whole text, of which the prompt is the first half. The prompt's own
score stands in ``prompt_toxicity`` (of the messages) or in ``prompt_perspective``, Perspective's answer.
"""

from collections.abc import Mapping

from detox_cli.data.readers.prompt import Prompt, number, stratum_of
from detox_cli.data.readers.rtp import TOXIC_FROM
from detox_cli.data.reading import Row, text_fault

ANSWER, SCORE = "prompt_perspective", "prompt_toxicity"


def is_ptp(values: Mapping[str, object]) -> bool:
    """Whether a row is one of its: of web text (``full``, ``small``) or of messages (``wildchat``)."""
    return isinstance(values.get("prompt"), str) and bool({ANSWER, SCORE} & values.keys())


def ptp_prompt(row: Row) -> Prompt | str:
    """The prompt of a row, or what is wrong with it. From .5 on it is toxic, as in RealToxicityPrompts."""
    if fault := text_fault(row.values.get("prompt")):
        return f"its prompt {fault}"
    lang, toxicity = _language(row.values), _toxicity(row.values)
    return Prompt(
        id=f"{lang}/{row.id}" if lang else row.id,
        text=str(row.values["prompt"]),
        where=row.where,
        lang=lang,
        toxicity=toxicity,
        stratum=stratum_of(toxicity, TOXIC_FROM),
    )


def _toxicity(values: Mapping[str, object]) -> float | None:
    told = number(values.get(SCORE))
    return told if told is not None else number(_inside(values.get(ANSWER), *_PATH))


def _language(values: Mapping[str, object]) -> str | None:
    """What the page's own data say, else the language that Perspective was told."""
    listed = _inside(values.get(ANSWER), "languages")
    asked = listed[0] if isinstance(listed, list | tuple) and listed else None
    found = next((one for one in (_inside(values.get("meta_data"), "lang"), asked) if one), None)
    return found.lower() if isinstance(found, str) else None


_PATH = ("attributeScores", "TOXICITY", "summaryScore", "value")


def _inside(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
