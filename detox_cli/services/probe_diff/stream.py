"""The residual stream of both models on the same tokens, layer by layer."""

import numpy as np

from detox_cli.models.comparison.shift import LayerShift, layer_shift, mean_streams
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.reading import Written
from detox_cli.output.progress import Progress
from detox_cli.services.probe.opened import Opened
from detox_cli.services.probe_activations.figures import Drawing
from detox_cli.services.probe_diff.result import ShiftRow
from detox_cli.settings.probe_diff import ProbeDiffSettings


def stream_shifts(
    base: Opened,
    other: Opened,
    texts: list[Written],
    direction: Floats,
    random: Floats,
    settings: ProbeDiffSettings,
    progress: Progress,
) -> list[LayerShift]:
    """Every layer's shift; both models read ``texts``, which the first one wrote."""
    read = []
    for opened in (base, other):
        name = opened.loaded.source.name
        with progress.task(f"reading the stream of {name}", len(texts)) as task:
            anatomy = opened.vectors.neurons.anatomy
            read.append(mean_streams(opened.model, anatomy, texts, settings.batch_tokens, task.advance))
    unit = random / np.linalg.norm(random, axis=1, keepdims=True)
    return [
        layer_shift(
            layer,
            read[0][:, layer].astype(np.float64),
            read[1][:, layer].astype(np.float64),
            direction,
            unit,
            settings.components,
        )
        for layer in range(read[0].shape[1])
    ]


def shift_rows(shifts: list[LayerShift], units: list[str], draw: Drawing) -> list[ShiftRow]:
    """Figures of every layer, with intervals over prompts; ``units`` says which ones are translations."""
    return [_row(one, units, draw) for one in shifts]


def _row(one: LayerShift, units: list[str], draw: Drawing) -> ShiftRow:
    sizes = np.abs(one.by_chance)
    shift = draw.mean(one.projections, units)
    return ShiftRow(
        layer=one.layer,
        relative=one.relative,
        shift=shift,
        p=float((1 + (sizes >= abs(shift.mean)).sum()) / (1 + len(sizes))),
        random_high=float(np.quantile(sizes, 0.95)),
        same_way=one.same_way,
        principal=one.spread,
    )
