"""What the figures say, in sentences that name them."""

from collections.abc import Sequence

from detox_cli.models.neurons.groups import AGAINST, GROUPS
from detox_cli.services.probe_activations.controls import ALIKE
from detox_cli.services.probe_activations.result import Control, ProbeActivationsResult
from detox_cli.services.probe_diff.result import KindRow, ShiftRow, TensorRow
from detox_cli.statistics.bootstrap import Estimate

SURE = 0.05


def findings(
    kinds: Sequence[KindRow],
    tensors: Sequence[TensorRow],
    shifts: Sequence[ShiftRow],
    activations: ProbeActivationsResult,
) -> list[str]:
    """Where weights moved, whether in the toxic subspace, how the stream moved, and which neurons did it."""
    moved = sorted((one for one in kinds if one.share > 0), key=lambda one: -one.share)
    if not moved:
        return ["The two models have the same weights."]
    return [
        _where(moved, tensors),
        _how(moved, tensors),
        *_subspace(moved),
        _stream(shifts),
        *_neurons(activations),
    ]


def _where(moved: Sequence[KindRow], tensors: Sequence[TensorRow]) -> str:
    changed, all_of = sum(one.step > 0 for one in tensors), len(tensors)
    first = ", ".join(f"{one.kind} {one.share:.0%}" for one in moved[:3])
    whole = sum(one.step**2 for one in tensors)
    lengths = sum((one.step / one.relative) ** 2 for one in tensors if one.relative)
    relative = (whole / lengths) ** 0.5 if lengths else 0.0
    return (
        f"{changed} of {all_of} tensors changed, by {relative:.2%} of the length of those that did; of the "
        f"squared difference: {first}."
    )


def _how(moved: Sequence[KindRow], tensors: Sequence[TensorRow]) -> str:
    ranks = sorted(one.rank for one in tensors if one.rank is not None)
    lowest = min((one.cosine for one in tensors if one.cosine is not None), default=1.0)
    if not ranks:
        return f"The lowest cosine of a tensor with its earlier self is {lowest:.4f}."
    middle = ranks[len(ranks) // 2]
    kind = "about one direction each" if middle < 1.5 else "in many directions" if middle > 5 else "in a few"
    return (
        f"The differences have a median stable rank of {middle:.1f} ({kind}); the lowest cosine of a tensor "
        f"with its earlier self is {lowest:.4f}."
    )


def _subspace(moved: Sequence[KindRow]) -> list[str]:
    judged = [one for one in moved if one.toxic is not None and one.p is not None]
    if not judged:
        return []
    parts = []
    for one in judged[:3]:
        beyond = "more than chance" if (one.p or 1) <= SURE else "no more than chance"
        parts.append(
            f"{one.toxic:.1%} of {one.kind} ({beyond}: 95 % of others hold below {one.random_high:.1%})"
        )
    return [f"Of the difference the toxic subspace holds {'; '.join(parts)}."]


def _stream(shifts: Sequence[ShiftRow]) -> str:
    down = [one for one in shifts if one.shift.high < 0 and one.p <= SURE]
    up = [one for one in shifts if one.shift.low > 0 and one.p <= SURE]
    last = shifts[-1]
    said = f"after the last block by {last.shift.written('.2f')}"
    if down and not up:
        layers = ", ".join(str(one.layer) for one in down)
        return (
            f"The stream moves away from the probe, farther than along 95 % of random directions, in layers "
            f"{layers}; {said} standard deviations."
        )
    if up and not down:
        layers = ", ".join(str(one.layer) for one in up)
        return f"The stream moves towards the probe in layers {layers}; {said} standard deviations."
    if up and down:
        return f"The stream moves away from the probe in some layers and towards it in others; {said}."
    return (
        f"In no layer does the stream move along the probe farther than along random directions; {said} "
        "standard deviations."
    )


def _neurons(activations: ProbeActivationsResult) -> list[str]:
    found = []
    controls = {one.name: one for one in activations.controls}
    groups = {row.group: row.shift for row in activations.groups}
    if groups:
        whole, parts = groups["all"], {name: groups[name].mean for name in GROUPS}
        one, four = controls["projected shift"], controls["shift by the four groups"]
        found.append(
            f"What MLPs write along the probe changes by {_interval(whole)}, p = {one.p:.3f} beside "
            f"{one.n} directions. The four groups take {sum(parts.values()):.3g} (most: "
            f"{min(GROUPS, key=parts.__getitem__)}), all others give {groups[AGAINST].mean:+.3g}; groups "
            f"that are formed the same way for directions by chance take {four.mean:.3g} "
            f"[{four.low:.3g}, {four.high:.3g}], p = {four.p:.3f}."
        )
    change = activations.languages[-1].change_same if activations.languages else None
    beside = controls.get("change on the same tokens")
    alike = controls.get("change on the same tokens" + ALIKE)
    if change is not None and beside is not None:
        found.append(
            f"The {activations.followed} neurons that are followed change by {_interval(change)} towards the "
            f"probe on the same tokens; random sets of the same layers by {beside.mean:.3g} "
            f"[{beside.low:.3g}, {beside.high:.3g}], p = {beside.p:.3f}{_alike(alike)}."
        )
    return found


def _alike(one: Control | None) -> str:
    if one is None:
        return ""
    size = f"{one.mean:.3g} [{one.low:.3g}, {one.high:.3g}], p = {one.p:.3f}"
    return f"; such of neurons that are active alike by {size}"


def _interval(one: Estimate) -> str:
    return one.written(".3g")
