"""The tokens that are words of a list."""

from dataclasses import dataclass
from typing import Any

from detox_cli.errors import BadData
from detox_cli.scoring.lexicon import Lexicon


@dataclass(frozen=True)
class WordTokens:
    """Tokens of a model that each are a whole word of a list.

    Attributes:
        ids: In the order of the list; every token once.
        texts: What each of them says, for tables.
        words: How many words of the list are a token.
        of: How many words and phrases the list has.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    words: int
    of: int


def word_tokens(lexicon: Lexicon, tokenizer: Any) -> WordTokens:
    """Words that are one token: as they stand or with a capital, at the start of a text or after a blank.

    A word of several tokens is left out, as its first token is that of other words too.

    Raises:
        BadData: No word of the list is a token.
    """
    found: dict[int, str] = {}
    words = 0
    for entry in lexicon.entries:
        forms = [form for word in (entry, entry.capitalize()) for form in (word, f" {word}")]
        encoded = [tokenizer(form, add_special_tokens=False).input_ids for form in forms]
        single = [ids[0] for ids in encoded if len(ids) == 1 and ids[0] != tokenizer.unk_token_id]
        words += bool(single)
        found |= {token: tokenizer.decode([token]) for token in single}
    if not found:
        raise BadData(
            f"none of its {len(lexicon.entries)} words is a single token of the model",
            where=lexicon.name,
            hint="name other words with --lens-words",
        )
    return WordTokens(tuple(found), tuple(found.values()), words, len(lexicon.entries))
