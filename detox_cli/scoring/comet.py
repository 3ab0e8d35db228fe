"""COMET, the learned metric of machine translation, as CLEF TextDetox 2025 uses it for fluency."""

import importlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detox_cli.errors import Missing

WAYS_OUT = (
    "unbabel-comet wants an older transformers than detox: install it with detox's scorers replaced "
    "(--fl hf:ORG/MODEL#acceptable=LABEL), or use --suite detox --profile offline"
)


@dataclass(frozen=True)
class CometScorer:
    """COMET of (source, output, reference): how well output says what source and reference say, 0 to 1."""

    model: Any
    name: str
    version: str
    batch_size: int = 16

    @property
    def identity(self) -> str:
        """Kind, model, version of the package."""
        return f"comet {self.name} unbabel-comet={self.version}"

    def score(self, triples: Sequence[tuple[str, str, str]]) -> list[float]:
        """The segment score of each triple, in order."""
        rows = [{"src": source, "mt": output, "ref": reference} for source, output, reference in triples]
        predicted = self.model.predict(rows, batch_size=self.batch_size, progress_bar=False)
        return [float(score) for score in predicted["scores"]]

    def too_long(self, triples: Sequence[tuple[str, str, str]]) -> int:
        """Unknown to us: the package cuts by itself and does not say."""
        return 0


def load_comet(name: str) -> CometScorer:
    """Load a COMET checkpoint by its hub name.

    Raises:
        Missing: The package is not installed, or the checkpoint cannot be had.
    """
    try:
        comet = importlib.import_module("comet")
        version = importlib.metadata.version("unbabel-comet")
    except ImportError as error:
        raise Missing(
            f"comet:{name} needs the package unbabel-comet, which is not installed", hint=WAYS_OUT
        ) from error
    try:
        model = comet.load_from_checkpoint(comet.download_model(name))
    except Exception as error:  # the package raises what its downloader happens to raise
        raise Missing(f"the COMET checkpoint {name} cannot be had: {error}", hint=WAYS_OUT) from error
    return CometScorer(model, name, version)
