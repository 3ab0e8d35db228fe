"""The fish script: one ``complete`` rule per command, option and argument."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from detox_cli.completion.known import Known
from detox_cli.completion.template import fill
from detox_cli.completion.tree import Node, Option, Value


def fish_script(root: Node, known: Known) -> str:
    """The completion script for fish 3.1 and later."""
    return fill(
        "detox.fish",
        TABLES=f"{_children_table(root)}\n\n{_takes_table(root)}",
        RULES="\n".join(rule for node in root.walk() for rule in _rules(node, known)),
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
    keys: dict[int, list[str]] = defaultdict(list)
    for node in root.walk():
        for option in node.options:
            if option.takes:
                keys[option.takes] += [f"{node.name} {name}" for name in option.names]
    lines = [
        "# How many words option $argv[2] of $argv[1] takes.",
        "function __detox_takes",
        '    switch "$argv"',
    ]
    for takes, names in sorted(keys.items()):
        lines += [f"        case {_list(names)}", f"            echo {takes}"]
    return "\n".join([*lines, "        case '*'", "            echo 0", "    end", "end"])


def _rules(node: Node, known: Known) -> Iterator[str]:
    """Rules in the order in which fish shows them: commands, arguments, options."""
    for child in node.children:
        condition = _condition(f"__detox_at {_quote(node.name)} 1")
        name, summary = _quote(child.path[-1]), _quote(_short(child.summary))
        yield f"complete -c detox {condition} -k -a {name} -d {summary}"
    for place, argument in enumerate(node.arguments, start=1):
        after = " after" if argument.repeats else ""
        condition = _condition(f"__detox_at {_quote(node.name)} {place}{after}")
        if argument.value.kind != "nothing":
            yield f"complete -c detox {condition} {_source(argument.value, known)}"
    for option in node.options:
        yield f"complete -c detox {_condition(f'__detox_in {_quote(node.name)}')} {_option(option, known)}"


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


def _condition(command: str) -> str:
    return f"-n {_quote(command)}"


def _quote(text: str) -> str:
    """Quoted for fish, where only ``\\`` and ``'`` are special inside single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _list(words: Iterable[str]) -> str:
    return " ".join(_quote(word) for word in words)
