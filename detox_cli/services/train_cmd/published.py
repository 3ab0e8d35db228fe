"""The training file of the published code, ``rtp_cmd.json``: chains as text, their answers beside them."""

from collections.abc import Iterator
from dataclasses import dataclass

from detox_cli.data.chains.serialise import WrittenChain, answer_id
from detox_cli.data.chains.template import ChainTemplate
from detox_cli.data.reading import Row, read_rows
from detox_cli.data.rejects import Rejects

KEYS = ("output", "cl_template")
ANSWERS = ("cont_generation", "generation")
"""The published writer uses the first name and the published reader the second."""


@dataclass(frozen=True)
class PublishedRow:
    """A row of the file: its chains, the one to learn first, what ends them, and whether it is toxic."""

    chains: tuple[WrittenChain, ...]
    tail: str
    toxic: bool


class Unfit(ValueError):
    """Why a row cannot be used."""


def is_published(source: str) -> bool:
    """Whether the file's first row has the keys of the published form."""
    first = next(iter(read_rows(source, Rejects(), limit=1)), None)
    return first is not None and all(key in first.values for key in KEYS)


def read_published(source: str, template: ChainTemplate, rejects: Rejects) -> list[PublishedRow]:
    """The chains of the file; rows that contradict themselves are rejected.

    Args:
        source: The file.
        template: The form that its chains have, of which the beginning of a chain is taken.
        rejects: Takes what cannot be used.
    """
    found = []
    for row in read_rows(source, rejects):
        try:
            found.append(_row(row, template))
        except Unfit as fault:
            rejects.add(row.where, str(fault), dict(row.values))
    return found


def _row(row: Row, template: ChainTemplate) -> PublishedRow:
    chain, before = (str(row.values.get(key) or "") for key in KEYS)
    answers = [text for text in _answers(row) if text.strip()]
    if not answers:
        raise Unfit("has no continuation")
    if not before or not chain.startswith(before):
        raise Unfit("output does not begin with cl_template")
    first = template.prefill
    if not first or first not in before:
        raise Unfit(f"cl_template does not have {first!r}")
    start = chain.index(first)
    opening, _, tail = chain[len(before) :].partition(answers[0])
    if not tail:
        raise Unfit("output does not end in its first continuation")
    prompt, context = chain[:start], before[start:]
    head, _, foot = template.prompt.partition("{prompt}")
    text = prompt.removeprefix(head).removesuffix(foot)
    chains = tuple(
        WrittenChain(answer_id(row.id, number), text, prompt, f"{context}{opening}{answer}{tail}", context)
        for number, answer in enumerate(dict.fromkeys(answers))
    )
    return PublishedRow(chains, tail, row.values.get("label") == "toxic")


def _answers(row: Row) -> Iterator[str]:
    """The continuations, the positive one first; a single one may be a bare string."""
    for name in ANSWERS:
        found = row.values.get(name)
        if isinstance(found, str):
            yield found
        elif isinstance(found, list):
            yield from (text for text in found if isinstance(text, str))
        if found:
            return
