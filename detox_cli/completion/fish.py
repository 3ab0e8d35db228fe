"""The fish script: one ``complete`` rule per command, option and argument.

fish tries the condition of every rule at every Tab, and with some 1,300 rules that costs more than the rest.
So the rules of each command are made for a name that nobody types, at its first Tab, and fish is asked to
complete the line under that name.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from detox_cli.completion.known import Known
from detox_cli.completion.template import fill
from detox_cli.completion.tree import Node, Option, Value

COMPLETE = "complete -c $argv[2]"


def fish_script(root: Node, known: Known) -> str:
    """The completion script for fish 3.1 and later."""
    return fill(
        "detox.fish",
        TABLES=f"{_children_table(root)}\n\n{_takes_table(root)}",
        RULES=_rules_table(root, known),
        PROFILES=_list(known.profiles),
    )


def _children_table(root: Node) -> str:
    lines = ["# The commands below $argv[1].", "function __detox_children", "    switch $argv[1]"]
    for node in root.walk():
        if node.children:
            names = _list(child.path[-1] for child in node.children)
            lines += [f"        case {_quote(node.name)}", f"            printf '%s\\n' {names}"]
    return "\n".join([*lines, "    end", "end"])


def _takes_table(root: Node) -> str:
    lines = [
        "# How many words option $argv[2] of $argv[1] takes.",
        "function __detox_takes",
        "    switch $argv[1]",
    ]
    for node in root.walk():
        names: dict[int, list[str]] = defaultdict(list)
        for option in node.options:
            if option.takes:
                names[option.takes] += option.names
        if names:
            lines += [f"        case {_quote(node.name)}", "            switch $argv[2]"]
            for takes, those in sorted(names.items()):
                lines += [
                    f"                case {_list(those)}",
                    f"                    echo {takes}",
                    "                    return",
                ]
            lines.append("            end")
    return "\n".join([*lines, "    end", "    echo 0", "end"])


def _rules_table(root: Node, known: Known) -> str:
    """The rules of each command, for a name of its own, so that fish tries those of one command only."""
    lines = [
        "# Rules of the command $argv[1], for the name $argv[2].",
        "function __detox_rules",
        "    switch $argv[1]",
    ]
    for node in root.walk():
        lines += [
            f"        case {_quote(node.name)}",
            *(f"            {rule}" for rule in _rules(node, known)),
        ]
    return "\n".join([*lines, "    end", "end"])


def _rules(node: Node, known: Known) -> Iterator[str]:
    """Rules in the order in which fish shows them: commands, arguments, options."""
    for child in node.children:
        name, summary = _quote(child.path[-1]), _quote(_short(child.summary))
        yield f"{COMPLETE} {_place('-eq', 1)} -k -a {name} -d {summary}"
    for place, argument in enumerate(node.arguments, start=1):
        if argument.value.kind != "nothing":
            at = _place("-ge" if argument.repeats else "-eq", place)
            yield f"{COMPLETE} {at} {_source(argument.value, known)}"
    for option in node.options:
        yield f"{COMPLETE} {_option(option, known)}"


def _place(relation: str, place: int) -> str:
    return f"-n 'test $__detox_place {relation} {place}'"


def _option(option: Option, known: Known) -> str:
    names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
    value = ""
    if option.takes:
        source = _source(option.value, known)
        value = (" -r " if source == "-F" else " -x ") + source
    return f"{names}{value.rstrip()} -d {_quote(_short(option.summary))}"


def _source(value: Value, known: Known) -> str:
    words = known.offered(value)
    match value.kind:
        case "nothing":
            return ""
        case "choice":
            return f"-a {_quote(' '.join(words))}"
        case "file" if not words and not value.suffixes:
            return "-F"
        case kind:
            return f"-a {_quote('(' + ' '.join([f'__detox_{kind}', *value.suffixes, '--', *words]) + ')')}"


def _short(summary: str) -> str:
    return summary.removesuffix(".")


def _quote(text: str) -> str:
    """Quoted for fish, where only ``\\`` and ``'`` are special inside single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _list(words: Iterable[str]) -> str:
    return " ".join(_quote(word) for word in words)
