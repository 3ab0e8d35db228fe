"""JSON that somebody else has written."""

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """What ``json.loads`` gives, with one kind of error for whatever is wrong.

    Raises:
        ValueError: It is no JSON (`json.JSONDecodeError`), not UTF-8, or nested more deeply than can be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
