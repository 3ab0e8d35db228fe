"""How a chain is written: a template is data, bundled or the user's own."""

import string
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from detox_cli.data.chains.escaping import Escape, EscapeKind, escape_of
from detox_cli.data.chains.record import MASK
from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData, BadSettings

BUNDLED = Path(__file__).parent / "templates"
ROADS = ("toxic", "safe", "toxic_abstain", "safe_abstain", "direct")
"""The ways that a chain can take, in the order in which a text is compared with them."""
NEEDED = ("id", "prompt", "roads")
LISTS = ("reserved", "stop", "tokens")
FIELDS = ("masked", "rephrased", "continuation")
SEE = "docs/chains.md has an example"
"""What a chain can hold, in this order."""


@dataclass(frozen=True)
class ChainTemplate:
    """A form for chains. Literal braces are doubled, as in `str.format`.

    Attributes:
        id: Its name.
        prompt: What the model reads, with ``{prompt}``.
        roads: What it then writes, by the way that it takes (see `ROADS`), with the names of `FIELDS` in
            braces: ``toxic`` and ``safe``; where it may decline to continue, ``toxic_abstain`` and
            ``safe_abstain``; and ``direct``, an answer without a chain, which can stand alone.
        answer: What stands before the continuation; the chain up to its end is the answer's context.
        reserved: Strings that delimit, so that texts are escaped wherever they hold one.
        escape: ``backslash``, or ``json`` where every field is a JSON string.
        mask: What is written for a masked span.
        prefill: What every chain but the direct one begins with; it can be put before the model's own words.
        stop: Texts that can follow a finished chain only.
        chat: The prompt is a user's message, and the chain the assistant's.
        system: The system message of such a conversation.
        tokens: Strings that a trainer may add to the vocabulary as one token each.
        source: Where the form comes from.
    """

    id: str
    prompt: str
    roads: Mapping[str, str]
    answer: str = ""
    reserved: tuple[str, ...] = ()
    escape: EscapeKind = "backslash"
    mask: str = MASK
    prefill: str = ""
    stop: tuple[str, ...] = ()
    chat: bool = False
    system: str = ""
    tokens: tuple[str, ...] = ()
    source: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> Self:
        """The template that a file states.

        Raises:
            BadData: A key is unknown or missing, or what the form writes cannot be told apart again.
        """
        known = {field.name for field in fields(cls)}
        if odd := sorted(set(values) - known):
            raise BadData(
                f"a chain template has no {odd[0]!r}", where=where, hint=f"it has {', '.join(known)}"
            )
        _check_kinds(values, where)
        listed = {name: tuple(values[name]) for name in LISTS if name in values}
        if missing := [name for name in NEEDED if name not in values]:
            hint = f"a template needs {', '.join(NEEDED)}"
            raise BadData(f"a chain template without {missing[0]!r}", where=where, hint=hint)
        template = cls(**{**values, **listed})
        _check(template, where)
        return template

    @cached_property
    def writing(self) -> Escape:
        """How its texts are written."""
        return escape_of(self.escape, self.reserved, self.mask)

    def ask(self, text: str) -> str:
        """What the model reads for a prompt: at training and at inference, to the character."""
        bare = self.prompt == "{prompt}"
        return self.prompt.format(prompt=text if bare else self.writing.write([text], self.mask))

    def parts(self, road: str) -> list[tuple[str, str | None]]:
        """A road as literal texts, each with the field that follows it; the last one has none."""
        literal, found = "", list[tuple[str, str | None]]()
        for text, name, _, _ in string.Formatter().parse(self.roads[road]):
            literal += text  # a doubled brace ends a piece that no field follows
            if name is not None:
                found.append((literal, name))
                literal = ""
        return [*found, (literal, None)]

    def stated(self) -> dict[str, Any]:
        """The template as JSON has it."""
        return {**asdict(self), "roads": dict(self.roads)}


def bundled_templates() -> list[str]:
    """The names of the templates that come along."""
    return sorted(path.stem for path in BUNDLED.glob("*.toml"))


