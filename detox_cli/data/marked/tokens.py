"""Spans that data sets write down as marks of tokens."""

import unicodedata
from collections.abc import Sequence

from detox_cli.data.marked.offsets import Bounds, merged


def rationale_spans(tokens: Sequence[str], rationales: object) -> tuple[Bounds, ...]:
    """The spans of what at least half of the people marked, in the tokens with spaces between them.

    Args:
        tokens: The words of a post, as HateXplain has them in ``post_tokens``.
        rationales: For each person who marked any, 0 or 1 for each token.

    Raises:
        ValueError: They are not that.
    """
    if not isinstance(rationales, list) or any(
        not isinstance(one, list) or len(one) != len(tokens) for one in rationales
    ):
        raise ValueError("is no list with a mark for each word")
    found, start = [], 0
    for number, token in enumerate(tokens):
        marks = sum(bool(one[number]) for one in rationales)
        if rationales and 2 * marks >= len(rationales):
            # The space between two marked words belongs to their span.
            found.append((start, start + len(token) + 1))
        start += len(token) + 1
    return tuple((begin, end - 1) for begin, end in merged(found))


def window_spans(text: str, pieces: Sequence[str], scores: Sequence[int]) -> tuple[Bounds, ...]:
    """The spans of all pieces that are in a toxic window of two, as CMD masks them.

    Args:
        text: As it was before it was taken apart.
        pieces: Word pieces of an uncased BERT, ``##`` before those that go on a word.
        scores: 0 or 1 for each window of two neighbouring pieces.

    Raises:
        ValueError: A piece is not found in the text.
    """
    places = piece_places(text, pieces)
    marked = {number + step for number, score in enumerate(scores) if score for step in (0, 1)}
    spans: list[Bounds] = []
    for number in sorted(marked):
        start, end = places[number]
        # What stands between two marked neighbours is theirs.
        spans.append((spans[-1][1] if spans and number - 1 in marked else start, end))
    return merged([(start, end) for start, end in spans if start < end])


def piece_places(text: str, pieces: Sequence[str]) -> list[Bounds]:
    """Where each word piece stands in a text; ``[UNK]`` is what is left between its neighbours.

    Raises:
        ValueError: A piece is not found behind the one before it.
    """
    folded, origin = _folded(text)
    places: list[Bounds] = []
    position = 0
    for number, piece in enumerate(pieces):
        while position < len(folded) and folded[position].isspace():
            position += 1
        if piece == "[UNK]":
            end = _end_of_unknown(folded, position, pieces[number + 1 :])
        else:
            wanted, _ = _folded(piece.removeprefix("##") or piece)
            found = folded.find(wanted, position)
            if found < 0:
                raise ValueError(f"belongs to other word pieces: number {number + 1} is not in the text")
            position, end = found, found + len(wanted)
        places.append((origin[position], origin[end - 1] + 1) if end > position else (len(text), len(text)))
        position = end
    return places


def _end_of_unknown(folded: str, position: int, following: Sequence[str]) -> int:
    space = next((i for i in range(position, len(folded)) if folded[i].isspace()), len(folded))
    if following and following[0] != "[UNK]":
        nearest = folded.find(_folded(following[0].removeprefix("##"))[0], position + 1)
        return min(space, nearest) if nearest > 0 else space
    return space


def _folded(text: str) -> tuple[str, list[int]]:
    """Without case and accents, and for each letter the place of the one that it was made from."""
    letters, origin = [], []
    for place, letter in enumerate(text):
        for part in unicodedata.normalize("NFD", letter.lower()):
            if unicodedata.category(part) != "Mn":
                letters.append(part)
                origin.append(place)
    return "".join(letters), origin
