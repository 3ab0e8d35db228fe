"""Rows that a service computes, put where the user wants them: whole, once, and resumable."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.output.progress import Progress
from detox_cli.runs.clock import steady_time
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.services.result import Result
from detox_cli.settings.base import Section

R = TypeVar("R", bound=Result)
Compute = Callable[[Journal | None], tuple[R, Iterable[Mapping[str, Any]]]]


@dataclass(frozen=True)
class Origin:
    """What the manifest says about where the rows come from.

    Attributes:
        command: The verb, such as ``synth pairs``.
        settings: All settings of the run.
        inputs: Files, data set ids or ``-``.
        models: Identities by role.
        fingerprint: Whatever decides the rows; another run with the same one gives the same bytes.
        scorers: Identities of scorers, by what they measure.
    """

    command: str
    settings: Section
    inputs: Sequence[str | None]
    models: Mapping[str, Mapping[str, str]]
    fingerprint: str
    scorers: Mapping[str, str] = field(default_factory=dict)


def write_once(
    target: str,
    origin: Origin,
    kind: type[R],
    compute: Compute[R],
    progress: Progress,
    *,
    overwrite: bool,
    rejects: Rejects | None = None,
) -> R:
    """Compute rows and write them to ``target``; its journal, manifest and lock are taken care of.

    A finished output of the same fingerprint is not computed again: its result is read from the manifest,
    and its list of ``rejects`` stays.
    ``-`` is stdout, which has no journal.

    Raises:
        BadSettings: Something else is at the target.
        DetoxError: Another process works on it, or it cannot be written.
    """
    started = steady_time()
    if target == "-":
        result, rows = compute(None)
        write_rows(target, rows)
        return result
    with claim_output(target, origin.fingerprint, overwrite=overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.warn(f"{target} is finished already; nothing was done")
            if rejects is not None:
                rejects.restore()
            return kind(**(read_manifest(claim.path) or {})["metrics"])
        with claim.resumable_work() as journal:
            result, rows = compute(journal)
        write_rows(claim.path, rows)
        write_manifest(
            claim.path,
            command=origin.command,
            settings=origin.settings.model_dump(mode="json"),
            inputs=[name for name in origin.inputs if name and name != "-"],
            models=origin.models,
            scorers=origin.scorers,
            metrics=result.model_dump(mode="json"),
            started=started,
            fingerprint=origin.fingerprint,
        )
        claim.finish()
    return result


def rejects_path(rejects: Path | None, output: str) -> Path | None:
    """Where rows that cannot be used go; nowhere but into the count if the output is stdout."""
    return Path(f"{output}.rejects.jsonl") if rejects is None and output != "-" else rejects
