"""``detox negate``: a model and toxic experts in, the model without what they have learnt out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detox_cli.models.merging.layout import write_index
from detox_cli.models.merging.rounding import Round
from detox_cli.models.merging.vector_survey import Looked, look_over
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.clock import steady_time
from detox_cli.runs.manifest import read_manifest
from detox_cli.runs.output import Claim, State, claim_output
from detox_cli.services.merge.run import chosen_rounding, cores
from detox_cli.services.merge.shards import finished_shards
from detox_cli.services.negate.experts import check_experts, experts_of, trained_experts, without_part
from detox_cli.services.negate.prepared import Planned, base_of, planned, recipe_for_mergekit
from detox_cli.services.negate.result import NegateResult, Orders, Sweep, Vectors
from detox_cli.services.negate.save import save
from detox_cli.services.negate.stages import Stages
from detox_cli.settings.negate import NegateSettings

SILENT = Silent()
OF_THE_MACHINE = {"output", "overwrite", "device", "batch_tokens", "cache", "password", "concurrency"}


def run(settings: NegateSettings, stages: Stages, progress: Progress = SILENT) -> NegateResult:
    """Train experts if asked to, find the scale if several are given, and write the model.

    A killed run goes on after its last expert, candidate or file; one that is finished does nothing.

    Raises:
        BadData: Files are damaged, numbers are not finite, or a model is of another kind than the base.
        BadSettings: Settings contradict each other, or something else is at the output.
        DetoxError: The disk is full.
        Missing: A model, a scorer or a file cannot be had.
    """
    started = steady_time()
    check_experts(settings)
    for words in without_part(settings):
        progress.warn(words)
    experts = trained_experts(settings, stages, progress) if settings.trains else experts_of(settings)
    with (
        planned(settings, experts, _measured(settings, stages)) as plan,
        claim_output(settings.output, plan.merge.identity, overwrite=settings.overwrite) as claim,
    ):
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            manifest = read_manifest(settings.output) or {}
            return NegateResult(files=[settings.output], **manifest["metrics"])
        threads = settings.threads or cores()
        rounding = chosen_rounding(settings, settings.seed, plan.merge.plan, progress)
        found = _sweep(settings, stages, plan, threads, rounding, progress)
        if found is not None and found.chosen is None:
            return _result(settings, plan, None, found)
        scale = found.chosen.scale if found is not None and found.chosen else settings.scales[0]
        assert scale is not None
        return _write(
            settings, stages, plan, claim, scale, found, experts, threads, rounding, started, progress
        )


def _measured(settings: NegateSettings, stages: Stages) -> dict[str, Any] | None:
    """What decides measurements, where there are any."""
    return stages.measure.model_dump(mode="json", exclude=OF_THE_MACHINE) if settings.sweeps else None


def _sweep(
    settings: NegateSettings, stages: Stages, plan: Planned, threads: int, rounding: Round, progress: Progress
) -> Sweep | None:
    """The measured candidates; ``None`` where one scale is given."""
    if not settings.sweeps:
        return None
    progress.stage("loading torch…")  # which nothing else here needs
    from detox_cli.services.negate.measuring import MeasuredBase
    from detox_cli.services.negate.sweep import sweep

    base = base_of(settings)
    measure = stages.measure.model_copy(update={"model": base.model, "revision": base.revision})
    subject = MeasuredBase(measure, settings.text, plan, threads, rounding, progress)
    return sweep(settings, subject, plan, progress)


def _write(
    settings: NegateSettings,
    stages: Stages,
    plan: Planned,
    claim: Claim,
    scale: float,
    found: Sweep | None,
    experts: Sequence[str],
    threads: int,
    rounding: Round,
    started: float,
    progress: Progress,
) -> NegateResult:
    merge = plan.with_jobs(scale, None)
    progress.stage(f"looking over {len(experts)} task vectors")
    with progress.task("tensors", len(plan.jobs)) as task:
        looked = look_over(
            plan.at(scale), plan.types, rounding, threads, settings.orders, lambda: task.advance()
        )
    progress.stage(f"writing {len(plan.jobs)} tensors at scale {scale:g}, {merge.size / 1e6:,.1f} MB")
    result = _result(
        settings, plan, scale, found, _vectors(looked, experts, scale), _orders(looked, settings)
    )
    recipe = recipe_for_mergekit(settings, experts, scale)
    measured = _measured(settings, stages) or {}
    with (
        finished_shards(merge, claim, threads, rounding, progress) as unfinished,
        atomic_folder(settings.output, overwrite=True) as folder,
    ):
        for shard in merge.shards:
            (unfinished / shard.name).rename(folder / shard.name)
        write_index(merge.shards, folder)
        save(plan, folder, settings, result, recipe, measured, threads, started, progress)
    _forget_sweep(settings.output)
    return result.model_copy(update={"files": [settings.output]})


def _forget_sweep(output: Path) -> None:
    """The sweep is in the folder now."""
    output.with_name(output.name + ".sweep.journal").unlink(missing_ok=True)


def _result(
    settings: NegateSettings,
    plan: Planned,
    scale: float | None,
    found: Sweep | None,
    vectors: Vectors | None = None,
    orders: Orders | None = None,
) -> NegateResult:
    return NegateResult(
        base=settings.base,
        method=settings.method,
        order=settings.order,
        scale=scale,
        dtypes=sorted(set(plan.types.values())),
        bytes=plan.merge.size,
        vectors=vectors,
        orders=orders,
        sweep=found,
    )


def _vectors(looked: Looked, experts: Sequence[str], scale: float) -> Vectors:
    total = looked.parameters
    touched_same = looked.unchanged - looked.untouched
    return Vectors(
        experts=list(experts),
        lengths=[float(square) ** 0.5 for square in looked.products.diagonal()],
        cosines=looked.cosines.tolist(),
        shrink=looked.shrink if scale else None,
        predicted=looked.predicted,
        step=looked.step**0.5,
        parameters=total,
        untouched=looked.untouched / total,
        unchanged=looked.unchanged / total,
        cancelled=looked.cancelled / total,
        rounded=(touched_same - looked.cancelled) / total if scale else 0.0,
        small=looked.small / total,
    )


def _orders(looked: Looked, settings: NegateSettings) -> Orders | None:
    if not settings.orders:
        return None
    other = "negate-first" if settings.order == "merge-first" else "merge-first"
    return Orders(other=other, largest=looked.apart, stored=looked.stored_apart)
