"""Files that cannot be read, and what is said of them."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from detox_cli.data.chains.record import ChainRecord
from detox_cli.data.chains.serialise import serialise
from detox_cli.data.chains.template import find_template
from detox_cli.data.marked.read import Columns, read_marked
from detox_cli.data.preferences.read import read_preferences
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.template import template_columns
from detox_cli.data.writing import write_rows
from detox_cli.errors import ExitCode
from detox_cli.services.eval_generation.protocols import PROTOCOLS
from detox_cli.services.eval_generation.text import read_text
from tests.errors.case import Case, usage

Told = Callable[[Case], None]
ROADS = {"toxic": "[R] {rephrased} [C] {continuation}", "safe": "[C] {continuation}"}
FORM = {"id": "own", "prompt": "{prompt}", "roads": ROADS, "reserved": ["[R]", "[C]"], "answer": "[C] "}

OWN = json.dumps({**FORM, "roads": {"toxic": ROADS["toxic"], "safe": ROADS["safe"]}})


def form(said: str, **changed: object) -> Case:
    """A chain template with something wrong in it."""
    values = {key: value for key, value in {**FORM, **changed}.items() if value is not None}
    return Case(lambda: find_template("t.json"), said, files={"t.json": json.dumps(values)})


def roads(said: str, **changed: object) -> Case:
    """A chain template with something wrong in a road."""
    return form(said, roads={**ROADS, **changed})


TEMPLATES = [
    form("a chain template has no 'propmt'", propmt="{prompt}"),
    form("a chain template without 'prompt'", prompt=None),
    form("reserved has to be a list of texts", reserved="[R]"),
    form("chat has to be true or false", chat="yes"),
    form("escape is backslash or json, not 'xml'", escape="xml"),
    form("a reserved string or the mask is empty", reserved=[""]),
    form("prompt may name {prompt}, once and in this order", prompt="Continue:"),
    form("prompt cannot be read", prompt="{prompt"),
    form("has no road 'toxic'", roads={"safe": "[C] {continuation}"}),
    roads("knows no road 'sideways'", sideways="[C] {continuation}"),
    roads("the road 'safe' does not end with {continuation}", safe="[C] nothing"),
    roads("the answer's mark does not stand before", safe="[R] {continuation}"),
    roads("nothing reserved follows {rephrased}", toxic="[R] {rephrased}{continuation}"),
    usage(lambda: find_template("none.toml"), "no such chain template: none.toml"),
    usage(lambda: find_template("cmd-v9"), "no chain template 'cmd-v9'"),
    Case(lambda: find_template("t.json"), "a chain template is a table", files={"t.json": "[1]"}),
    Case(lambda: find_template("t.toml"), "cannot be read as a chain template", files={"t.toml": "id ="}),
]


@pytest.mark.parametrize("case", TEMPLATES, ids=str)
def test_chain_templates(case: Case, told: Told) -> None:
    told(case)


def chain(said: str, form: str = "cmd-v3-code", candidate: int | None = None, **values: object) -> Case:
    """A record that a template cannot write."""
    record = ChainRecord(id="r1", source="s", text="a", toxicity=0.0, is_toxic=False, **values)
    return Case(lambda: serialise(record, find_template(form), candidate=candidate), said)


def archive(names: dict[str, bytes], method: int | None = None, flags: int = 0, size: int = 0) -> bytes:
    """A zip file, with what its entries say of themselves changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in names.items():
            made.writestr(name, content)
        for entry in made.infolist():
            entry.flag_bits |= flags
            entry.compress_type = entry.compress_type if method is None else method
            entry.file_size = size or entry.file_size
    return buffer.getvalue()


def rows(
    name: str, content: str | bytes, said: str, read: Callable[[str, Rejects], object] = read_rows
) -> Case:
    """A file of rows that cannot be read."""
    return Case(lambda: list(read(name, Rejects()) or []), said, files={name: content})


def prompts(name: str, content: str | bytes, said: str, code: ExitCode = ExitCode.DATA) -> Case:
    """A file of prompts that cannot be read."""
    return Case(lambda: read_prompts(name, Rejects(), password="x"), said, code, {name: content})


def marked(name: str, rejects: Rejects) -> object:
    return read_marked(name, rejects, Columns())


SAFE = ChainRecord(
    id="r1", source="s", text="a", toxicity=0.0, is_toxic=False, pos=0, candidates=({"text": "b"},)
)
FILES = [
    rows("a.jsonl", "\ufeff".encode("utf-16"), "a.jsonl: is UTF-16, not UTF-8"),
    rows("a.json", '[{"text": "a"}] and so on', "a.json:1: bad JSON: something follows the array"),
    rows("a.doc", "text", "has a suffix that says nothing about its format: .doc"),
    rows("a.jsonl", "{}", "cannot be read: Not a directory", lambda name, r: read_rows(f"{name}/b.jsonl", r)),
    rows("a.csv", "word\nx\n", "holds no known form of preferences", read_preferences),
    rows("a.csv", "word\nx\n", "has no column named prompt or text", lambda name, r: read_prompts(name, r)),
    prompts("a.zip", archive({"RTP_LX_EN.json": b"x" * 20}, flags=1), "password of this zip", ExitCode.USAGE),
    prompts("a.zip", archive({"RTP_LX_EN.json": b"x"}, method=99), "encrypted in a way that cannot be read"),
    prompts("a.zip", archive({"RTP_LX_EN.json": b"x"}, size=9 * 10**9), "unpacks to 9.0 GB"),
    Case(
        lambda: read_preferences("a.zip", Rejects()),
        "no file in it holds preferences",
        files={"a.zip": archive({"a.csv": b"x\ny\n"})},
    ),
    Case(
        lambda: serialise(SAFE, find_template("own.json"), direct=True),
        "the template has no road 'direct'",
        files={"own.json": OWN},
    ),
    chain("has no positive continuation", form="plain"),
    rows("a.jsonl", '{"text": "x", "spans": [[5, 9]]}\n', "no row can be used; most often", marked),
    prompts("a.zip", b"no zip", "a.zip: is no zip file, or is damaged"),
    prompts("a.zip", archive({"readme.txt": b"x"}), "holds no file RTP_LX_LANGUAGE.json"),
    prompts("a.jsonl", '{"prompt": ""}\n', "no row holds a prompt"),
    Case(
        lambda: read_text(Path("d"), PROTOCOLS["rtp"]), "d: is a folder, not a file", files={"d/a.txt": "x"}
    ),
    Case(lambda: read_text(Path("a.txt"), PROTOCOLS["rtp"]), "a.txt: holds no text", files={"a.txt": "\n"}),
    usage(lambda: template_columns("{text"), "--template: the template cannot be read"),
    usage(lambda: template_columns("Detoxify:"), "--template: a template needs {text} once"),
    Case(lambda: write_rows("a.csv", [{"id": "r1", "text": "a\0b"}]), "row r1: a table cannot hold a NUL"),
    Case(lambda: write_rows("a.jsonl", [{"id": "r1", "x": float("nan")}]), "cannot be written as JSON"),
    Case(lambda: write_rows("a.csv", [{"id": "r1", "x": 1}], ["id"]), "has a column 'x' that is not to be"),
    Case(lambda: Rejects(strict=True).add("a.csv:3", "has no text", {}), "a.csv:3: has no text"),
    chain("is left out: too long", dropped="too long"),
    chain("has no continuation 7", candidate=7),
]


@pytest.mark.parametrize("case", FILES, ids=str)
def test_files(case: Case, told: Told) -> None:
    told(case)
