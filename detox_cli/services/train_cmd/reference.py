"""What the start of a training finds likelier, asked once and remembered."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from safetensors.torch import load_file, save_file

from detox_cli.models.loading import DTYPES
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_file
from detox_cli.services.train_cmd.batches import ChainRow, Layout
from detox_cli.services.train_cmd.contrasts import Collator, Pairs, pair_gaps
from detox_cli.services.train_cmd.sampling import resting
from detox_cli.services.training.processes import is_first, same_for_all

NAME = "reference.safetensors"


def with_reference(
    model: Any,
    layout: Layout,
    rows: Sequence[ChainRow],
    most: int,
    batch_size: int,
    folder: Path,
    kind: str,
    progress: Progress,
) -> list[ChainRow]:
    """The rows with the gaps between their answers, from ``folder`` or asked now and put there.

    Args:
        model: At its start; with an adapter that does nothing yet, or none.
        layout: Of the model.
        rows: To train on.
        most: Negatives of a row at most.
        batch_size: Rows at a time.
        folder: Where checkpoints go.
        kind: The numbers of matrix products, which are to be those of the training.
        progress: Told about the asking.
    """
    path = folder / NAME
    if same_for_all(path.is_file()):
        gaps = load_file(path)["gaps"].tolist()
    else:
        gaps = ask(model, layout, rows, most, batch_size, kind, progress)
        if is_first():
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_file(path) as temporary:
                save_file({"gaps": torch.tensor(gaps, dtype=torch.float32)}, temporary)
        PartialState().wait_for_everyone()
    found, place = [], 0
    for row in rows:
        count = len(row.negatives[:most])
        found.append(replace(row, reference=tuple(gaps[place : place + count])))
        place += count
    return found


@torch.inference_mode()
def ask(
    model: Any,
    layout: Layout,
    rows: Sequence[ChainRow],
    most: int,
    batch_size: int,
    kind: str,
    progress: Progress,
) -> list[float]:
    """How many nats likelier than each negative the positive answers are, row by row; without dropout.

    Each process asks about its share of the batches; rows of similar length go together.
    """
    state = PartialState()
    model.to(state.device)
    order = sorted((n for n, row in enumerate(rows) if row.negatives), key=lambda n: -rows[n].length)
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    collate = Collator(layout, Pairs(layout, most))
    mine: dict[int, list[float]] = {}
    numbers = torch.autocast(state.device.type, DTYPES[kind], enabled=kind != "float32")
    with resting(model), numbers, progress.task("asking the start", len(order)) as task:
        for batch in batches[state.process_index :: state.num_processes]:
            inputs = moved(collate([rows[number] for number in batch]), state.device)
            parts, labels = inputs.pop("contrast"), inputs.pop("labels")
            gaps = pair_gaps(layout, model, model(**inputs), {"labels": labels}, parts).tolist()
            for place, gap in zip(parts["owners"].tolist(), gaps, strict=True):
                mine.setdefault(batch[place], []).append(gap)
            task.advance(len(batch))
    shares = [mine] if state.num_processes == 1 else gather_object([mine])
    known = {number: gaps for share in shares for number, gaps in share.items()}
    return [gap for number in range(len(rows)) for gap in known.get(number, [])]


def moved(batch: Any, device: Any) -> Any:
    """A batch with all its tensors on a device."""
    if isinstance(batch, dict):
        return {name: moved(value, device) for name, value in batch.items()}
    return batch.to(device)
