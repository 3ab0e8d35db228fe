"""Two whole texts that begin alike: where the prompt that they share ends."""

from detox_cli.data.preferences.preference import Message

ANSWER = "\n\nAssistant:"
"""What stands before every answer in HH (Bai et al. 2022, arXiv 2204.05862)."""
Split = tuple[str, str, str]


def split_texts(chosen: str, rejected: str) -> Split | None:
    """Prompt and two continuations; ``None`` if the texts have no beginning in common.

    Dialogues are cut before the last answer up to which they are equal, other texts between two words.
    """
    shared = chosen[: _alike(chosen, rejected)]
    turn = shared.rfind(ANSWER)
    end = turn + len(ANSWER) if turn >= 0 else _word_end(shared, chosen, rejected)
    rest = chosen[end:], rejected[end:]
    return (chosen[:end], *rest) if end > 0 and all(text.strip() for text in rest) else None


def _word_end(shared: str, chosen: str, rejected: str) -> int:
    """Where the last whole word ends that both share; the space after it belongs to the continuations."""
    ends = {text[len(shared) : len(shared) + 1].isspace() for text in (chosen, rejected)}
    return len(shared.rstrip()) if ends == {True} else max(shared.rstrip().rfind(" "), 0)


def _alike(one: str, other: str) -> int:
    """How many first characters two texts have in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def split_messages(
    chosen: tuple[Message, ...], rejected: tuple[Message, ...]
) -> tuple[tuple[Message, ...], tuple[Message, ...], tuple[Message, ...]] | None:
    """The same of conversations: the messages that both begin with are the prompt."""
    same = [dict(one) == dict(other) for one, other in zip(chosen, rejected, strict=False)]
    count = same.index(False) if False in same else len(same)
    parts = chosen[:count], chosen[count:], rejected[count:]
    return parts if all(parts) else None
