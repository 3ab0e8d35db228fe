"""What ``--dry-run`` says: every tensor that would be changed, and the files that would hold them."""

from detox_cli.output.progress import Progress
from detox_cli.services.merge.result import MergePreview
from detox_cli.services.negate.experts import check_experts, experts_of, without_part
from detox_cli.services.negate.prepared import planned
from detox_cli.services.plan import Plan
from detox_cli.services.result import Result
from detox_cli.settings.negate import NegateSettings


def look(settings: NegateSettings, progress: Progress) -> Result:
    """List what would be negated, from the headers of the files alone.

    Raises:
        BadData: Files are damaged, or a model is of another kind than the base.
        BadSettings: Settings contradict each other.
        Missing: A model is not on this machine.
    """
    check_experts(settings)
    for words in without_part(settings):
        progress.warn(words)
    if settings.trains:
        text = ", ".join(settings.data) or str(settings.preset)
        trained = f"will train {settings.split} experts in {settings.experts}"
        return Plan(things=[("--data" if settings.data else "--preset", text, trained)])
    experts = experts_of(settings)
    with planned(settings, experts, fetch=False) as plan:
        tensors = [
            (one.name, " x ".join(map(str, one.shape)), one.dtype, one.size, f"-{settings.scale}")
            for shard in plan.merge.shards
            for one in shard.tensors
        ]
        shards = [(shard.name, shard.size) for shard in plan.merge.shards]
        return MergePreview(method=settings.method, tensors=tensors, shards=shards)
