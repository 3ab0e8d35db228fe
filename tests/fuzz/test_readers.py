"""Right examples are read; damaged and made-up ones are read or refused in one line."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detox_cli.errors import DetoxError
from tests.fuzz.readers import READERS, Reader

INTERESTING = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\n",
    b"\r",
    b",",
    b"\t",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"null",
    b"true",
    b"NaN",
    b"\xed\xa0\x80",
    b"{}",
    b"[]",
    b"&a *a",
    b"!!python/object:x",
    b"'",
    b"#",
    b":",
    b"=",
)
TRIES = 60

IDS = [reader.name for reader in READERS]


def refused_or_read(reader: Reader, content: bytes, folder: Path) -> None:
    try:
        reader.try_on(content, folder)
    except DetoxError as error:
        said = str(error)
        assert said.strip() and "\n" not in said and len(said) < 2000, said


def damaged(content: bytes, draw: random.Random) -> bytes:
    """One to four small accidents: a flipped bit, a cut, a doubled part, a piece of another kind of text."""
    found = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, len(found))
        kind = draw.randrange(5)
        if kind == 0 and found:
            found[at % len(found)] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del found[at:]
        elif kind == 2:
            del found[at : at + draw.randint(1, 8)]
        elif kind == 3:
            found[at:at] = found[at : at + draw.randint(1, 30)]
        else:
            found[at:at] = draw.choice(INTERESTING)
    return bytes(found)


@pytest.mark.parametrize("reader", READERS, ids=IDS)
def test_damaged_examples_are_read_or_refused_in_one_line(reader: Reader, tmp_path: Path) -> None:
    draw = random.Random(reader.name)
    for number in range(TRIES):
        content = damaged(reader.examples[number % len(reader.examples)], draw)
        try:
            refused_or_read(reader, content, tmp_path)
        except Exception:
            print(content)  # what pytest shows of the failure
            raise


@pytest.mark.parametrize("reader", READERS, ids=IDS)
@settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(max_size=120).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
)
def test_anything_is_read_or_refused_in_one_line(reader: Reader, tmp_path: Path, content: bytes) -> None:
    refused_or_read(reader, content, tmp_path)


@pytest.mark.parametrize("reader", READERS, ids=IDS)
def test_deep_nesting_is_refused_like_anything_else(reader: Reader, tmp_path: Path) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"- ", b"")):
        refused_or_read(reader, opening * 20_000 + b"1" + closing * 20_000, tmp_path)
