"""The command table: what ``detox --help`` shows, in order, without importing any command."""

from typing import Any

import typer

from detox_cli import __version__
from detox_cli.lazy import HELP_OPTIONS, LazyGroup, stub

# panel -> command -> (module:function in detox_cli.commands, the first line of its docstring)
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Start here": {
        "demo": ("demo:demo", "Walk the whole road on the bundled sample: write, train, rewrite, score."),
    },
    "Make data": {
        "synth pairs": ("synth:pairs", "Write a neutral version of every toxic sentence with an LLM."),
        "synth preferences": (
            "synth:preferences",
            "Pair a model's least toxic continuations with its most toxic ones, for train dpo.",
        ),
        "synth chain": (
            "synth:chain",
            "Make self-detoxification chains of prompts: mask, fill, continue, score; for train cmd.",
        ),
    },
    "Change a model": {
        "abliterate": (
            "abliterate:abliterate",
            "Remove a behaviour, such as refusing, from a model's weights, and measure what that changed.",
        ),
        "merge": (
            "merge:merge",
            "Merge models, task vectors or adapters; recipes of mergekit are read as they are.",
        ),
        "negate": (
            "negate:negate",
            "Take away what toxic experts have learnt; find the scale by measuring.",
        ),
        "train bart": ("train.bart:bart", "Train a sequence-to-sequence rewriter on pairs."),
        "train lm": (
            "train.lm:lm",
            "Tune a language model on texts; with --split N, the experts for negate.",
        ),
        "train cmd": (
            "train.cmd:cmd",
            "Tune a language model on self-detoxification chains, with a contrast of answers.",
        ),
        "train dpo": (
            "train.dpo:dpo",
            "Tune a causal language model on preferences, so that it continues text less toxically.",
        ),
        "train spans": (
            "train.spans:spans",
            "Train a detector of toxic spans on texts in which they are marked.",
        ),
    },
    "Use and measure": {
        "generate": ("generate:generate", "Write continuations or rewrites for a file of prompts."),
        "eval generation": (
            "evaluate:generation",
            "Measure what a model continues: toxicity, fluency and diversity, in five published protocols.",
        ),
        "eval rewrite": (
            "evaluate:rewrite",
            "Score rewrites: STA, SIM, FL and J in a published suite, with intervals and baselines.",
        ),
        "eval compare": (
            "evaluate:compare",
            "Compare two or more systems row by row: paired tests, a judge in both orders, Pareto front.",
        ),
        "eval calibrate": (
            "evaluate:calibrate",
            "Hold a scorer against human labels, per language, and save it calibrated.",
        ),
    },
    "Look inside": {
        "probe train": (
            "probe:train",
            "Find where a model's hidden states tell toxic text apart: linear probes at every layer.",
        ),
        "probe vectors": (
            "probe:vectors",
            "List the value vectors that lie along a probe, how active they are, and what they say.",
        ),
        "probe intervene": (
            "probe:intervene",
            "Change value vectors or a direction by doses; measure toxicity and perplexity beside chance.",
        ),
        "probe retrieval": (
            "probe:retrieval",
            "Find out at which layers a sentence lies nearest to its translation.",
        ),
        "probe predict-transfer": (
            "probe:predict_transfer",
            "Predict what a detoxification does in each language, from how well it is retrieved.",
        ),
        "probe activations": (
            "probe:activations",
            "Count every neuron while a model writes, before and after tuning, per language.",
        ),
        "probe diff": (
            "probe:diff",
            "Show what changed from one model to another: weights, residual stream and neurons.",
        ),
    },
    "Housekeeping": {
        "doctor": (
            "doctor:doctor",
            "Check versions, devices, the model hub and what is bundled; say how to mend what is wrong.",
        ),
        "report": (
            "report:report",
            "Put finished outputs on one self-contained page: figures, pictures, recipe and origin.",
        ),
        "status": (
            "status:status",
            "Say where the work on outputs stands: finished, running, or stopped and how to go on.",
        ),
        "profile list": ("profile:list_profiles", "List the profiles that can be named, and where they are."),
        "profile show": ("profile:show", "Print a profile with everything that it extends."),
        "profile check": ("profile:check", "Check every value of profiles, whatever command it is for."),
        "profile copy": ("profile:copy", "Copy a profile to where you can edit it."),
        "completion": ("completion:completion", "Print a completion script, or install it."),
    },
}

GROUPS = {
    "eval": "Score systems: toxicity, meaning and fluency.",
    "probe": "Look inside a model: where toxicity lives, and what a detoxification changed.",
    "profile": "List, show, check and copy profiles.",
    "synth": "Write training data with a language model.",
    "train": "Train a model that makes text or itself less toxic.",
}


class Root(LazyGroup):
    """The top of the tree, in the order of the table."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The first words of all commands, each once."""
        return list(dict.fromkeys(path.split()[0] for entries in COMMANDS.values() for path in entries))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; a second word without its first one, such as ``bart``, is named in full."""
        paths = [path for entries in COMMANDS.values() for path in entries]
        full = [path for path in paths if path.split()[1:] == args[:1]]
        if args[0] not in self.commands and full:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(map(repr, full))}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the whole table, one section per panel."""
        width = max(len(path) for entries in COMMANDS.values() for path in entries)
        for panel, entries in COMMANDS.items():
            with formatter.section(panel):
                formatter.write_dl([(f"{path:{width}}", summary) for path, (_, summary) in entries.items()])


def new_group(help_text: str, cls: type[LazyGroup] = LazyGroup) -> typer.Typer:
    """An empty group whose commands are imported when they are called."""
    return typer.Typer(
        cls=cls,
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=HELP_OPTIONS,
    )


def print_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        typer.echo(f"detox {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """The whole tree, made of stubs."""
    root = new_group(
        "Detoxify language models: write neutral data, train on it, measure it, look inside.", Root
    )
    root.callback()(root_options)
    groups: dict[str, typer.Typer] = {}
    for entries in COMMANDS.values():
        for path, (target, summary) in entries.items():
            *parents, name = path.split()
            for parent in parents:
                if parent not in groups:
                    groups[parent] = new_group(GROUPS[parent])
                    root.add_typer(groups[parent], name=parent)
            home = groups[parents[0]] if parents else root
            home.command(name, help=summary)(stub(target))
    return root


def root_options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", callback=print_version, is_eager=True
    ),
) -> None:
    """Nothing to do before the command: its own options say everything."""


app = build()
