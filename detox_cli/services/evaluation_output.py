"""What an evaluation leaves: a folder with rows, a summary for programs and one for eyes, and a manifest."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from detox_cli.data.writing import write_rows
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_file, atomic_folder
from detox_cli.runs.manifest import content_or_name, fingerprint, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.suites import SUITES
from detox_cli.scoring.suites.load import scorers_instead, scorers_of
from detox_cli.services.figure_rows import FigureRow, write_figures
from detox_cli.services.report.page import Element, write_page
from detox_cli.services.result import Result, Table
from detox_cli.settings.evaluate import EvalRewriteSettings

ResultT = TypeVar("ResultT", bound=Result)
NOT_DECISIVE = {"output", "rows", "overwrite", "device", "batch_tokens", "cache", "fail_if", "fail_below"}
NOT_DECISIVE |= {"engine", "ray_address", "ray_actors", "ray_cpus", "ray_gpus", "ray_restarts"}
"""Settings that change no figure."""


def evaluate_once(
    settings: EvalRewriteSettings,
    kind: type[ResultT],
    inputs: Sequence[str | Path],
    work: Callable[[Path | None, str | None], ResultT],
    progress: Progress,
) -> ResultT:
    """Let ``work`` fill what becomes ``settings.output``, unless the same evaluation has made it already.

    The place is taken first: one that cannot be used should not cost the work.

    Args:
        settings: What was asked for.
        kind: Of result.
        inputs: The files that are read.
        work: Takes the folder, ``None`` if none is wanted, and the fingerprint for `write_evaluation`.
        progress: Told if nothing is left to do.

    Raises:
        BadSettings: Something else is at the output.
        DetoxError: Another process works on it, or it cannot be written.
    """
    if settings.output is None:
        return work(None, None)
    scorers = scorers_of(SUITES[settings.suite], scorers_instead(settings))
    decisive = fingerprint(
        command="eval rewrite",
        settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
        inputs=[content_or_name(file) for file in inputs],
        scorers=[scorer_content(name) for name in scorers.values()],
    )
    with claim_output(settings.output, decisive, overwrite=settings.overwrite) as claim:
        if claim.state is not State.FINISHED:
            with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
                return work(folder, decisive)
        progress.warn(f"{settings.output} is finished already; nothing was done")
        if settings.rows is not None and not settings.rows.exists():
            with atomic_file(settings.rows) as temporary:
                shutil.copyfile(settings.output / "rows.jsonl", temporary)
        return kind.model_validate_json((settings.output / "summary.json").read_text(encoding="utf-8"))


def write_evaluation(
    settings: EvalRewriteSettings,
    result: ResultT,
    records: Sequence[Mapping[str, object]],
    folder: Path | None,
    *,
    inputs: Sequence[str | Path],
    scorers: Mapping[str, str],
    metrics: set[str],
    started: float,
    decisive: str | None,
) -> ResultT:
    """Write the rows to ``settings.rows`` and everything into ``folder``, where these are given.

    Args:
        settings: What was asked for.
        result: What came out.
        records: One per row that was scored.
        folder: What will be ``settings.output``.
        inputs: The files that were read.
        scorers: Their identities, by what they measure.
        metrics: The fields of ``result`` that the manifest repeats.
        started: `steady_time` at the start.
        decisive: The fingerprint of the run.

    Returns:
        The result, which now names what was written.
    """
    files = [path for path in (settings.output, settings.rows) if path is not None]
    result = result.model_copy(update={"files": files})
    if settings.rows is not None:
        write_rows(settings.rows, records)
    if folder is not None:
        write_report(folder, result, records)
        write_manifest(
            folder,
            command="eval rewrite",
            settings=settings.model_dump(mode="json"),
            inputs=inputs,
            models={},
            scorers=scorers,
            metrics=result.model_dump(mode="json", include=metrics),
            started=started,
            fingerprint=decisive,
        )
    return result


def write_report(folder: Path, result: Result, records: Sequence[Mapping[str, object]]) -> None:
    """Write ``rows.jsonl``, ``summary.json`` and ``summary.md`` into ``folder``."""
    write_rows(folder / "rows.jsonl", records)
    (folder / "summary.json").write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / "summary.md").write_text(markdown(result.tables()), encoding="utf-8")


def write_summary(
    folder: Path, result: Result, rows: Iterable[FigureRow], title: str, parts: Sequence[Element]
) -> None:
    """Write ``summary.json``, ``.md`` and ``.csv``, and ``report.html``, each whole.

    Args:
        folder: Where to.
        result: What came out; limits that were missed belong to a call, and are left out.
        rows: All its figures.
        title: Of the page.
        parts: What stands on the page.
    """
    summary = result.model_dump_json(indent=2, exclude={"files", "missed"})
    texts = {"summary.json": summary + "\n", "summary.md": markdown(result.tables())}
    for name, text in texts.items():
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_figures(folder / "summary.csv", rows)
    write_page(folder / "report.html", title, parts)


def markdown(tables: Sequence[Table]) -> str:
    """The tables as a Markdown page."""
    parts = []
    for table in tables:
        lines = [list(table.columns), ["---"] * len(table.columns)]
        lines += [
            ["" if cell is None else str(cell).replace("|", "\\|") for cell in row] for row in table.rows
        ]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        caption = "\n".join(f"- {line}" for line in table.caption.splitlines())
        parts.append(f"## {table.title}\n\n{body}\n" + (f"\n{caption}\n" if caption else ""))
    return "\n".join(parts)
