"""The zsh script: one function per command, in the words of zsh's own ``_arguments``."""

from collections.abc import Iterable

from detox_cli.completion.known import DETOXIFY, Known
from detox_cli.completion.template import fill
from detox_cli.completion.tree import Argument, Node, Option, Value


def zsh_script(root: Node, known: Known) -> str:
    """The completion script for zsh 5; works from a folder on ``fpath`` and when sourced."""
    functions = [_function(node, known) for node in root.walk()]
    return fill(
        "_detox",
        COMMANDS="\n\n".join(functions),
        PROFILES=_list(known.profiles),
        DETOXIFY=_list(DETOXIFY),
    )


def _function(node: Node, known: Known) -> str:
    specs = [spec for option in node.options for spec in _option(option, known)]
    if node.children:
        return _group(node, specs)
    specs += [_argument(place, argument, known) for place, argument in enumerate(node.arguments, start=1)]
    return "\n".join([f"{_name(node)}() {{", *_call("_arguments -s -S", specs), "}"])


def _group(node: Node, specs: list[str]) -> str:
    commands = [_quote(f"{_plain(child.path[-1])}:{_short(child.summary)}") for child in node.children]
    cases = [f"        {child.path[-1]}) {_name(child)} ;;" for child in node.children]
    lines = [
        f"{_name(node)}() {{",
        "  local curcontext=$curcontext state line",
        "  typeset -A opt_args",
        *_call("_arguments -C -S", [*specs, "'1: :->command'", "'*:: :->rest'"]),
        "  case $state in",
        "    command)",
        "      local -a commands=(",
        *(f"        {command}" for command in commands),
        "      )",
        "      _describe command commands",
        "      ;;",
        "    rest)",
        "      case $line[1] in",
        *cases,
        "      esac",
        "      ;;",
        "  esac",
        "}",
    ]
    return "\n".join(lines)


def _call(start: str, specs: list[str]) -> list[str]:
    return [f"  {start} \\", *(f"    {spec} \\" for spec in specs[:-1]), *(f"    {s}" for s in specs[-1:])]


def _option(option: Option, known: Known) -> list[str]:
    """One spec per name; the names of one option exclude each other unless it may be repeated.

    A long name with a value is written ``--name=``: zsh then completes ``--name VALUE`` and ``--name=VALUE``.
    """
    exclusive = "" if option.repeats or len(option.names) == 1 else f"({' '.join(option.names)})"
    star = "*" if option.repeats else ""
    values = f":{_plain(_label(option))}:{_action(option.value, known)}" * option.takes
    ends = {True: "=", False: "+"} if option.takes else {True: "", False: ""}
    summary = _short(option.summary).replace("[", "\\[").replace("]", "\\]")
    return [
        _quote(f"{exclusive}{star}{name}{ends[name.startswith('--')]}[{summary}]{values}")
        for name in option.names
    ]


def _label(option: Option) -> str:
    return option.names[0].lstrip("-").replace("-", " ")


def _argument(place: int, argument: Argument, known: Known) -> str:
    where = "*" if argument.repeats else str(place)
    optional = "" if argument.required or argument.repeats else ":"
    name = _plain(argument.name.lower().replace("_", " "))
    return _quote(f"{where}:{optional}{name}:{_action(argument.value, known)}")


def _action(value: Value, known: Known) -> str:
    match value.kind:
        case "choice":
            return f"({' '.join(_plain(choice) for choice in value.choices)})"
        case "nothing":
            return " "
        case kind:
            words = [_plain(word) for word in known.offered(value)]
            # The space keeps `_arguments` from putting words of its own between.
            return " ".join([f" _detox__{kind}", *value.suffixes, "--", *words])


def _short(summary: str) -> str:
    return summary.removesuffix(".")


def _name(node: Node) -> str:
    return "_detox" + "".join(f"_{word}" for word in node.path)


def _plain(text: str) -> str:
    """Protect the characters that separate the parts of a spec."""
    return "".join(f"\\{c}" if c in ":\\ ()" else c for c in text)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _list(words: Iterable[str]) -> str:
    return " ".join(_quote(word) for word in words)
