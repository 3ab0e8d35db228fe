"""A language model as judge: both orders of every row, bounded retries, and its bias to a position.

A judge prefers positions (Wang et al. 2023, "Large Language Models are not Fair Evaluators"; Zheng et al.
2023, "Judging LLM-as-a-Judge"), so each row is read in both orders, and a side wins only if it is named in
both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from detox_cli.generation.judging import Answer, judge_conversation, read_answer
from detox_cli.generation.requests import Completion, Request, Sampling
from detox_cli.generation.seeds import row_seed
from detox_cli.services.eval_compare.contests import Contest
from detox_cli.services.eval_compare.result import Consistency
from detox_cli.services.eval_compare.votes import Vote
from detox_cli.statistics.bootstrap import Estimate, mean_interval_of_units
from detox_cli.statistics.paired import sums_by_unit

GREEDY = Sampling(max_new_tokens=8, temperature=0, top_p=1)
AGAIN = Sampling(max_new_tokens=8, temperature=0.7, top_p=1)
"""How a question is asked first, and how it is asked again after an answer that cannot be read."""

Ask = Callable[[Sequence[Request], Sampling, str], Mapping[str, Completion]]
"""Requests, sampling and a label for the progress -> completions by id; a request may be left unanswered."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the judge reads: a source and two rewrites, in this order."""

    source: str
    first: str
    second: str

    @property
    def swapped(self) -> "Shown":
        """The same in the other order."""
        return Shown(self.source, self.second, self.first)

    @property
    def identical(self) -> bool:
        """Whether the rewrites are the same text, which needs no judge."""
        return self.first.split() == self.second.split()


@dataclass(frozen=True, slots=True)
class Said:
    """What the judge said in the end: the answer if it could be read, its words, how often it was asked."""

    answer: Answer | None
    text: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Ruling:
    """The vote on one row, and the answers behind it: with the system shown first, and shown second."""

    vote: Vote
    straight: Said | None = None
    swapped: Said | None = None

    @property
    def answers(self) -> list[Said]:
        """Both answers; none for identical rewrites."""
        return [said for said in (self.straight, self.swapped) if said is not None]

    @property
    def steady(self) -> bool | None:
        """Whether both orders have the same result; ``None`` if that cannot be told."""
        if any(said.answer is None for said in self.answers) or not self.answers:
            return None
        return _for_system(self.straight, "A") == _for_system(self.swapped, "B")


def judge(questions: Iterable[Shown], ask: Ask, retries: int, seed: int) -> dict[Shown, Said]:
    """Ask about every row in both orders; what was asked before is not asked again.

    An answer that cannot be read is asked for again, ``retries`` times at most, with another seed and a
    temperature. A question that the model cannot take, such as one that is too long, stays without answer.
    """
    unique = {shown: None for one in questions if not one.identical for shown in (one, one.swapped)}
    said: dict[Shown, Said] = {}
    waiting = dict(enumerate(unique))
    for attempt in range(retries + 1):
        requests = [_request(number, shown, attempt, seed) for number, shown in waiting.items()]
        if not requests:
            break
        label, sampling = ("judging", GREEDY) if attempt == 0 else ("asking again", AGAIN)
        found = ask(requests, sampling, label)
        for request, (number, shown) in zip(requests, list(waiting.items()), strict=True):
            completion = found.get(request.id)
            text = completion.samples[0].text if completion is not None else ""
            said[shown] = Said(read_answer(text), text, attempt + 1)
            if completion is None or said[shown].answer is not None:
                del waiting[number]
    return said


def rule(shown: Shown, said: Mapping[Shown, Said]) -> Ruling:
    """The vote on a row whose system's output is ``shown.first``.

    A side that is named in both orders wins. Two ties, or answers that differ, are a tie; identical rewrites
    are one without asking. If an answer could not be read, neither can the vote.
    """
    if shown.identical:
        return Ruling("tie")
    straight, swapped = said[shown], said[shown.swapped]
    if straight.answer is None or swapped.answer is None:
        return Ruling("unparsed", straight, swapped)
    votes = {_for_system(straight, "A"), _for_system(swapped, "B")}
    return Ruling(votes.pop() if len(votes) == 1 else "tie", straight, swapped)


def consistency(contest: Contest, rulings: Sequence[Ruling], seed: int, resamples: int) -> Consistency:
    """How much the order in which it reads changes what the judge says."""
    units = contest.units
    orders = [
        (not ruling.steady, unit)
        for ruling, unit in zip(rulings, units, strict=True)
        if ruling.steady is not None
    ]
    firsts = [
        (said.answer == "A", unit)
        for ruling, unit in zip(rulings, units, strict=True)
        for said in ruling.answers
        if said.answer in ("A", "B")
    ]
    answers = [said for ruling in rulings for said in ruling.answers]
    return Consistency(
        system=contest.system.name,
        against=contest.against.name,
        rows=len(rulings),
        identical=sum(not ruling.answers for ruling in rulings),
        inconsistent=_share(orders, seed, resamples),
        by_chance=_by_chance([r for r in rulings if r.steady is not None]),
        first_position=_share(firsts, seed, resamples),
        asked_again=sum(said.attempts > 1 for said in answers),
        unparsed=sum(said.answer is None for said in answers),
    )


def _by_chance(rulings: Sequence[Ruling]) -> float | None:
    """How often the order would change the answer of a judge with these habits who reads nothing.

    Two answers drawn with the shares of A, B and tie agree if one is A and the other B, or both are ties.
    """
    said = [answer.answer for ruling in rulings for answer in ruling.answers]
    if not said:
        return None
    first, second, tie = (said.count(answer) / len(said) for answer in ("A", "B", "tie"))
    return 1 - (2 * first * second + tie**2)


def _request(number: int, shown: Shown, attempt: int, seed: int) -> Request:
    texts = (shown.source, shown.first, shown.second)
    return Request(f"{attempt}-{number}", judge_conversation(*texts), seed=row_seed(seed, attempt, *texts))


def _for_system(said: Said | None, own: Answer) -> Vote:
    """What an answer means for the system, which was shown as ``own``."""
    if said is None or said.answer is None:
        return "unparsed"
    if said.answer == "tie":
        return "tie"
    return "win" if said.answer == own else "loss"


def _share(hits: Sequence[tuple[bool, str]], seed: int, resamples: int) -> Estimate | None:
    if not hits:
        return None
    sums, counts = sums_by_unit([hit for hit, _ in hits], [unit for _, unit in hits])
    return mean_interval_of_units(sums, counts, seed, resamples)
