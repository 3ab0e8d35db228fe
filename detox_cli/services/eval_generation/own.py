"""What is measured of the model itself, beside its continuations: each a file that is written once.

Its perplexity on a text, how far it has moved from its base, how near it stays to given continuations, and
the tasks of lm-evaluation-harness. All of it needs the model's probabilities, so the model in this process.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import Field

from detox_cli.data.streams import hash_stream, is_stream
from detox_cli.errors import BadSettings
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import content_or_name, fingerprint
from detox_cli.scoring.perplexity import corpus_perplexity
from detox_cli.services.engine import Writer
from detox_cli.services.eval_generation.asking import Asked
from detox_cli.services.eval_generation.divergence import Moved, divergence_rows, find_moved
from detox_cli.services.eval_generation.harness import check_tasks, task_figures
from detox_cli.services.eval_generation.protocols import Protocol
from detox_cli.services.eval_generation.reference import mean_of, overlap_rows, read_references
from detox_cli.services.eval_generation.stages import StageResult, stage
from detox_cli.services.eval_generation.text import read_text, windowed_losses
from detox_cli.services.row_output import Origin
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.statistics.bootstrap import Estimate

TEXT, KL, F1, TASKS = "text.jsonl", "kl.jsonl", "f1.jsonl", "tasks.jsonl"
OPTIONS = ("text", "kl_to", "f1", "lm_eval")
"""Settings that need the model in this process."""
Rows = list[dict[str, Any]]


class OwnResult(StageResult):
    """Figures of the model itself."""

    figures: dict[str, Estimate] = Field(description="By name, each with its interval.")


@dataclass
class Opened:
    """A model that is loaded when it is first needed, once."""

    writer: Writer
    progress: Progress

    @cached_property
    def engine(self) -> Any:
        """The engine with the model in memory."""
        return self.writer.load(self.progress)

    @property
    def loaded(self) -> Loaded:
        """The model and its tokenizer."""
        engine: TransformersEngine = self.engine
        return Loaded(engine.model, engine.tokenizer, engine.source)

    def close(self) -> None:
        """Let go of the model, so that another one has room."""
        self.__dict__.pop("engine", None)


@dataclass(frozen=True)
class OwnInputs:
    """What was found for the figures of the model itself, before its weights are loaded.

    Attributes:
        text: The text of ``settings.text``.
        moved: The base and the prompts of ``settings.kl_to``.
        references: The rows of ``settings.f1``.
    """

    text: str | None
    moved: Moved | None
    references: Sequence[Any]


def find_own(settings: EvalGenerationSettings, protocol: Protocol, asked: Asked) -> OwnInputs:
    """Read and find everything that the figures of the model itself need.

    Raises:
        BadSettings: The model does not run in this process, or the base has another vocabulary.
        BadData: A file cannot be read.
        Missing: The base is not there, or lm-evaluation-harness is not installed.
    """
    for name in OPTIONS:
        if getattr(settings, name) and settings.engine != "transformers":
            flag = f"--{name.replace('_', '-')}"
            hint = f"leave {flag} out, or use --engine transformers"
            raise BadSettings("this needs the model in this process", where=flag, hint=hint)
    check_tasks(settings.lm_eval)
    if settings.f1 and is_stream(settings.f1):
        hash_stream(
            settings.f1
        )  # it is read now, and what was read decides later whether it is measured again
    return OwnInputs(
        read_text(settings.text, protocol) if settings.text else None,
        find_moved(settings, asked) if settings.kl_to else None,
        read_references(settings.f1) if settings.f1 else (),
    )


def own_stages(
    settings: EvalGenerationSettings,
    protocol: Protocol,
    inputs: OwnInputs,
    opened: Opened,
    progress: Progress,
) -> dict[str, Estimate]:
    """All figures of the model itself that are asked for; the divergence last, as it loads the base."""
    made = _Stages(settings, opened, progress)
    found: dict[str, Estimate] = {}
    if inputs.text is not None:
        found |= made.text(inputs.text, protocol)
    if inputs.references:
        found |= made.overlap(inputs.references)
    if settings.lm_eval:
        found |= made.tasks(settings.lm_eval)
    if inputs.moved is not None:
        found |= made.moved(inputs.moved, protocol)
    return found


@dataclass(frozen=True)
class _Stages:
    settings: EvalGenerationSettings
    opened: Opened
    progress: Progress

    def text(self, text: str, protocol: Protocol) -> dict[str, Estimate]:
        def compute() -> tuple[dict[str, Estimate], Rows]:
            self.progress.stage("perplexity of the text")
            losses = windowed_losses(self.opened.loaded, text, protocol, self.progress)
            rows = [{"id": str(i), "nats": one.nats, "tokens": one.tokens} for i, one in enumerate(losses)]
            return {"text_perplexity": corpus_perplexity(losses, self.settings.seed)}, rows

        decides = {
            "text": content_or_name(str(self.settings.text)),
            "window": [protocol.window, protocol.stride, protocol.blank_lines],
        }
        return self._once(TEXT, [str(self.settings.text)], decides, compute)

    def overlap(self, references: Sequence[Any]) -> dict[str, Estimate]:
        def compute() -> tuple[dict[str, Estimate], Rows]:
            self.progress.stage("overlap with given continuations")
            rows = overlap_rows(self.opened.engine, references)
            return mean_of(rows, ("f1", "f1_legacy"), self.settings.seed), rows

        return self._once(
            F1, [self.settings.f1], {"references": content_or_name(str(self.settings.f1))}, compute
        )

    def tasks(self, names: Sequence[str]) -> dict[str, Estimate]:
        def compute() -> tuple[dict[str, Estimate], Rows]:
            self.progress.stage(f"lm-evaluation-harness: {', '.join(names)}")
            return task_figures(self.opened.loaded, names, self.settings.seed)

        return self._once(TASKS, [], {"tasks": list(names)}, compute)

    def moved(self, moved: Moved, protocol: Protocol) -> dict[str, Estimate]:
        def compute() -> tuple[dict[str, Estimate], Rows]:
            rows = divergence_rows(moved, self.opened, protocol.sampling.max_new_tokens, self.progress)
            return {"kl": moved.figure(rows, self.settings.seed)}, rows

        decides = {"tokens": protocol.sampling.max_new_tokens, **moved.decides}
        return self._once(KL, [self.settings.kl_prompts], decides, compute, {"base": moved.base.identity})

    def _once(
        self,
        name: str,
        inputs: Sequence[str | None],
        decides: Mapping[str, object],
        compute: Callable[[], tuple[dict[str, Estimate], Rows]],
        others: Mapping[str, Mapping[str, str]] | None = None,
    ) -> dict[str, Estimate]:
        def work(_: Journal | None) -> tuple[OwnResult, Iterable[Mapping[str, Any]]]:
            figures, rows = compute()
            return OwnResult(prompts=0, samples=len(rows), figures=figures), rows

        writer = self.opened.writer
        decisive = fingerprint(
            command="eval generation", seed=self.settings.seed, writer=writer.decisive, **decides
        )
        models = {"writer": writer.identity, **(others or {})}
        origin = Origin("eval generation", self.settings, inputs, models, decisive)
        return stage(self.settings, name, origin, OwnResult, work, self.progress).figures
