"""What was written and counted so far, from which a killed run goes on."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from detox_cli.models.loading import Loaded
from detox_cli.models.neurons.moments import Kind, Streaming
from detox_cli.models.neurons.parts import Neurons
from detox_cli.models.neurons.reading import Written
from detox_cli.runs.atomic import atomic_file
from detox_cli.runs.journal import Journal
from detox_cli.services.probe.prompts import Asked, continued

Tensors = dict[str, Tensor]


class Steps:
    """A folder beside the output with every step that is done, by name.

    Args:
        output: Of the run.
        fingerprint: Of the run; what another run has left is removed.
    """

    def __init__(self, output: Path, fingerprint: str) -> None:
        self.folder = output.with_name(output.name + ".unfinished")
        self.fingerprint, owner = fingerprint, self.folder / "run"
        if self.folder.exists() and (not owner.exists() or owner.read_text("utf-8") != fingerprint):
            self.forget()
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(owner) as temporary:
            temporary.write_text(fingerprint, encoding="utf-8")

    def written(
        self, name: str, loaded: Loaded, asked: Sequence[Asked], new_tokens: int, batch_tokens: int
    ) -> list[Written]:
        """What a model writes; what is written already is read."""
        with Journal(self.folder / f"{name}.journal", self.fingerprint) as journal:
            return continued(loaded, asked, new_tokens, batch_tokens, journal)

    def tensors(self, name: str, compute: Callable[[], Tensors]) -> Tensors:
        """What a step gives; it is not computed again where it is there already."""
        path = self.folder / f"{name}.safetensors"
        if not path.exists():
            found = compute()
            with atomic_file(path) as temporary:
                save_file({key: value.contiguous() for key, value in found.items()}, temporary)
        return load_file(path)

    def forget(self) -> None:
        """Remove everything: the output is in place."""
        shutil.rmtree(self.folder)


def state_of(stream: Streaming) -> Tensors:
    """What has been counted, as tensors."""
    counts = torch.tensor(list(stream.counts.values()))
    named = {"mean": stream.mean, "squares": stream.squares, "low": stream.low, "high": stream.high}
    return {**named, "above": stream.above, "counts": counts}


def stream_from(neurons: Neurons, kind: Kind, state: Tensors) -> Streaming:
    """The other way round."""
    stream = Streaming(neurons, kind)
    stream.mean, stream.squares = state["mean"], state["squares"]
    stream.low, stream.high, stream.above = state["low"], state["high"], state["above"]
    stream.counts = dict(zip(neurons.parts, state["counts"].tolist(), strict=True))
    return stream
