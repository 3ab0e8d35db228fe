"""``-`` wherever a file may stand, and no colours in what is not a terminal: asked of every command."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detox_cli.app import app
from detox_cli.commands._dry_run import WRITTEN
from detox_cli.commands._streams import READ, SHOWN, refuse_streams
from detox_cli.completion.tree import Node, command_tree
from detox_cli.errors import BadSettings
from detox_cli.settings.fields import flag_of, option_name, ordered_fields
from detox_cli.settings.offers import OFFERS
from detox_cli.settings.sections import SECTIONS, section_model
from tests.conftest import Outcome


def places() -> Iterator[tuple[str, str]]:
    """Every setting that names a file or a folder: its section and its field."""
    for section in SECTIONS:
        for name, field in ordered_fields(section_model(section)):
            offer = flag_of(field).complete
            if offer is not None and OFFERS[offer].kind in ("file", "folder"):
                yield section, name


PLACES = list(places())


def with_streams(section: str, *names: str) -> object:
    """Settings, unchecked, in which these fields are ``-``."""
    model = section_model(section)
    values = {
        name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()
    }
    values |= {name: None for name, value in values.items() if value in ("-", ("-",))}
    for name in names:
        listed = "tuple" in str(model.model_fields[name].annotation)
        values[name] = ("-",) if listed else "-"
    return model.model_construct(**values)


def label(place: tuple[str, str]) -> str:
    section, name = place
    return option_name(name, section_model(section).model_fields[name])


@pytest.mark.parametrize("place", PLACES, ids=" ".join)
def test_every_place_takes_a_stream_or_says_that_it_does_not(place: tuple[str, str]) -> None:
    section, name = place
    offer = flag_of(section_model(section).model_fields[name]).complete
    taken = offer in SHOWN and name == "output" if name in WRITTEN else offer in READ
    if taken:
        refuse_streams(with_streams(section, name))
        return
    with pytest.raises(BadSettings, match=f"{re.escape(label(place))} -: is not (read|written)") as refused:
        refuse_streams(with_streams(section, name))
    assert refused.value.hint


STANDING = [
    (section, name)
    for section, name in PLACES
    if section_model(section).model_fields[name].get_default(call_default_factory=True) in ("-", ("-",))
]


def test_the_inputs_of_pipelines_are_stdin_unless_told() -> None:
    assert {("synth.pairs", "input"), ("generate", "input")} <= set(STANDING)


@pytest.mark.parametrize("place", STANDING, ids=" ".join)
def test_what_is_a_stream_unless_told_is_taken(place: tuple[str, str]) -> None:
    refuse_streams(with_streams(*place))


def reads(section: str) -> list[str]:
    """The fields of a section that may be stdin."""
    fields = section_model(section).model_fields
    names = (name for of, name in PLACES if of == section and name not in WRITTEN)
    return [name for name in names if flag_of(fields[name]).complete in READ]


@pytest.mark.parametrize("section", [section for section in SECTIONS if len(reads(section)) > 1])
def test_stdin_is_read_once(section: str) -> None:
    read = reads(section)
    with pytest.raises(BadSettings, match="only once") as refused:
        refuse_streams(with_streams(section, *read))
    assert label((section, read[0])) in str(refused.value) and label((section, read[1])) in str(refused.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("synth pairs - --shots - --dry-run", "INPUT and --shots: stdin (-) can be read only once"),
        ("eval compare a=- - --dry-run", "FILE and FILE: stdin (-) can be read only once"),
        ("synth pairs - --rejects - --dry-run", "--rejects -: is not written to stdout"),
        ("train bart - -o - --dry-run", "--output -: is not written to stdout"),
        ("merge --recipe - -o out --dry-run", "--recipe -: is not read from stdin"),
    ],
)
def test_commands_refuse_in_one_line(line: str, said: str, detox: Callable[..., Outcome]) -> None:
    told = detox(*line.split())
    assert (told.code, told.out) == (2, "")
    assert told.err.splitlines()[0] == f"error: {said}" and len(told.err.splitlines()) == 2


def test_a_plan_names_both_streams(detox: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a silly comment\n")))
    told = detox("synth", "pairs", "-", "-o", "-", "-m", "builtin:chat", "--dry-run", "--json")
    found = {option: what for option, _, what in json.loads(told.out)["things"]}
    assert (found["INPUT"], found["--output"]) == ("standard input", "standard output")


LEAVES = [node for node in command_tree(app).walk() if not node.children]


@pytest.mark.parametrize("node", LEAVES, ids=lambda node: node.name)
def test_no_colours_where_no_terminal_is(
    node: Node, detox: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment asks for: the page of help, the settings, and what is wrong."""
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    for words in (["--help"], ["--print-config"], ["--dry-run"], ["--no-such-option"], ["nowhere.jsonl"]):
        if node.name in ("doctor", "demo") and words == ["nowhere.jsonl"]:
            continue  # these take no word
        told = detox(*node.path, *words)
        assert told.out + told.err, (node.name, words)
        assert "\x1b" not in told.out + told.err, (node.name, words)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"\x1b" in path.read_bytes()]
