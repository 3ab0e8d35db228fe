"""A small command tree with every kind of value, and names that are easy to confuse."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from detox_cli.settings.base import Flag

app = typer.Typer(add_completion=False)
train = typer.Typer(add_completion=False, help="Fine-tune: bart or lm.")
app.add_typer(train, name="train")

Profile = Annotated[str | None, typer.Option("--profile", help="Named settings."), Flag(complete="profile")]
Model = Annotated[str | None, typer.Option("--model", "-m", help="Hub id or folder."), Flag(complete="model")]
Dtype = Literal["auto", "bfloat16", "float32"]


@app.callback()
def root(profile: Profile = None, verbose: Annotated[int, typer.Option("-v", count=True)] = 0) -> None:
    """Detoxify."""


@train.command()
def bart(
    pairs: Annotated[str, typer.Argument(help="Pairs."), Flag(complete="rows")],
    model: Model = None,
    dtype: Annotated[Dtype, typer.Option(help="It's [the] type: x.")] = "auto",
    output: Annotated[Path, typer.Option("--output", "-o", file_okay=False, help="Folder.")] = Path("out"),
    scorer: Annotated[list[str] | None, typer.Option(help="Judge."), Flag(complete="scorer")] = None,
    span: Annotated[tuple[int, int], typer.Option(help="From and to.")] = (0, 1),
    task: Annotated[str, typer.Option(help="Free text.")] = "",
    recipe: Annotated[Path | None, typer.Option(help="Recipe."), Flag(complete="recipe")] = None,
    prompts: Annotated[str, typer.Option(help="Prompts."), Flag(complete="rows", words=("rtp", "bold"))] = "",
    fill: Annotated[str, typer.Option(help="Model."), Flag(complete="seq2seq")] = "",
    parts: Annotated[list[str] | None, typer.Option(help="Parts."), Flag(words=("kl", "forward"))] = None,
    lora: Annotated[bool, typer.Option("--lora/--no-lora", help="Adapters.")] = True,
) -> None:
    """Train a rewriter."""


@train.command()
def lm(model: Annotated[str, typer.Argument(help="Start."), Flag(complete="model")]) -> None:
    """Train a language model."""


@app.command()
def merge(
    names: Annotated[list[str], typer.Argument(help="What."), Flag(complete="model")], profile: Profile = None
) -> None:
    """Combine models."""


@app.command()
def rate(
    scorer: Annotated[str, typer.Argument(), Flag(complete="scorer")],
    table: Annotated[Path, typer.Argument()],
    style: Annotated[Literal["short", "long"], typer.Argument()] = "short",
) -> None:
    """Score a file."""
