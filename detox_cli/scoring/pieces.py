"""Pieces of a text that need no tokenizer: words, and single characters of scripts that put no spaces."""

import re

# Thai, Lao, Myanmar, Khmer; kana, CJK ideographs with their extensions and compatibility forms.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Inside a character class: scripts that put no spaces between words."""
_PIECE = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])[\w\u0300-\u036f\u0900-\u0dff'’])+|[^\w\s]")


def pieces(text: str) -> list[str]:
    """Words in lower case, punctuation marks, and single characters of Chinese, Japanese, Thai and the like.

    The vowel signs of Indic scripts, which Unicode does not call letters, stay inside their words.
    """
    return _PIECE.findall(text.lower())
