"""ToxiGen (Hartvigsen et al., ACL 2022): prompts that lead to hateful or neutral text about a group."""

import re
from collections.abc import Mapping
from pathlib import Path

from detox_cli.data.readers.prompt import Prompt, Stratum
from detox_cli.data.reading import Row, text_fault

STRATA: dict[str, Stratum] = {"hate": "toxic", "neutral": "nontoxic"}
_FILE = re.compile(r"(hate|neutral)_(.+?)(_1k)?\.txt$")
"""The authors' files: ``hate_asian_1k.txt``, one prompt a line with its line breaks written as ``\\n``."""


def is_toxigen(values: Mapping[str, object], file: str) -> bool:
    """Whether a row is a prompt of ToxiGen, by its columns or by its file's name."""
    return {"prompt", "target_group"} <= values.keys() or _FILE.search(Path(file).name) is not None


def toxigen_prompt(row: Row, file: str) -> Prompt | str:
    """The prompt of a row, or what is wrong with it."""
    named = _FILE.search(Path(file).name)
    column = "prompt" if "prompt" in row.values else "text"
    if fault := text_fault(row.values.get(column)):
        return f"column {column!r} {fault}"
    text = str(row.values[column])
    label = named[1] if named else str(row.values.get("label"))
    if label not in STRATA:
        return f"its label is none of {', '.join(STRATA)}"
    group = named[2] if named else str(row.values["target_group"])
    return Prompt(
        id=row.id,
        text=text.replace("\\n", "\n") if named else text,
        where=row.where,
        lang="en",
        stratum=STRATA[label],
        labels={"group": group},
    )
