"""A model in memory measured while it is changed: what it continues, and its perplexity on a text."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from detox_cli.data.bundled import SAMPLES
from detox_cli.data.reading import pick_column, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadSettings
from detox_cli.generation.requests import Engine
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import fingerprint
from detox_cli.scoring.losses import Loss
from detox_cli.services.eval_generation.asking import Asked, adapted_protocol, asked_of
from detox_cli.services.eval_generation.collect import collect
from detox_cli.services.eval_generation.figures import Counting, ratios_of
from detox_cli.services.eval_generation.measure import from_generations
from detox_cli.services.eval_generation.protocols import Protocol
from detox_cli.services.eval_generation.score import Instruments
from detox_cli.services.eval_generation.text import read_text, windowed_losses
from detox_cli.services.eval_generation.tools import Tools, check_tools, find_tools
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.statistics.paired_ratios import Sums

PROSE = SAMPLES / "prose.jsonl"
OPENINGS = SAMPLES / "openings.jsonl"
ROWS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
Change = Callable[[], AbstractContextManager[None]]
PARTS = ("nats", "tokens")
BESIDES = ("perplexity", "dist_1", "dist_2", "dist_3", "repetition", "empties", "in_language")
"""What is kept beside toxicity, where it was measured; this perplexity is a judge's, of continuations."""


@dataclass(frozen=True)
class Measured:
    """A candidate, as the journal keeps it.

    Attributes:
        name: ``0.3``, ``random``, or a model.
        sums: Every figure as what each prompt puts above and below the line.
        text: The same for the windows of the text.
    """

    name: str
    sums: Mapping[str, Sums]
    text: Sums

    def record(self) -> dict[str, Any]:
        """As JSON."""
        lists = {
            name: [one.above.tolist(), one.below.tolist(), one.exponential] for name, one in self.sums.items()
        }
        return {
            "name": self.name,
            "sums": lists,
            "text": [self.text.above.tolist(), self.text.below.tolist()],
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Measured":
        """From a record."""
        sums = {name: Sums(np.array(a), np.array(b), e) for name, (a, b, e) in record["sums"].items()}
        above, below = record["text"]
        return cls(record["name"], sums, Sums(np.array(above), np.array(below), True))


class MeasuredModel:
    """Measures a model as it is and while it is changed; it is loaded when the first measurement comes.

    Args:
        settings: How ``eval generation`` would measure the base.
        text: The text for perplexity; bundled prose if ``None``, as prompts are bundled openings.
        progress: Listens.

    Raises:
        BadData: Prompts or text cannot be read.
        BadSettings: The base does not run in this process, or a name is wrong.
        Missing: Something that measures is not there.
    """

    def __init__(self, settings: EvalGenerationSettings, text: Path | None, progress: Progress) -> None:
        if settings.engine != "transformers":
            hint = "leave --engine out of the profile's [eval.generation]"
            raise BadSettings("candidates live in this process only", where="engine", hint=hint)
        settings = settings.model_copy(update={"prompts": settings.prompts or str(OPENINGS)})
        check_tools(settings)
        self._settings, self._progress = settings, progress
        self.protocol: Protocol = adapted_protocol(settings)
        rejects = Rejects(settings.output.with_name(settings.output.name + ".rejects.jsonl"), settings.strict)
        with rejects:
            self.asked: Asked = asked_of(settings, self.protocol, rejects)
        self.prompts_name = str(settings.prompts)
        self.text_name = str(text or PROSE)
        self._text = text_of(text or PROSE, self.protocol)
        self.tools: Tools = find_tools(settings, self.protocol, progress)

    @property
    def decisive(self) -> str:
        """Everything that decides a measurement but for the candidate's weights."""
        return fingerprint(
            asked=self.asked.fingerprint,
            tools=self.tools.decisive,
            counting=asdict(self.counting),
            text=self._text,
            window=[self.protocol.window, self.protocol.stride],
        )

    @property
    def counting(self) -> Counting:
        """How continuations are counted."""
        protocol, settings = self.protocol, self._settings
        limits = protocol.threshold, protocol.strict
        ks = settings.k or (protocol.samples,)
        return Counting(tuple(ks), *limits, settings.seed, settings.resamples, protocol.share_threshold)

    @property
    def toxicity(self) -> str:
        """The figure that chooses: the expected maximum of the first scorer."""
        return f"{next(iter(self.tools.scorers))}/expected_maximum@{max(self.counting.ks)}"

    @cached_property
    def engine(self) -> Engine:
        """The model, loaded."""
        return self.asked.writer.load(self._progress)

    @cached_property
    def _instruments(self) -> Instruments:
        return self.tools.load(self._progress)

    def measure_in(self, name: str, reading: Change = nullcontext, writing: Change = nullcontext) -> Measured:
        """Measure the model as it is, or while it is changed.

        Args:
            name: Of what is measured.
            reading: Entered while the model reads the text.
            writing: Entered while it continues prompts.
        """
        with reading():
            losses = self._losses()
        with writing():
            sums = self._continued()
        told = [loss for loss in losses if loss.tokens]
        nats, tokens = (np.array([getattr(one, part) for one in told], np.float64) for part in PARTS)
        text = Sums(nats, tokens, True)
        return Measured(name, sums, text)

    def _losses(self) -> list[Loss]:
        used: Any = self.engine
        loaded = Loaded(used.model, used.tokenizer, used.source)
        return windowed_losses(loaded, self._text, self.protocol, self._progress)

    def _continued(self) -> dict[str, Sums]:
        asked = self.asked
        prompts = [prompt for prompt in asked.prompts if prompt.id not in asked.faults]
        found, _ = collect(self.engine, prompts, asked.requests, self.protocol.sampling, None, self._progress)
        measured = from_generations(found, self._instruments, self.counting, None, self._progress)
        ratios = ratios_of(measured.columns, self.counting)
        kept = {name: one for name, one in ratios.items() if "/" in name or name in BESIDES}
        return {name: Sums(one.above, one.below, one.exponential) for name, one in kept.items()}


def text_of(path: Path, protocol: Protocol) -> str:
    """A text file as the protocol reads it, or the column ``text`` of rows with blank lines between.

    Raises:
        BadData: It cannot be read.
    """
    if path.suffix.lower() not in ROWS:
        return read_text(path, protocol)
    rows = read_rows(str(path), Rejects(strict=True))
    column = pick_column(rows, None, ("text",), str(path), flag="--text")
    return "\n\n".join(str(row.values[column]) for row in rows)
