"""What lies beside the weights of a detoxified model: card, recipe, sweep, manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from detox_cli.data.writing import write_rows
from detox_cli.models.licence import model_licence
from detox_cli.output.progress import Progress
from detox_cli.runs.card import Card, Figure, write_card
from detox_cli.runs.manifest import write_manifest
from detox_cli.services.evaluation_output import markdown
from detox_cli.services.merge.save import RECIPE, copy_side_files, model_records, shown_name
from detox_cli.services.negate.picture import draw_sweep
from detox_cli.services.negate.prepared import OF_THE_MERGE, Planned
from detox_cli.services.negate.result import Candidate, NegateResult, Sweep, sweep_table
from detox_cli.services.repeating import command_again
from detox_cli.settings.negate import NegateSettings

SWEEP = "sweep"
NOT_REPEATED = frozenset(NegateSettings.model_fields) - set(OF_THE_MERGE)
"""The scale is chosen and the experts are named; only how they are merged is left to say."""


def save(
    planned: Planned,
    folder: Path,
    settings: NegateSettings,
    result: NegateResult,
    recipe: Mapping[str, Any] | None,
    measured: Mapping[str, Any],
    threads: int,
    started: float,
    progress: Progress,
) -> None:
    """Everything but the weights.

    Args:
        planned: Base and experts.
        folder: The model's folder to be.
        settings: What was asked for.
        result: What came out.
        recipe: The same as a recipe for `merge`, where there is one.
        measured: The settings by which candidates were measured; empty without a sweep.
        threads: How many hash.
        started: `steady_time` at the start.
        progress: Listens.
    """
    copy_side_files(planned.merge, folder)
    if recipe is not None:
        text = yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True)
        (folder / RECIPE).write_text(text, encoding="utf-8")
    if result.sweep is not None:
        write_sweep(result.sweep, folder / SWEEP, settings.picture, progress)
    _card(planned, folder, settings, result)
    inputs = [path for path in (settings.prompts, settings.text, *settings.data) if path is not None]
    write_manifest(
        folder,
        command="negate",
        settings=settings.model_dump(mode="json") | ({"eval generation": measured} if measured else {}),
        inputs=inputs,
        models=model_records(planned.merge.models, threads),
        scorers=result.sweep.scorers if result.sweep else {},
        metrics=result.model_dump(mode="json", exclude={"files"}),
        started=started,
        fingerprint=planned.merge.identity,
    )


def write_sweep(sweep: Sweep, folder: Path, picture: str, progress: Progress) -> None:
    """``sweep.json``, ``sweep.csv``, ``sweep.md`` and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sweep.json").write_text(sweep.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / "sweep.md").write_text(markdown([sweep_table(sweep)]), encoding="utf-8")
    write_rows(folder / "sweep.csv", [_row(one) for one in sweep.candidates])
    if picture != "none":
        draw_sweep(sweep, folder / f"sweep.{picture}", progress)


def _row(one: Candidate) -> dict[str, object]:
    """A candidate as one line of a table: every figure with its interval."""
    row: dict[str, object] = {
        "name": one.name,
        "scale": one.scale,
        "chosen": one.chosen,
        "within": one.within,
    }
    named = {"toxicity": one.toxicity, "change": one.change, "text perplexity": one.perplexity}
    named |= {"increase": one.increase, **one.figures}
    for name, estimate in named.items():
        for part in ("mean", "low", "high", "n"):
            row[f"{name} {part}"] = estimate.parts()[part] if estimate is not None else None
    return row | {"p": one.p, "front_share": one.front_share}


def _card(planned: Planned, folder: Path, settings: NegateSettings, result: NegateResult) -> None:
    models = planned.merge.models.everyone
    licences = {found for model in models if (found := model_licence(model.source))}
    count = len(planned.merge.models.models)
    scale = f"{result.scale:g}"
    named = [str(model.named) for model in planned.merge.models.models]
    experts = [word for name in named for word in ("--expert", shown_name(name))]
    words = ["detox", "negate", shown_name(settings.base), *experts, "--scale", scale]
    card = Card(
        name=settings.output.name,
        summary=(
            f"{shown_name(settings.base)} minus {scale} times what {count} models learnt that were trained "
            f"on toxic text (merged by `{settings.method}`)."
        ),
        licence=next(iter(licences)) if len(licences) == 1 else None,
        base_models=[shown_name(settings.base)],
        tags=["detoxification", "merge", "task-vector"],
        task="text-generation",
        figures=_figures(result.sweep),
        sections={
            "Sweep": _without_title(markdown([sweep_table(result.sweep)])) if result.sweep else "",
            "Licences": "" if len(licences) < 2 else f"Its parts are under {', '.join(sorted(licences))}.",
        },
        limits=(
            "Less toxic on the prompts of the sweep is not harmless on yours.",
            *(() if result.sweep else ("Nothing was measured: see `detox eval generation`.",)),
        ),
        command=command_again(words, settings, NOT_REPEATED, (), settings.output),
    )
    write_card(folder, card)


def _without_title(page: str) -> str:
    return page.partition("\n\n")[2]


def _figures(sweep: Sweep | None) -> list[Figure]:
    if sweep is None or sweep.chosen is None:
        return []
    one = sweep.chosen
    figures = {sweep.figure: (one.toxicity, sweep.prompt_set)}
    figures["perplexity"] = (one.perplexity, sweep.text)
    return [Figure(name, e.mean, e.low, e.high, e.n, data) for name, (e, data) in figures.items()]
