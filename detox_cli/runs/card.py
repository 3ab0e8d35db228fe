"""Model cards: what the Hub reads at the top of ``README.md``, and what a person reads below it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detox_cli.runs.atomic import atomic_file


@dataclass(frozen=True)
class Figure:
    """A measured number: its mean with a bootstrap interval over ``n`` rows.

    Args:
        name: What was measured, with suite and aggregation if it has them: ``STA (detoxify:original)``.
        value: The mean.
        low: The lower end of the 95 % interval.
        high: The upper end.
        n: On how many rows.
        data: On which rows: ``ParaDetox, held out``.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    data: str


@dataclass(frozen=True)
class Card:
    """What is known about a model that a run has made.

    Args:
        name: The model's name.
        summary: What it is and what it is for, in a paragraph.
        licence: The identifier of the Hub, such as ``apache-2.0``, or ``other``; ``None`` if it is unknown.
        base_models: What it was made from: Hub ids, or names.
        datasets: What it was trained on: Hub ids, or names.
        languages: ISO codes.
        tags: For the Hub's search.
        task: The Hub's pipeline tag, such as ``text2text-generation``.
        figures: What was measured.
        training: The settings that made it.
        sections: Further parts of the page: Markdown by title.
        limits: What it should not be used for, one sentence each.
        command: The command that makes it again.
    """

    name: str
    summary: str
    licence: str | None = None
    base_models: Sequence[str] = ()
    datasets: Sequence[str] = ()
    languages: Sequence[str] = ()
    tags: Sequence[str] = ()
    task: str | None = None
    figures: Sequence[Figure] = ()
    training: Mapping[str, object] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)
    limits: Sequence[str] = ()
    command: str | None = None


def write_card(folder: str | Path, card: Card) -> Path:
    """Write ``README.md`` into the model's folder and return its path."""
    path = Path(folder) / "README.md"
    with atomic_file(path) as temporary:
        temporary.write_text(card_text(card), encoding="utf-8")
    return path


def card_text(card: Card) -> str:
    """The whole card: YAML front matter that the Hub understands, then Markdown."""
    parts = [f"---\n{_front_matter(card)}\n---", f"# {card.name}", card.summary]
    if card.figures:
        parts += ["## Figures", _figure_table(card.figures), "Means with 95 % bootstrap intervals."]
    if card.base_models or card.datasets:
        made = [f"Made from {', '.join(card.base_models)}." if card.base_models else ""]
        made += [f"Trained on {', '.join(card.datasets)}." if card.datasets else ""]
        parts += ["## Origin", " ".join(filter(None, made))]
    if card.command:
        parts += ["## Made by", f"```sh\n{card.command}\n```"]
    if card.training:
        parts += ["## Settings", "\n".join(f"- `{key}`: {value}" for key, value in card.training.items())]
    parts += [part for title, text in card.sections.items() if text for part in (f"## {title}", text)]
    if card.limits:
        parts += ["## Limits", "\n".join(f"- {limit}" for limit in card.limits)]
    return "\n\n".join(parts) + "\n"


def _figure_table(figures: Sequence[Figure]) -> str:
    rows = [
        f"| {it.name} | {it.data} | {it.value:.3f} | {it.low:.3f}–{it.high:.3f} | {it.n} |" for it in figures
    ]
    return "\n".join(["| figure | data | mean | interval | n |", "|---|---|--:|:-:|--:|", *rows])


def _front_matter(card: Card) -> str:
    # The Hub's own library knows its format; it is needed only where a model has been trained.
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type=card.task or "text-generation",
            dataset_type=figure.data,
            dataset_name=figure.data,
            metric_type=figure.name,
            metric_value=figure.value,
        )
        for figure in card.figures
    ]
    data = ModelCardData(
        model_name=card.name,
        license=card.licence,
        language=list(card.languages) or None,
        base_model=list(card.base_models) or None,
        datasets=[name for name in card.datasets if "/" in name] or None,
        tags=list(card.tags) or None,
        pipeline_tag=card.task,
        library_name="transformers",
        eval_results=results or None,
    )
    return data.to_yaml().strip()
