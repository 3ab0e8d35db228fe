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


def _zip_with(**fields: tuple[int, int]) -> bytes:
    """An archive with other numbers at these places of its directory."""
    (content,) = next(one.examples for one in READERS if one.name == "prompts in a zip file")
    found = bytearray(content)
    for place, number in fields.values():
        found[content.index(b"PK\x01\x02") + place] = number
    return bytes(found)


NAME = len("rtp_lx/RTP_LX_FR.json")
FOUND = [
    ("rows of Parquet", _parquet_with_a_name_that_is_no_text()),
    ("prompts in a zip file", _zip_with(version=(6, 106))),
    ("prompts in a zip file", _zip_with(length_of_name=(28, 0), length_of_comment=(32, NAME))),
    ("a recipe", b"dtype: float16\nmerge_method:\n- model: a\n"),
    ("published neurons", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff]\x94."),
]


@pytest.mark.parametrize(("name", "content"), FOUND)
def test_what_was_a_fault_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    reader = next(one for one in READERS if one.name == name)
    with pytest.raises(DetoxError) as told:
        reader.try_on(content, tmp_path)
    assert "\n" not in str(told.value)
