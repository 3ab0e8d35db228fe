"""The bash script: tables as ``case`` statements, and the fixed functions that read them."""

from collections import defaultdict
from collections.abc import Iterable
from shlex import quote

from detox_cli.completion.known import Known
from detox_cli.completion.template import fill
from detox_cli.completion.tree import Node, Value

Cases = dict[str, list[str]]
NOTHING = "kind= types= reply=()"


def bash_script(root: Node, known: Known) -> str:
    """The completion script for bash 3.2 and later; it does not need the bash-completion package."""
    tables = [
        _table("_detox_children", "The commands below $1.", "$1", "reply=()", _children(root)),
        _table("_detox_options", "The options of $1.", "$1", "reply=()", _options(root)),
        _values(root, known),
        _table(
            "_detox_argument", "What stands at place $2 of $1.", "$1 $2", NOTHING, _arguments(root, known)
        ),
    ]
    return fill(
        "detox.bash",
        TABLES="\n\n".join(tables),
        PROFILES=_words(known.profiles),
    )


def _table(name: str, comment: str, key: str, default: str, cases: Cases) -> str:
    """A shell function that runs the action of the first matching key; ``cases`` maps action to keys."""
    lines = [f"# {comment}", f"{name}() {{", f"    {default}", f'    case "{key}" in']
    for action, keys in cases.items():
        lines.append(f"        {' | '.join(keys)}) {action} ;;")
    return "\n".join([*lines, "    esac", "}"])


def _children(root: Node) -> Cases:
    cases: Cases = defaultdict(list)
    for node in root.walk():
        if node.children:
            cases[f"reply=({_words(child.path[-1] for child in node.children)})"].append(quote(node.name))
    return cases


def _options(root: Node) -> Cases:
    cases: Cases = defaultdict(list)
    for node in root.walk():
        names = _words(name for option in node.options for name in option.names)
        cases[f"reply=({names})"].append(quote(node.name))
    return cases


def _values(root: Node, known: Known) -> str:
    """What options take, one inner ``case`` per command."""
    lines = ["# What option $2 of $1 takes.", "_detox_option() {", f"    takes=0 {NOTHING}"]
    lines.append("    case $1 in")
    for node in root.walk():
        cases: Cases = defaultdict(list)
        for option in node.options:
            if option.takes:
                cases[f"takes={option.takes} {_action(option.value, known)}"] += option.names
        if cases:
            lines += [f"        {quote(node.name)})", "            case $2 in"]
            lines += [f"                {' | '.join(names)}) {action} ;;" for action, names in cases.items()]
            lines += ["            esac", "            ;;"]
    return "\n".join([*lines, "    esac", "}"])


def _arguments(root: Node, known: Known) -> Cases:
    cases: Cases = defaultdict(list)
    for node in root.walk():
        for place, argument in enumerate(node.arguments, start=1):
            key = f"{quote(node.name + ' ')}*" if argument.repeats else quote(f"{node.name} {place}")
            cases[_action(argument.value, known)].append(key)
    return cases


def _action(value: Value, known: Known) -> str:
    """What a script sets for ``value``; words and suffixes have been emptied before."""
    types = f" types=' {' '.join(value.suffixes)} '" if value.suffixes else ""
    words = known.offered(value)
    return f"kind={value.kind}{types}" + (f" reply=({_words(words)})" if words else "")


def _words(words: Iterable[str]) -> str:
    return " ".join(quote(word) for word in words)
