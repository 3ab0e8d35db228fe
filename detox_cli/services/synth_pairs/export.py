"""The same rows in the published columns, and as preference pairs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

PAPER_COLUMNS = ("en_toxic_comment", "en_neutral_comment", "generated_neutral_sentence")
"""The columns of the data of PseudoParaDetox (Moskovskiy et al., EMNLP Findings 2024)."""


def paper_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """A row per human reference, as the paper has it; one with an empty reference where there is none."""
    for row in rows:
        for reference in list_of(row["references"]) or [""]:
            yield dict(zip(PAPER_COLUMNS, (row["toxic"], reference, row["neutral"]), strict=True))


def preference_rows(rows: Iterable[Mapping[str, Any]], margin: float) -> Iterator[dict[str, Any]]:
    """Of every different source the best and the worst answer, where their scores differ by ``margin``.

    The chosen answer has no flag; the rejected one may be a refusal or a copy, and its flags say so.
    ``prompt`` is the toxic sentence by itself, which is what a rewriter is given; ``prompt_id`` names the
    instruction that a chat model was given with it.
    """
    seen: set[str] = set()
    for row in rows:
        source = " ".join(str(row["toxic"]).split())
        answers = [one for one in list_of(row.get("candidates")) if "score" in one and one["text"]]
        good = [one for one in answers if not one["flags"]]
        if source in seen or not good:
            continue
        seen.add(source)
        best, worst = max(good, key=_score), min(answers, key=_score)
        if best["text"] != worst["text"] and best["score"] - worst["score"] >= margin:
            yield {
                "id": row["id"],
                "lang": row["lang"],
                "prompt": row["toxic"],
                "chosen": best["text"],
                "rejected": worst["text"],
                "chosen_score": best["score"],
                "rejected_score": worst["score"],
                "rejected_flags": worst["flags"],
                "prompt_id": row["prompt_id"],
                "model": row["model"],
            }


def _score(answer: Mapping[str, Any]) -> float:
    return float(answer["score"])


def list_of(value: Any) -> list[Any]:
    """A list, which in a table is JSON in its cell."""
    if isinstance(value, str):
        value = json.loads(value) if value else []
    return list(value) if value is not None else []
