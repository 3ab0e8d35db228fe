"""What ``--extract`` makes of every tensor, one after the other; a killed run goes on after the last one."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from detox_cli.models.merging.block import Numbers, matrix_shape
from detox_cli.models.merging.low_rank import low_rank
from detox_cli.models.merging.tensor import Job
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import write_errors
from detox_cli.runs.journal import Journal
from detox_cli.runs.output import Claim
from detox_cli.services.merge.result import Extracted
from detox_cli.services.merge.unfinished import unfinished_work

LEFT, RIGHT = "left", "right"


@contextmanager
def finished_factors(
    jobs: Mapping[str, Job],
    matrices: Collection[str],
    rank: int,
    turned: bool,
    claim: Claim,
    progress: Progress,
) -> Iterator[tuple[list[Extracted], dict[str, Numbers]]]:
    """Every tensor that differs, and the factors of those that are matrices; at the end nothing else is left.

    Args:
        jobs: The difference of every tensor.
        matrices: Which of them become products.
        rank: Of the products.
        turned: Whether matrices are stored on their side.
        claim: On the output.
        progress: Listens.

    Yields:
        What differs, in the order of the tensors, and ``left`` and ``right`` of every matrix by
        ``NAME.left`` and ``NAME.right``.

    Raises:
        BadData: Numbers are not finite, or a file is cut off.
        DetoxError: The disk is full.
    """
    with unfinished_work(claim, _noted) as (folder, journal):
        with write_errors(claim.path):
            folder.mkdir(parents=True, exist_ok=True)
            done = _noted(folder, journal)
            with progress.task("tensors", len(jobs), len(done)) as task:
                for number, (name, job) in enumerate(jobs.items()):
                    if name not in done:
                        piece = _piece(folder, number) if name in matrices else None
                        found = _one(job, rank, turned, piece)
                        journal.append({"tensor": name, "found": found.model_dump() if found else None})
                        task.advance()
        done = _noted(folder, journal)
        records = [found for name in jobs if (found := done[name])]
        yield records, _factors(folder, jobs, {found.tensor for found in records} & set(matrices))


def _one(job: Job, rank: int, turned: bool, piece: Path | None) -> Extracted | None:
    """What a tensor has learnt, if anything; its factors, if it may have any, are written to ``piece``."""
    from safetensors.numpy import save_file

    delta = _difference(job)
    length = float(np.linalg.norm(delta.astype(np.float64)))
    if not length or piece is None:
        return Extracted(tensor=job.tensor, length=length, error=1.0) if length else None
    made = low_rank(np.ascontiguousarray(delta.T) if turned else delta, rank, job.tensor)
    save_file({LEFT: made.left, RIGHT: made.right}, piece)
    return Extracted(tensor=job.tensor, length=made.length, error=made.error)


def _difference(job: Job) -> Numbers:
    """What the tuned model adds to a tensor, ``[rows, columns]``."""
    blocks = [job.block(*place) for stripe in job.stripes for place in stripe]
    found = np.concatenate([job.sure(block.task_vectors[0]) for block in blocks])
    return found.reshape(matrix_shape(job.shape))


def _piece(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.safetensors"


def _noted(folder: Path, journal: Journal) -> dict[str, Extracted | None]:
    """What was found out of every tensor so far; nothing, if somebody has taken the pieces away."""
    if not folder.is_dir():
        return {}
    records = list(journal.records())
    return {one["tensor"]: Extracted(**one["found"]) if one["found"] else None for one in records}


def _factors(folder: Path, jobs: Mapping[str, Job], wanted: set[str]) -> dict[str, Numbers]:
    from safetensors.numpy import load_file

    found: dict[str, Numbers] = {}
    for number, name in enumerate(jobs):
        if name in wanted:
            found |= {f"{name}.{side}": value for side, value in load_file(_piece(folder, number)).items()}
    return found
