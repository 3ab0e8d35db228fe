"""Cards of models and data: what the Hub reads at the top of ``README.md``, and a person below it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from detox_cli.runs.atomic import atomic_file

CARD = "README.md"


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


@dataclass(frozen=True)
class DataCard:
    """What is known about rows that a run has made.

    Args:
        name: The data set's name.
        summary: What it is and what it is for, in a paragraph.
        files: What can be loaded from the folder: file by name of the configuration, the usual one first.
        rows: Of the first file.
        licence: The identifier of the Hub, or ``unknown``.
        languages: ISO codes.
        tags: For the Hub's search.
        sections: Parts of the page: Markdown by title.
        limits: What it should not be used for, one sentence each.
        command: The command that makes it again.
    """

    name: str
    summary: str
    files: Mapping[str, str]
    rows: int
    licence: str = "unknown"
    languages: Sequence[str] = ()
    tags: Sequence[str] = ()
    sections: Mapping[str, str] = field(default_factory=dict)
    limits: Sequence[str] = ()
    command: str | None = None


def write_card(folder: str | Path, card: Card | DataCard) -> Path:
    """Write ``README.md`` into the folder, unless it says the same already, and return its path."""
    path = Path(folder) / CARD
    text = card_text(card) if isinstance(card, Card) else data_card_text(card)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
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
    parts += _made_by(card.command)
    if card.training:
        parts += ["## Settings", "\n".join(f"- `{key}`: {value}" for key, value in card.training.items())]
    return "\n\n".join([*parts, *_rest(card)]) + "\n"


def data_card_text(card: DataCard) -> str:
    """The card of a data set: front matter for the Hub and ``load_dataset``, then Markdown."""
    parts = [f"---\n{_data_front_matter(card)}\n---", f"# {card.name}", card.summary, *_made_by(card.command)]
    return "\n\n".join([*parts, *_rest(card)]) + "\n"


def _made_by(command: str | None) -> list[str]:
    return ["## Made by", f"```sh\n{command}\n```"] if command else []


def _rest(card: Card | DataCard) -> list[str]:
    parts = [part for title, text in card.sections.items() if text for part in (f"## {title}", text)]
    return [*parts, "## Limits", "\n".join(f"- {it}" for it in card.limits)] if card.limits else parts


def _interval(figure: Figure) -> str:
    """A single row has none, however often it is drawn."""
    known = figure.n > 1 or figure.low < figure.high
    return f"{figure.low:.3f}–{figure.high:.3f}" if known else "none"


def _figure_table(figures: Sequence[Figure]) -> str:
    rows = [f"| {it.name} | {it.data} | {it.value:.3f} | {_interval(it)} | {it.n} |" for it in figures]
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


def _data_front_matter(card: DataCard) -> str:
    from huggingface_hub import DatasetCardData

    data = DatasetCardData(
        pretty_name=card.name,
        license=card.licence,
        language=list(card.languages) or None,
        size_categories=[_size(card.rows)],
        tags=list(card.tags) or None,
        configs=[
            {"config_name": name, "data_files": file, **({"default": True} if place == 0 else {})}
            for place, (name, file) in enumerate(card.files.items())
        ],
    )
    return data.to_yaml().strip()


def _size(rows: int) -> str:
    """The Hub's words for how many rows there are."""
    bounds = {1_000: "1K", 10_000: "10K", 100_000: "100K", 1_000_000: "1M", 10_000_000: "10M"}
    words = ["n<1K", *(f"{a}<n<{b}" for a, b in pairwise(bounds.values())), "n>10M"]
    return words[sum(rows >= bound for bound in bounds)]
