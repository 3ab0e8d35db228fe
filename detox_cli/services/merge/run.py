"""``detox merge``: models of one kind in, one model out, tensor by tensor."""

import os
from pathlib import Path

import numpy as np

from detox_cli.models.checkpoint.numbers import SHORT
from detox_cli.models.merging.layout import write_index
from detox_cli.models.merging.plan import MergePlan
from detox_cli.models.merging.rounding import Round, rounding_of
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.clock import steady_time
from detox_cli.runs.manifest import read_manifest
from detox_cli.runs.output import Claim, State, claim_output
from detox_cli.services.merge.prepared import Prepared, prepared
from detox_cli.services.merge.result import Folded, MergeResult, too_different
from detox_cli.services.merge.save import save_manifest, write_side_files
from detox_cli.services.merge.shards import finished_shards
from detox_cli.services.merge.stages import make_stages
from detox_cli.settings.merge import MergeSettings, MergeWriting

SILENT = Silent()


def run(settings: MergeSettings, progress: Progress = SILENT) -> MergeResult:
    """Read the recipe, open the models, write file by file, and put the folder in place.

    A killed run goes on after its last whole file; one that is finished does nothing. Of a recipe in several
    documents, all before the last are made first, as runs of their own.

    Raises:
        BadData: The recipe cannot be followed, files are damaged, numbers are not finite, or models differ.
        BadSettings: Settings contradict each other, or something else is at the output.
        DetoxError: The disk is full, or folding an adapter does not give what the adapter gives.
        Missing: A model cannot be had.
    """
    started = steady_time()
    make_stages(settings, run, progress)
    with prepared(settings) as merge:
        for remark in merge.recipe.remarks:
            progress.warn(remark)
        with claim_output(settings.output, merge.identity, overwrite=settings.overwrite) as claim:
            if claim.state is State.FINISHED:
                progress.stage("this run is finished already")
                manifest = read_manifest(settings.output) or {}
                return MergeResult(files=[settings.output], **manifest["metrics"])
            return _merge(merge, claim, settings, progress, started)


def _merge(
    merge: Prepared, claim: Claim, settings: MergeSettings, progress: Progress, started: float
) -> MergeResult:
    threads = settings.threads or cores()
    rounding = chosen_rounding(settings, settings.seed, merge.plan, progress)
    count = len(merge.plan.jobs)
    progress.stage(f"{merge.recipe.method.name}: {count} tensors, {merge.size / 1e6:,.1f} MB")
    with (
        finished_shards(merge, claim, threads, rounding, progress) as unfinished,
        atomic_folder(settings.output, overwrite=True) as folder,
    ):
        for shard in merge.shards:
            (unfinished / shard.name).rename(folder / shard.name)
        write_index(merge.shards, folder)
        write_side_files(merge, folder, settings)
        result = _result(merge, _compare(merge, folder, settings, progress))
        save_manifest(merge, folder, settings, result, started, threads)
    return result.model_copy(update={"files": [settings.output]})


def chosen_rounding(settings: MergeWriting, seed: int, plan: MergePlan, progress: Progress) -> Round:
    """How sums become stored numbers; warns where that makes no difference."""
    if settings.rounding == "stochastic" and not SHORT & set(plan.types.values()):
        progress.warn("--rounding has no effect: the written numbers are as wide as the sums")
    return rounding_of(settings.rounding, seed)


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _compare(merge: Prepared, folder: Path, settings: MergeSettings, progress: Progress) -> Folded | None:
    """The logits of the folded model beside those of model plus adapter, if this is a folding."""
    adapter = merge.models.models[0].adapter
    if settings.adapter is None or adapter is None or not settings.compare:
        return None
    from detox_cli.services.merge.folding import compare_logits  # torch is needed for this alone

    progress.stage("comparing logits…")
    found = compare_logits(merge.models.models[0].checkpoint.folder, adapter, folder, merge.plan.types)
    if problem := too_different(found):
        raise problem
    return found


def _result(merge: Prepared, folded: Folded | None) -> MergeResult:
    recipe, models = merge.recipe, merge.models
    shapes = [job.shape for job in merge.plan.jobs.values()]
    return MergeResult(
        method=recipe.method.name,
        models=[str(model.named) for model in models.models],
        base=str(models.base.named) if models.base else None,
        tensors=len(shapes),
        parameters=sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes),
        bytes=merge.size,
        shards=len(merge.shards),
        tokens=merge.vocabulary.aligned.size if merge.vocabulary else None,
        dtypes=sorted(set(merge.plan.types.values())),
        remarks=list(recipe.remarks),
        folded=folded,
    )
