"""Batches of similar length under a token budget, planned once over everything that is asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """Samples ``first`` to ``first + count`` of one request."""

    request: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Work:
    """The size of a request: tokens that its prompt adds to the cache, and how many samples it wants."""

    prompt_tokens: int
    samples: int


def plan_batches(
    work: Sequence[Work], new_tokens: int, batch_tokens: int, batch_rows: int
) -> list[list[Job]]:
    """Group all requests into batches, longest prompts first.

    The plan depends on nothing but its arguments, so a resumed run forms the same batches. A batch holds
    at most ``batch_rows`` rows and ``batch_tokens`` tokens (rows times longest prompt and new tokens), but
    at least one row. A request with more samples than that is split.
    """
    order = sorted(range(len(work)), key=lambda i: (-work[i].prompt_tokens, i))
    batches: list[list[Job]] = []
    room = 0
    for request in order:
        first, samples = 0, work[request].samples
        most = rows_that_fit(work[request].prompt_tokens + new_tokens, batch_tokens, batch_rows)
        while first < samples:
            wanted = min(samples - first, most)
            if wanted > room:
                room = most
                batches.append([])
            batches[-1].append(Job(request, first, wanted))
            room -= wanted
            first += wanted
    return batches


def joined_batches(batches: Sequence[list[Job]]) -> list[list[list[Job]]]:
    """Batches of a plan, those that have samples of one request in common together."""
    joined: list[list[list[Job]]] = []
    for batch in batches:
        if joined and joined[-1][-1][-1].request == batch[0].request:
            joined[-1].append(batch)
        else:
            joined.append([batch])
    return joined


def rows_that_fit(tokens_per_row: int, batch_tokens: int, batch_rows: int) -> int:
    """How many rows of a length fit the budget, at least one."""
    return max(1, min(batch_rows, batch_tokens // max(1, tokens_per_row)))


def common_prefix(prompts: Iterable[tuple[int, ...]]) -> int:
    """Length of the longest prefix that all prompts share, leaving each at least one token of its own.

    Looks at each prompt once, and keeps none but the first. One prompt alone shares nothing.
    """
    rest = iter(prompts)
    first = next(rest, ())
    found = shortest = len(first)
    alone = True
    for prompt in rest:
        alone, shortest = False, min(shortest, len(prompt))
        found = common_length(first[:found], prompt)
    return 0 if alone else min(found, max(shortest - 1, 0))


def common_length(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Length of the longest prefix of both."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    return next(i for i in range(most) if one[i] != other[i])
