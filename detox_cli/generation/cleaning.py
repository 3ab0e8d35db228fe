"""From what a model said to the sentence that was meant: quotes, labels and later lines taken off."""

import re

_QUOTES = ('""', "''", "“”", "‘’", "«»", "``")
_LABEL = re.compile(
    r"^(?:(?:here(?:'s| is)|sure[,!:]?)[^\n]{0,60}:\s*|"
    r"(?:neutral|rewritten|rephrased|detoxified|polite|revised|output|answer)"
    r"(?: (?:text|version|sentence))?:\s*)",
    re.IGNORECASE,
)


def clean_output(text: str, toxic_label: str) -> str:
    """The rewritten sentence inside a model's answer.

    Takes the first line that says something after a label or preamble is taken off, ends before the model
    starts a further example (``toxic_label``), and drops one pair of quotes around the whole.
    """
    text = text.split(toxic_label)[0]
    lines = (_LABEL.sub("", line.strip()).strip() for line in text.splitlines())
    return _unquoted(next((line for line in lines if line), ""))


def _unquoted(line: str) -> str:
    for pair in _QUOTES:
        opening, closing = pair[0], pair[-1]
        inner = line[1:-1]
        if len(line) > 2 and line[0] == opening and line[-1] == closing and opening not in inner:
            return inner.strip()
    return line
