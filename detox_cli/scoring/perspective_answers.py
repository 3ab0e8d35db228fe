"""What Perspective answers, and answers that were recorded: scored again without key or network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detox_cli.data.json_text import parse_json
from detox_cli.data.lines import numbered_lines
from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.runs.manifest import hash_file

ATTRIBUTES = (
    "TOXICITY",
    "SEVERE_TOXICITY",
    "IDENTITY_ATTACK",
    "INSULT",
    "PROFANITY",
    "THREAT",
    "SEXUALLY_EXPLICIT",
)
ENGLISH_ONLY = ("SEXUALLY_EXPLICIT",)
"""Attributes that Perspective has in no other language."""
ANY = "ANY"
"""The highest of all attributes, which is the toxicity of Lee et al. 2024 (ICML)."""
NEVER = float("nan")

Asked = tuple[str | None, str]


@dataclass(frozen=True)
class Recorded:
    """Scores from a file of recorded answers: JSON lines with ``query`` (the text) and ``response``.

    The files of ``perspective_api_eval.py`` of Li, Yong & Bach (2024) have this form too. Ours say in
    ``lang`` which language was asked for, as the same text can have another score in another one.

    Attributes:
        scores: By language (``None`` where the answer does not say) and text.
        name: Of the file, and the attribute.
        language: Of the texts; ``None`` if it is not known.
    """

    scores: Mapping[Asked, float]
    name: str
    language: str | None = None
    meaning: str = "toxic"

    @property
    def identity(self) -> str:
        """The file's name, the attribute and the language."""
        return self.name if self.language is None else f"{self.name} {self.language}"

    def in_language(self, lang: str | None) -> "Recorded":
        """These answers, for texts in ``lang``."""
        return replace(self, language=language_code(lang)) if lang else self

    def too_long(self, texts: Sequence[str]) -> int:
        """None."""
        return 0

    def score(self, texts: Sequence[str]) -> list[float]:
        """One number per text, in order; NaN for one that was not recorded."""
        return [self._of(text) for text in texts]

    def _of(self, text: str) -> float:
        return self.scores.get((self.language, text), self.scores.get((None, text), NEVER))


def language_code(lang: str) -> str:
    """The code that Perspective has for a language: ``zh`` for ``zh-Hans``, ``pt`` for ``pt-BR``."""
    code = lang.lower().replace("_", "-")
    return "hi-Latn" if code.startswith("hi-latn") else code.partition("-")[0]


def attribute_of(label: str | None) -> str:
    """The attribute that a name asks for. Raises ``BadSettings`` if Perspective has no such one."""
    attribute = (label or ATTRIBUTES[0]).upper()
    if attribute not in (*ATTRIBUTES, ANY):
        raise BadSettings(f"Perspective has no '{label}'", hint=f"it has {', '.join(ATTRIBUTES)}, and {ANY}")
    return attribute


def summary_score(answer: Any, attribute: str) -> float:
    """The score in an answer: of the attribute, or the highest of all that are there.

    Raises:
        KeyError, TypeError or ValueError: The answer has another form.
    """
    scores = answer["attributeScores"]
    names = list(scores) if attribute == ANY else [attribute]
    return max(float(scores[name]["summaryScore"]["value"]) for name in names)


def recorded_line(text: str, lang: str | None, answer: Any) -> str:
    """An answer as it is recorded."""
    spoken = {} if lang is None else {"lang": lang}
    return json.dumps({"query": text, **spoken, "response": answer}, ensure_ascii=False) + "\n"


def read_recorded(path: Path, attribute: str) -> Recorded:
    """The scores of one attribute in a file of answers.

    Raises:
        Missing: No such file. BadData: A line is no answer with this attribute, or contradicts another one.
    """
    scores: dict[Asked, float] = {}
    if not path.is_file():
        raise Missing(f"no recorded answers at {path}", hint="record some: PERSPECTIVE_RECORD=FILE")
    for number, line in numbered_lines(str(path)):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
            lang = row.get("lang")
            score, asked = (
                summary_score(row["response"], attribute),
                (lang and language_code(lang), row["query"]),
            )
            if scores.setdefault(asked, score) != score:
                raise BadData(
                    "the same text has another score in an earlier line",
                    where=f"{path}:{number}",
                    hint="keep one of the two, or record anew into another file",
                )
        except (ValueError, KeyError, TypeError) as error:
            message = f"this line is no recorded answer with {attribute}"
            raise BadData(
                message, where=f"{path}:{number}", hint='see docs/scores.md: {"query", "response"}'
            ) from error
    return Recorded(scores, f"perspective recorded {path.name}@{hash_file(path)[:16]}#{attribute}")
