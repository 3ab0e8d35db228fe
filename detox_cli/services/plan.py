"""What a command would do, as far as it can be told without loading a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detox_cli.data.bundled import file_of, is_bundled
from detox_cli.data.named import named_file
from detox_cli.errors import BadData
from detox_cli.services.result import Result, Table


@dataclass(frozen=True)
class Thing:
    """Something outside the settings that they name: which option, what kind of thing, and its name."""

    option: str
    kind: str
    name: str
    revision: str | None = None


class Plan(Result):
    """The inputs, models and outputs that the settings name, each looked at."""

    things: list[tuple[str, str, str]]

    def tables(self) -> list[Table]:
        """One row per thing: the option, what was given, and what is there."""
        return [Table(title="plan", columns=["option", "value", "found"], rows=self.things)]

    def headline(self) -> str:
        """The plan can be carried out; otherwise there would have been an error."""
        return "ok"


def plan(things: Sequence[Thing]) -> Plan:
    """Look at each thing without reading it.

    Raises:
        BadData: An input file is not there.
        BadSettings: A scorer's name is wrong.
        Missing: A model is neither bundled nor a folder nor to be had from the hub.
    """
    return Plan(things=[(thing.option, thing.name, _look(thing)) for thing in things])


def _look(thing: Thing) -> str:
    looks = {
        "model": _model,
        "served": _served,
        "scorer": _scorer,
        "detector": _detector,
        "output": _output,
        "folder": _folder,
        "name": _name,
    }
    return looks.get(thing.kind, _input)(thing)


def _model(thing: Thing) -> str:
    from detox_cli.models.sources import find_model

    source = find_model(thing.name, thing.revision)
    return f"on the hub, revision {source.revision}" if source.kind == "hub" else f"folder {source.location}"


def _served(thing: Thing) -> str:
    return "behind a server, not asked"


def _folder(thing: Thing) -> str:
    if not Path(thing.name).is_dir():
        raise BadData("there is no such folder", where=thing.name, hint=f"check {thing.option}")
    return "folder"


def _scorer(thing: Thing) -> str:
    from detox_cli.scoring.spec import parse_spec

    spec = parse_spec(thing.name)
    if spec.members:
        return "; ".join(_scorer(Thing(thing.option, "scorer", name)) for name in spec.members)
    if spec.kind == "calibrated":
        from detox_cli.scoring.calibration import read_calibration

        kept = read_calibration(spec.target)
        return f"{kept.scorer}: {_scorer(Thing(thing.option, 'scorer', kept.scorer))}"
    if spec.kind == "hf":
        return _model(Thing(thing.option, "model", spec.target))
    if spec.kind == "builtin" and spec.target != "lexicon":
        return _model(Thing(thing.option, "model", f"builtin:{spec.target}"))
    if spec.kind == "perspective":
        from detox_cli.scoring.perspective import Perspective, load_perspective

        scorer = load_perspective(spec)
        return "recorded answers" if not isinstance(scorer, Perspective) else scorer.state
    return f"scorer of the kind {spec.kind}"


def _name(thing: Thing) -> str:
    return "known by its name"


def _detector(thing: Thing) -> str:
    from detox_cli.scoring.spans.load import find_span_detector

    find_span_detector(thing.name)
    return "detector of toxic spans"


def _output(thing: Thing) -> str:
    if thing.name == "-":
        return "standard output"
    return "is there already" if Path(thing.name).exists() else "will be written"


def _input(thing: Thing) -> str:
    name = named_file(thing.name)[1]
    path = file_of(name)
    if is_bundled(name):
        return "bundled rows"
    if name == "-":
        return "standard input"
    if path.is_file():
        return f"{path.stat().st_size:,} bytes"
    if path.is_dir():
        return "folder"
    if any(part.suffix.lower() == ".zip" and part.is_file() for part in path.parents):
        return "in a zip file, not looked up"
    if path.suffix or path.is_absolute():
        raise BadData("there is no such file", where=str(path), hint=f"check {thing.option}")
    return "not a file here: a dataset id, not looked up"