def find_template(name: str) -> ChainTemplate:
    """A bundled template by its name, or one in a ``.toml`` or ``.json`` file.

    Raises:
        BadSettings: There is none of this name.
        BadData: The file is no template.
    """
    path = Path(name)
    if path.suffix not in (".toml", ".json"):
        path = BUNDLED / f"{name}.toml"
        if "/" in name or not path.is_file():
            known = ", ".join(bundled_templates())
            raise BadSettings(f"no chain template {name!r}", hint=f"use one of {known}, or a .toml file")
    elif not path.is_file():
        raise BadSettings(f"no such chain template: {name}", hint="name a .toml or .json file that is there")
    return ChainTemplate.of(_read(path), str(path))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else parse_json(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadData(
            f"cannot be read as a chain template: {error}",
            where=str(path),
            hint="correct it, or use a bundled one; docs/chains.md has an example",
        ) from None
    if not isinstance(values, Mapping):
        raise BadData("a chain template is a table of names and values", where=str(path), hint=SEE)
    return values


def _check_kinds(values: Mapping[str, Any], where: str) -> None:
    """Raise ``BadData`` for a value that is no text, list, table or truth value where it has to be one."""
    for name, value in values.items():
        if name in LISTS:
            fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
            wanted = "a list of texts"
        elif name == "roads":
            fits = isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values())
            wanted = "a table of texts"
        elif name == "chat":
            fits, wanted = isinstance(value, bool), "true or false"
        else:
            fits, wanted = isinstance(value, str), "a text"
        if not fits:
            raise BadData(f"{name} has to be {wanted}", where=where, hint=SEE)


def _check(template: ChainTemplate, where: str) -> None:
    """Raise ``BadData`` unless everything that the template writes can be read again."""
    if template.escape not in ("backslash", "json"):
        raise BadData(f"escape is backslash or json, not {template.escape!r}", where=where, hint=SEE)
    if set(template.roads) != {"direct"} and (missing := {"toxic", "safe"} - set(template.roads)):
        raise BadData(
            f"has no road {sorted(missing)[0]!r}", where=where, hint="it has toxic and safe, or direct alone"
        )
    if odd := sorted(set(template.roads) - set(ROADS)):
        raise BadData(f"knows no road {odd[0]!r}", where=where, hint=f"roads are {', '.join(ROADS)}")
    if "" in (*template.reserved, template.mask):
        raise BadData(
            "a reserved string or the mask is empty", where=where, hint="leave it out, or write a text"
        )
    _check_names(template.prompt, ("prompt",), where, "prompt", whole=True)
    for road in template.roads:
        whole = road == "direct" or not road.endswith("_abstain")
        _check_names(template.roads[road], FIELDS, where, road)
        names = [name for _, name in template.parts(road) if name]
        if whole and names[-1:] != ["continuation"]:
            raise BadData(
                f"the road {road!r} does not end with {{continuation}}",
                where=where,
                hint="end it so, as the continuation is the answer",
            )
        _check_apart(template, road, where)
        if whole and template.answer not in template.parts(road)[len(names) - 1][0]:
            message = f"the answer's mark does not stand before the continuation in the road {road!r}"
            raise BadData(message, where=where, hint="put the text of 'answer' right before {continuation}")


def _check_names(form: str, allowed: tuple[str, ...], where: str, what: str, whole: bool = False) -> None:
    try:
        parts = list(string.Formatter().parse(form))
    except ValueError as error:
        hint = "a brace of the text itself is doubled"
        raise BadData(f"{what} cannot be read: {error}", where=where, hint=hint) from None
    names = [name for _, name, _, _ in parts if name is not None]
    plain = not any(spec or conversion for _, _, spec, conversion in parts)
    wanted = [name for name in allowed if name in names]
    if not plain or names != wanted or (whole and names != list(allowed)):
        inside = ", ".join(f"{{{name}}}" for name in allowed)
        raise BadData(f"{what} may name {inside}, once and in this order", where=where, hint=SEE)


def _check_apart(template: ChainTemplate, road: str, where: str) -> None:
    """Two fields need a reserved string between them, or nobody could tell where the first one ends."""
    if template.escape == "json":
        return
    parts = template.parts(road)
    for number, (literal, name) in enumerate(parts[1:], start=1):
        if not literal and name is None:
            continue  # the end of everything
        if not any(word in literal for word in template.reserved):
            before = parts[number - 1][1]
            message = f"nothing reserved follows {{{before}}} in the road {road!r}"
            raise BadData(message, where=where, hint="put one of 'reserved' there")
