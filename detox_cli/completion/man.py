"""The man page ``detox.1``."""

from detox_cli import __version__
from detox_cli.completion.tree import Argument, Node, Option
from detox_cli.errors import ExitCode

EXIT = {
    ExitCode.DONE: "Done.",
    ExitCode.FAILED: "Failed at work.",
    ExitCode.USAGE: "Bad usage or settings.",
    ExitCode.DATA: "Bad input data.",
    ExitCode.MISSING: "A model, an extra or a service that was asked for is missing.",
    ExitCode.QUALITY: "A quality limit that was asked for is not met.",
    ExitCode.INTERRUPTED: "Interrupted; a command that can be resumed continues when it is given again.",
    ExitCode.UNREAD: "Who read the output has closed the pipe, as head does; nothing is wrong.",
}


def man_page(root: Node) -> str:
    """The page in roff, without a date, so that the same tree always gives the same page."""
    lines = [
        '.\\" Generated from the command tree, do not edit.',
        f'.TH DETOX 1 "" "detox {__version__}" "User Commands"',
        # Names of options are not broken, and so no line has to be stretched around them.
        ".nh",
        ".ad l",
        ".SH NAME",
        f"detox \\- {_text(root.summary[:1].lower() + root.summary[1:])}",
        ".SH SYNOPSIS",
        ".B detox",
        "[\\fIoptions\\fR] \\fIcommand\\fR [\\fIargument\\fR ...]",
        ".SH OPTIONS",
        *_parameters(root),
        ".SH COMMANDS",
    ]
    for node in root.walk():
        if node.path and not node.children:
            lines += [f'.SS "{_text(node.usage)}"', _text(node.summary), *_parameters(node)]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT.items():
        lines += [".TP", f".B {code.value}", meaning]
    return "\n".join(lines) + "\n"


def _parameters(node: Node) -> list[str]:
    lines: list[str] = []
    for argument in node.arguments:
        lines += _argument(argument)
    for option in node.options:
        lines += _option(option)
    return lines


def _argument(argument: Argument) -> list[str]:
    return [".TP", f".I {_text(argument.name)}", _text(argument.summary)]


def _option(option: Option) -> list[str]:
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in option.names)
    value = f" \\fI{_text(option.metavar)}\\fR" if option.takes else ""
    default = f" Default: {_text(option.default)}." if option.default else ""
    return [".TP", names + value, f"{_text(option.summary)}{default}"]


def _text(text: str) -> str:
    """Protect backslashes, hyphens, what would start a roff request; a line may break between choices."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("|", "|\\:")
    return f"\\&{text}" if text.startswith((".", "'")) else text
