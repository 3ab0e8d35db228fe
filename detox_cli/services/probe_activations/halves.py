"""Prompts in two halves: neurons are chosen on one, and figures are of the other."""

import hashlib
from collections.abc import Sequence
from typing import Literal

from detox_cli.data.readers.prompt import Prompt
from detox_cli.errors import BadData

Half = Literal["choosing", "testing"]
HALVES: tuple[Half, ...] = ("choosing", "testing")


def halves_of(prompts: Sequence[Prompt]) -> dict[str, Half]:
    """The half of every prompt by its id; translations of one prompt are in the same.

    Raises:
        BadData: There are fewer than two prompts that are no translations of each other.
    """
    keys = sorted({prompt.unit for prompt in prompts}, key=_mixed)
    if len(keys) < 2:
        raise BadData(
            "one prompt cannot be halved: neurons are chosen on one half and measured on the other",
            where="--prompts",
            hint="give more prompts",
        )
    half: dict[str, Half] = {key: HALVES[number % 2] for number, key in enumerate(keys)}
    return {prompt.id: half[prompt.unit] for prompt in prompts}


def _mixed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
