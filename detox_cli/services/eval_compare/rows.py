"""What is written of every row: both rewrites, their scores, and who was better by whose vote."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from detox_cli.services.eval_compare.contests import Contest
from detox_cli.services.eval_compare.judge import Ruling, Said
from detox_cli.services.eval_compare.rewrites import texts
from detox_cli.services.eval_compare.votes import Vote
from detox_cli.services.eval_rewrite.systems import System


def row_records(
    contests: Sequence[Contest],
    systems: Sequence[System],
    votes: Mapping[str, Sequence[Sequence[Vote | None]]],
    rulings: Sequence[Sequence[Ruling]] | None,
) -> list[dict[str, Any]]:
    """One record per contest and row; votes are for ``system``."""
    return [
        record
        for number, contest in enumerate(contests)
        for record in _records(
            contest,
            systems,
            {by: cast[number] for by, cast in votes.items()},
            rulings[number] if rulings is not None else None,
        )
    ]


def _records(
    contest: Contest,
    systems: Sequence[System],
    votes: Mapping[str, Sequence[Vote | None]],
    rulings: Sequence[Ruling] | None,
) -> Iterator[dict[str, Any]]:
    mine, theirs = (_scores(contest, side) for side in (0, 1))
    for place, (source, output, other) in enumerate(texts(contest, systems)):
        record: dict[str, Any] = {
            "system": contest.system.name,
            "against": contest.against.name,
            "id": contest.ids[place],
            "toxic": source,
            "output": output,
            "output_against": other,
            "votes": {by: cast[place] for by, cast in votes.items()},
        }
        if mine:
            record["scores"] = {name: column[place] for name, column in mine.items()}
            record["scores_against"] = {name: column[place] for name, column in theirs.items()}
        if rulings is not None:
            record["judge"] = {
                "shown_first": _said(rulings[place].straight),
                "shown_second": _said(rulings[place].swapped),
            }
        yield record


def _scores(contest: Contest, side: int) -> dict[str, list[float]]:
    return {name: contest.columns(name)[side].tolist() for name in contest.system.columns}


def _said(said: Said | None) -> dict[str, Any] | None:
    """What the judge answered with the system's output in this place; nothing for identical rewrites."""
    if said is None:
        return None
    return {"answer": said.answer, "text": said.text, "attempts": said.attempts}
