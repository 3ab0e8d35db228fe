"""The reference page ``docs/cli.md``: every command, argument and option, as the help has them."""

from detox_cli.completion.man import EXIT
from detox_cli.completion.tree import Node, Option
from detox_cli.lazy import COMMON
from detox_cli.settings.fields import flag_of, option_name
from detox_cli.settings.layers import variable
from detox_cli.settings.sections import SECTIONS, section_model

HEAD = """\
# Commands

Every option of `detox`, made from the settings classes. A value comes from the first of these that has it:
the flag, the environment, the profile, the default. The option `--batch-size` of `detox train bart` is
`DETOX_TRAIN__BART__BATCH_SIZE` in the environment and `batch_size` under `[train.bart]` in a profile, and
all others are named in the same way; what an argument is called there stands in the column *key*.
`--print-config` shows every value with where it came from.
"""


def reference(root: Node) -> str:
    """The page in Markdown; options that all commands share stand once, at the end."""
    leaves = [node for node in root.walk() if not node.children]
    common = {option.names: option for node in leaves for option in node.options if _is_common(option)}
    exits = [f"| {code.value} | {meaning} |" for code, meaning in EXIT.items()]
    parts = [
        HEAD,
        *(_section(node) for node in leaves),
        "## Common options\n\n" + _options(list(common.values())),
        "## Exit codes\n\n| code | meaning |\n| --- | --- |\n" + "\n".join(exits) + "\n",
    ]
    return "\n".join(parts)


def _section(node: Node) -> str:
    parts = [
        f"## detox {node.name}",
        "",
        node.summary,
        "",
        f"    {node.usage}",
        "",
    ]
    section = ".".join(node.path).replace("-", "_")
    if section in SECTIONS:
        parts += [f"Profile: `[{section}]`. Environment: `{variable(section, '')}…`.", ""]
    if node.arguments:
        keys = _keys(section)
        rows = [
            f"| `{it.name}` | {_cell(keys.get(it.name, ''), '`')} | {_cell(it.summary)} |"
            for it in node.arguments
        ]
        parts += ["| argument | key | what it is |", "| --- | --- | --- |", *rows, ""]
    own = [option for option in node.options if not _is_common(option)]
    return "\n".join(parts) + ("\n" + _options(own) if own else "")


def _keys(section: str) -> dict[str, str]:
    """What the arguments of a command are called in its section."""
    fields = section_model(section).model_fields if section in SECTIONS else {}
    return {option_name(key, field): key for key, field in fields.items() if flag_of(field).positional}


def _options(options: list[Option]) -> str:
    rows = [
        f"| {' '.join(f'`{name}`' for name in option.names)} | {_cell(option.metavar, '`')} "
        f"| {_cell(option.default, '`')} | {_cell(option.summary)} |"
        for option in options
    ]
    return "\n".join(["| option | value | default | what it is |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _is_common(option: Option) -> bool:
    return option.panel == COMMON or "--help" in option.names


def _cell(text: str, quote: str = "") -> str:
    return quote + text.replace("|", "\\|") + quote if text else ""
