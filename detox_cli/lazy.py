"""Commands that are imported when they are called, and the pages that ``--help`` prints."""

import re
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

COMMON = "Common options"
"""The last panel of every command's help."""

SWITCH = re.compile(r"--(\S+) / --no-\1")
"""Both names of a switch, as Typer prints them."""

HELP_OPTIONS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class LazyGroup(TyperGroup):
    """A group of stubs: name and summary are known, the command itself is imported on use."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that ``args`` names and import it."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub and load(stub), rest

    def get_help_option(self, ctx: Any) -> Any:
        """The usual ``--help``, with a default that needs no parsing: to parse it imports pydantic."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every summary in full."""
        commands = [self.commands[name] for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.help) for command in commands])


class Page(TyperCommand):
    """A command whose help groups its options in panels and ends with examples."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section per panel, in the order of the fields."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record:
                panels.setdefault(_panel(parameter), []).append((_shorter(parameter, record[0]), record[1]))
        for title, records in panels.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples as they are, one per line."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _panel(parameter: Any) -> str:
    if parameter.name == "help":
        return COMMON
    usual = "Options" if parameter.param_type_name == "option" else "Arguments"
    return getattr(parameter, "rich_help_panel", None) or usual


def _shorter(parameter: Any, names: str) -> str:
    """Both names of a switch as one; a place on the command line without its type."""
    if parameter.param_type_name == "argument":
        return names.partition(" <")[0]
    return SWITCH.sub(r"--[no-]\1", names)


def stub(target: str) -> Any:
    """A place holder for the function ``module:function`` of ``detox_cli.commands``."""

    def call() -> None:
        raise AssertionError(f"{target} was called without being loaded")

    call.__dict__["target"] = target
    return call


def load(command: Any) -> Any:
    """The real command behind a stub; groups and real commands come back as they are."""
    target = getattr(command.callback, "target", None)
    if target is None:
        return command
    module, _, function = target.partition(":")
    callback = getattr(import_module(f"detox_cli.commands.{module}"), function)
    page = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    examples = "\n".join(getattr(callback, "examples", ()))
    page.command(command.name, cls=Page, epilog=examples, context_settings=HELP_OPTIONS)(callback)
    return get_command(page)
