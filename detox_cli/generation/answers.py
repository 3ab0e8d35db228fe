"""Token ids back to text: what a sample says, where it ends."""

from collections.abc import Sequence
from typing import Any

from detox_cli.generation.decoding import StopText

BYTES_PER_CHARACTER = 4


def sample_text(
    tokenizer: Any, tokens: Sequence[int], before: int | None, stops: Sequence[str], specials: bool = False
) -> tuple[str, bool]:
    """The text of a sample, cut before the first stop text; and whether it was cut.

    Args:
        tokenizer: The model's own.
        tokens: Token ids of the sample.
        before: The prompt's last token: some tokenizers drop the space at the start of a text, so a
            continuation is read together with it. ``None`` where the sample stands alone.
        stops: Texts that end an answer.
        specials: Keep special tokens, which are left out else.
    """
    text = _decode(tokenizer, tokens, specials)
    if before is not None:
        head = _decode(tokenizer, [before], specials)
        joined = _decode(tokenizer, [before, *tokens], specials)
        text = joined[len(head) :] if head and joined.startswith(head) else text
    shorter = cut(text, stops)
    return shorter, shorter != text


def cut(text: str, stops: Sequence[str]) -> str:
    """``text`` up to the first of ``stops`` in it."""
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=len(text))]


def stop_check(tokenizer: Any, stops: Sequence[Sequence[str]]) -> StopText | None:
    """Whether row ``i`` has just written one of ``stops[i]``; ``None`` if no row has any."""
    if not any(stops):
        return None
    windows = [max((BYTES_PER_CHARACTER * len(s) for s in row), default=0) + 1 for row in stops]

    def ends(row: int, tokens: list[int]) -> bool:
        tail = _decode(tokenizer, tokens[-windows[row] :]) if stops[row] else ""
        return any(stop in tail for stop in stops[row])

    return ends


def _decode(tokenizer: Any, tokens: Sequence[int], specials: bool = False) -> str:
    text: str = tokenizer.decode(
        list(tokens), skip_special_tokens=not specials, clean_up_tokenization_spaces=False
    )
    return text
