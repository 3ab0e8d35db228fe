"""What ``--dry-run`` says: every tensor that would be merged, and the files that would hold them."""

from detox_cli.models.adapters import WEIGHTS
from detox_cli.output.progress import Progress
from detox_cli.services.merge.extracting import Extraction, planned
from detox_cli.services.merge.prepared import Prepared, prepared
from detox_cli.services.merge.result import MergePreview
from detox_cli.services.merge.stages import check_stages_are_there
from detox_cli.settings.merge import MergeSettings


def look(settings: MergeSettings, progress: Progress) -> MergePreview:
    """List what would be merged, from the headers of the files alone.

    Raises:
        BadData: The recipe cannot be followed, files are damaged, or models do not fit together.
        BadSettings: Settings contradict each other.
        Missing: A model is not on this machine, so nobody can look at it without fetching it.
    """
    if settings.extract is not None:
        with planned(settings, fetch=False) as work:
            return _adapter(work)
    check_stages_are_there(settings)
    with prepared(settings, fetch=False) as merge:
        for remark in merge.recipe.remarks:
            progress.warn(remark)
        return _preview(merge)


def _preview(merge: Prepared) -> MergePreview:
    tensors = []
    for shard in merge.shards:
        for stored in shard.tensors:
            values = merge.plan.jobs[stored.name].values
            weights = ", ".join(f"{weight:g}" for weight in values.weights)
            shape = " x ".join(map(str, stored.shape))
            tensors.append((stored.name, shape, stored.dtype, stored.size, weights))
    return MergePreview(
        method=merge.recipe.method.name,
        tensors=tensors,
        shards=[(shard.name, shard.size) for shard in merge.shards],
        remarks=list(merge.recipe.remarks),
    )


def _adapter(work: Extraction) -> MergePreview:
    tensors, total = [], 0
    for name in work.matrices:
        rows, columns = work.jobs[name].shape
        size = 4 * work.rank * (rows + columns)
        tensors.append((name, f"{rows} x {columns}", "F32", size, f"rank {work.rank}"))
        total += size
    return MergePreview(method="extract", tensors=tensors, shards=[(WEIGHTS, total)])
