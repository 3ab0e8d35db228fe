"""Verdicts of people, or of another program: which system is better on a row."""

from collections.abc import Mapping

from detox_cli.data.reading import pick_column, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.services.eval_compare.contests import Contest
from detox_cli.services.eval_compare.votes import Vote

TIE = "tie"


def read_verdicts(file: str, contest: Contest, rejects: Rejects) -> list[Vote | None]:
    """The vote on every row of ``contest``; ``None`` for a row of which the file says nothing.

    The column ``verdict`` holds the name of the better system or ``tie``; rows are found by id. Whatever
    else stands there, and an id that is no row of the contest, goes to ``rejects``.

    Raises:
        BadData: The file cannot be read, or no row of it is a verdict on a row of the contest.
    """
    rows = read_rows(file, rejects)
    column = pick_column(rows, None, ("verdict",), file)
    meaning: Mapping[str, Vote] = {
        contest.system.name.casefold(): "win",
        contest.against.name.casefold(): "loss",
        TIE: "tie",
    }
    known, votes = set(contest.ids), {}
    for row in rows:
        word = str(row.values.get(column) or "").strip()
        vote = meaning.get(word.casefold())
        if vote is None:
            names = f"{contest.system.name}, {contest.against.name} or {TIE}"
            rejects.add(row.where, f"the verdict is not {names}", dict(row.values))
        elif row.id not in known:
            rejects.add(row.where, "no row of both systems has this id", dict(row.values))
        else:
            votes[row.id] = vote
    if not votes:
        reason = rejects.by_reason.most_common(1)[0][0]
        raise BadData(
            f"holds no verdict on a row of both systems: {reason}",
            where=file,
            hint="name the verdicts on these two systems",
        )
    return [votes.get(row_id) for row_id in contest.ids]
