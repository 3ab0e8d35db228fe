"""How many tokens of a given continuation the model writes as well: the F1 of Lee et al. 2024 (section 3).

Prompts, 2,000 sentences of Wikipedia there, are cut to 32 tokens and continued greedily by 20. Precision is
the share of written tokens that the given continuation has, recall the share of its tokens that were written,
tokens counted as often as they stand there. The authors' script leaves the prompt before what the model has
written, and compares that with up to 52 tokens of the given continuation; this is ``f1_legacy`` here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detox_cli.data.reading import pick_column, read_rows, rows_with_text
from detox_cli.data.rejects import Rejects
from detox_cli.generation.requests import Request
from detox_cli.scoring.divergence import greedy_beginnings
from detox_cli.statistics.bootstrap import Estimate, mean_interval

PROMPT_TOKENS, NEW_TOKENS = 32, 20
PROMPT = ("prompt",)
GOLD = ("gold", "continuation", "reference", "wikipedia")


@dataclass(frozen=True)
class Reference:
    """A prompt and how it goes on.

    Attributes:
        id: Of the row.
        prompt: What is continued.
        gold: The continuation, without the prompt.
    """

    id: str
    prompt: str
    gold: str

    @property
    def whole(self) -> str:
        """The prompt with its continuation."""
        apart = self.prompt[-1:].isspace() or self.gold[:1].isspace()
        return self.prompt + self.gold if apart else f"{self.prompt} {self.gold}"


def read_references(source: str) -> list[Reference]:
    """The rows of a file: ``prompt``, and in ``gold`` or ``continuation`` how it goes on, with it or without.

    Raises:
        BadData: It cannot be read, or a column or a text is missing.
    """
    rejects = Rejects(strict=True)
    rows = read_rows(source, rejects)
    prompt, gold = (pick_column(rows, None, names, source) for names in (PROMPT, GOLD))
    rows = rows_with_text(rows_with_text(rows, prompt, rejects), gold, rejects)
    texts = [(row.id, str(row.values[prompt]), str(row.values[gold])) for row in rows]
    return [Reference(row_id, head, tail.removeprefix(head)) for row_id, head, tail in texts]


def overlap_rows(engine: Any, references: Sequence[Reference]) -> list[dict[str, Any]]:
    """Both values for each reference, by the tokens of the model's own tokenizer.

    Args:
        engine: A decoder-only model of this process.
        references: From ``read_references``.
    """
    prompts = [ids[:PROMPT_TOKENS] for ids in _ids(engine, [one.prompt for one in references])]
    wholes, golds = (
        _ids(engine, texts) for texts in zip(*((r.whole, r.gold) for r in references), strict=True)
    )
    ends = engine.stop_tokens(chat=False)
    written = greedy_beginnings(engine.model, prompts, ends, NEW_TOKENS)
    rows = []
    for one, prompt, answer, whole, gold in zip(references, prompts, written, wholes, golds, strict=True):
        own = [token for token in answer if token not in ends]
        rows.append(
            {
                "id": one.id,
                "f1": token_f1(own, whole[len(prompt) : len(prompt) + NEW_TOKENS]),
                "f1_legacy": token_f1([*prompt, *own], gold[: PROMPT_TOKENS + NEW_TOKENS]),
            }
        )
    return rows


def token_f1(written: Sequence[int], given: Sequence[int]) -> float:
    """The harmonic mean of precision and recall over bags of tokens; 0 where nothing is shared."""
    shared = sum((Counter(written) & Counter(given)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(written), shared / len(given)
    return 2 * precision * recall / (precision + recall)


def mean_of(rows: Sequence[dict[str, Any]], names: Sequence[str], seed: int) -> dict[str, Estimate]:
    """The mean of each named value over rows, with its interval."""
    return {name: mean_interval([row[name] for row in rows], seed) for name in names}


def _ids(engine: Any, texts: Sequence[str]) -> list[tuple[int, ...]]:
    return [one.ids for one in engine.reader.read([Request("", text, 0) for text in texts])]
