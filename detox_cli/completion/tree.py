"""The command tree as plain data: what the shells, the man page and the reference need to know."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

from detox_cli.settings.base import Flag
from detox_cli.settings.offers import OFFERS, Kind, Role

DEFAULT = "  [default: "
"""What stands between the description of an option and its default in the help."""

NUMBERS = {int: "INTEGER", float: "NUMBER"}
DEVICES = ("auto", "cpu", "cuda", "mps")
"""What is offered for ``--device``, which is free text because ``cuda:3`` is a device too."""


@dataclass(frozen=True)
class Value:
    """What may follow an option or stand at a place.

    ``choices`` are words: all there are for the kind ``choice``, some that are offered besides for others.
    Files with one of the ``suffixes`` come first; of what is bundled, that with one of the ``roles``.
    """

    kind: Kind = "nothing"
    choices: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True)
class Option:
    """An option: its names, how many words it takes (0: a switch) and whether it may be repeated."""

    names: tuple[str, ...]
    summary: str
    takes: int = 0
    value: Value = Value()
    repeats: bool = False
    default: str = ""
    metavar: str = ""
    panel: str = ""


@dataclass(frozen=True)
class Argument:
    """A word with a place of its own; ``repeats`` means that it also takes all the words after it."""

    name: str
    summary: str
    value: Value = Value()
    repeats: bool = False
    required: bool = False

    @property
    def usage(self) -> str:
        """The name as it stands in a usage line."""
        name = self.name + ("..." if self.repeats else "")
        return name if self.required else f"[{name}]"


@dataclass(frozen=True)
class Node:
    """A command, with the words that lead to it (none for ``detox`` itself)."""

    path: tuple[str, ...]
    summary: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    children: tuple["Node", ...]

    @property
    def name(self) -> str:
        """The path as it is typed after ``detox``."""
        return " ".join(self.path)

    @property
    def usage(self) -> str:
        """The command with its arguments, in brackets where they may be left out."""
        return " ".join(["detox", self.name, *(argument.usage for argument in self.arguments)])

    def walk(self) -> Iterator["Node"]:
        """This node and everything below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


def command_tree(app: typer.Typer) -> Node:
    """The whole tree of ``app``; imports every command module."""
    return _node(get_command(app), ())


def _node(command: Any, path: tuple[str, ...], summary: str = "") -> Node:
    context = typer.Context(command, info_name=path[-1] if path else "detox", **command.context_settings)
    flags = _flags(command.callback)
    parameters = [p for p in command.get_params(context) if not getattr(p, "hidden", False)]
    options = [_option(p, flags) for p in parameters if isinstance(p, TyperOption)]
    arguments = [_argument(p, flags) for p in parameters if isinstance(p, TyperArgument)]
    summary = summary or one_line(command.help)
    return Node(path, summary, tuple(options), tuple(arguments), tuple(_children(command, context, path)))


def _children(command: Any, context: Any, path: tuple[str, ...]) -> Iterator[Node]:
    if not isinstance(command, TyperGroup):
        return
    for name in command.list_commands(context):
        stub = command.get_command(context, name)
        if stub is None or stub.hidden:
            continue
        # A lazy group imports the real command here; its stub only knows the summary.
        _, real, _ = command.resolve_command(context, [name])
        yield _node(real, (*path, name), one_line(stub.help))


def _flags(callback: Callable[..., Any] | None) -> dict[str, Flag]:
    """The ``Flag`` that each parameter of a command was declared with."""
    found: dict[str, Flag] = {}
    parameters = inspect.signature(callback, eval_str=True).parameters if callback else {}
    for name, parameter in parameters.items():
        if get_origin(parameter.annotation) is Annotated:
            for extra in get_args(parameter.annotation):
                if isinstance(extra, Flag):
                    found[name] = extra
    return found


def _option(option: TyperOption, flags: dict[str, Flag]) -> Option:
    takes = 0 if option.is_flag or option.count else option.nargs
    summary, _, default = one_line(option.help).partition(DEFAULT)
    value = _value(option, flags) if takes else Value()
    return Option(
        # Long names first; Typer gives those of --help in no fixed order.
        names=tuple(sorted((*option.opts, *option.secondary_opts), key=lambda name: name[:2] != "--")),
        summary=summary,
        takes=takes,
        value=value,
        repeats=option.multiple or option.count,
        default=default.removesuffix("]"),
        metavar=(option.metavar or _metavar(option, value)) if takes else "",
        panel=option.rich_help_panel or "",
    )


def _metavar(option: TyperOption, value: Value) -> str:
    """What a value of ``option`` is called where it has no name of its own."""
    if value.choices and option.type_descriptor.choices:
        return "|".join(value.choices)
    if value.kind not in ("nothing", "choice"):
        return value.kind.upper()
    types = get_args(option.type_descriptor.annotation) or (option.type_descriptor.annotation,)
    return NUMBERS.get(types[0], "TEXT")


def _argument(argument: TyperArgument, flags: dict[str, Flag]) -> Argument:
    return Argument(
        name=(argument.metavar or argument.name or "").removesuffix("..."),
        summary=one_line(argument.help).partition(DEFAULT)[0],
        value=_value(argument, flags),
        repeats=argument.nargs == -1,
        required=argument.required,
    )


def _value(parameter: TyperOption | TyperArgument, flags: dict[str, Flag]) -> Value:
    flag = flags.get(parameter.name or "", Flag())
    if flag.complete:
        return _offered(flag.complete, flag.words, parameter.name or "")
    if flag.words:
        return Value("choice", flag.words)
    described = parameter.type_descriptor
    if described.choices:
        return Value("choice", tuple(str(getattr(c, "value", c)) for c in described.choices))
    if described.is_path or described.is_file:
        return Value("file" if described.parameter_info.file_okay else "folder")
    return Value("choice", DEVICES) if parameter.name == "device" else Value()


def _offered(asked: str, words: tuple[str, ...], name: str) -> Value:
    if asked not in OFFERS:
        raise ValueError(f"{name}: Flag(complete={asked!r}) is not one of {', '.join(OFFERS)}")
    offer = OFFERS[asked]
    return Value(offer.kind, words, offer.suffixes, offer.roles)


def one_line(text: str | None) -> str:
    """The first line of a help text."""
    return (text or "").strip().split("\n")[0].strip()
