"""Inputs that were faults once: each ends in one line."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detox_cli.errors import DetoxError
from tests.fuzz.readers import READERS


def _parquet_with_a_name_that_is_no_text() -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table({"text": ["good"], "uniqueN": [1]}), target)
    return target.getvalue().replace(b"uniqueN", b"\xa3niqueN")


def _zip_of_another_version() -> bytes:
    (content,) = next(one.examples for one in READERS if one.name == "prompts in a zip file")
    directory = content.index(b"PK\x01\x02")
    return content[: directory + 6] + bytes([106]) + content[directory + 7 :]


FOUND = {
    "rows of Parquet": _parquet_with_a_name_that_is_no_text(),
    "prompts in a zip file": _zip_of_another_version(),
    "a recipe": b"dtype: float16\nmerge_method:\n- model: a\n",
    "published neurons": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff]\x94.",
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_a_fault_is_one_line(name: str, tmp_path: Path) -> None:
    reader = next(one for one in READERS if one.name == name)
    with pytest.raises(DetoxError) as told:
        reader.try_on(FOUND[name], tmp_path)
    assert "\n" not in str(told.value)
