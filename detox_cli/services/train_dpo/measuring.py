"""What a model writes while it is tuned: how toxic, how likely its start finds it, how far it has gone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.seeds import row_seed
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Silent
from detox_cli.scoring.divergence import (
    FIRST_TOKENS,
    answer_log_probabilities,
    divergences,
    greedy_beginnings,
)
from detox_cli.scoring.language_id import RTP_LX, LanguageIdentifier
from detox_cli.scoring.load import load_text_scorer
from detox_cli.scoring.protocol import TextScorer
from detox_cli.services.eval_generation.collect import Drawing, collect, requests_for
from detox_cli.services.eval_generation.figures import Counting
from detox_cli.services.eval_generation.measure import Measured, from_generations
from detox_cli.services.eval_generation.protocols import PROTOCOLS
from detox_cli.services.eval_generation.score import Instruments
from detox_cli.services.train_dpo.tracking import NeuronTracker, read_tracked
from detox_cli.services.training.callbacks import Metrics
from detox_cli.settings.train_dpo import DpoSettings
from detox_cli.statistics.bootstrap import Estimate

PROTOCOL = PROTOCOLS["crosslingual"]
CLOSING = 500
"""Prompts at most in the closing measurement, others than those that chose the checkpoint."""
MOST_NUMBERS = 2**27
"""Probabilities of the start that are kept to measure the distance from it; half a gigabyte."""
OUT_OF_BOUNDS = 1000.0
"""What a step outside the budgets has on top of what it is chosen by."""
SCORED = ("expected_maximum", "probability", "mean")
SPOKEN, LANGUAGE = "in_language", "--max-language-loss"
SEED = "dpo"


@dataclass(frozen=True)
class Budget:
    """How far a model may go.

    Attributes:
        kl: Nats per token from its start.
        perplexity: The most that perplexity may rise, as a share of what it was.
        language: The most that the share of continuations in their prompt's language may fall.
    """

    kl: float | None = None
    perplexity: float | None = None
    language: float | None = None

    def keeps(self, kl: float, rise: float, lost: float = 0.0) -> bool:
        """Whether a model is within it."""
        bounds = ((self.kl, kl), (self.perplexity, rise), (self.language, lost))
        return not any(most is not None and found > most for most, found in bounds)


@dataclass(frozen=True)
class Prompts:
    """Prompts to choose a checkpoint with, and others for the end; the same ones where there are too few."""

    choosing: list[Prompt]
    closing: list[Prompt]

    @property
    def told(self) -> str:
        """Which prompts the closing figures are of."""
        same = self.closing == self.choosing
        return f"{len(self.closing)} prompts, " + (
            "which also chose the step" if same else "which chose nothing"
        )


def find_prompts(settings: DpoSettings) -> Prompts | None:
    """The prompts that the settings name.

    Raises:
        BadData: The file holds no prompts. Missing: it is not there.
    """
    if settings.prompts is None:
        return None
    found = read_prompts(
        settings.prompts, Rejects(), password=settings.password, languages=list(settings.lang)
    )
    seen: dict[str | None, int] = {}
    choosing: list[Prompt] = []
    others: list[Prompt] = []
    for prompt in found:
        seen[prompt.lang] = seen.get(prompt.lang, 0) + 1
        (choosing if seen[prompt.lang] <= settings.prompt_rows else others).append(prompt)
    return Prompts(choosing, others[:CLOSING] if len(others) >= len(choosing) / 2 else choosing)


def _identifier(prompts: Sequence[Prompt]) -> LanguageIdentifier:
    """Tells the languages of the prompts from others."""
    langs = {prompt.lang for prompt in prompts} - {None}
    if not langs:
        hint = "give the prompts a column lang, or leave it out"
        raise BadSettings("none of the prompts says its language", where=LANGUAGE, hint=hint)
    return LanguageIdentifier({*RTP_LX, *map(str, langs)})


class Start:
    """The model before training, as what is written later is judged by it.

    Args:
        loaded: The model at its start, its tokenizer and its source.
        copy: A frozen copy of it; ``None`` where an adapter can be taken off.
    """

    def __init__(self, loaded: Loaded, copy: Any | None) -> None:
        self.loaded, self._copy = loaded, copy

    @contextmanager
    def judging(self, model: Any) -> Iterator[Loaded]:
        """The start, as a judge; ``model`` is what it has become."""
        if self._copy is not None:
            yield Loaded(self._copy, self.loaded.tokenizer, self.loaded.source)
        elif hasattr(model, "disable_adapter"):
            with model.disable_adapter():
                yield self.of(model)
        else:
            yield self.of(model)

    def of(self, model: Any) -> Loaded:
        """A model that has come from the start, without what peft has put around it."""
        bare = model.get_base_model() if hasattr(model, "get_base_model") else model
        return Loaded(bare, self.loaded.tokenizer, self.loaded.source)


class Measure:
    """Measures a model before, during and after its training, the same way each time.

    Args:
        settings: Samples, scorer, budgets, and what the checkpoint is chosen by.
        prompts: What is continued.
        start: Judges.
    """

    def __init__(self, settings: DpoSettings, prompts: Prompts, start: Start) -> None:
        self.settings, self.prompts, self.start = settings, prompts, start
        self.scorer: TextScorer = load_text_scorer(settings.toxicity, device=settings.device)
        self.budget = Budget(settings.max_kl, settings.max_ppl_increase, settings.max_language_loss)
        self.languages = None if self.budget.language is None else _identifier(prompts.choosing)
        self.tracked = read_tracked(settings.track_neurons) if settings.track_neurons else None
        self.tracker: NeuronTracker | None = None
        self.neurons_before: dict[str, Estimate] = {}

    def before_and_after(self, model: Any) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
        """The closing figures of the start, and of what it has become."""
        after = self.named(self.write(model, self.prompts.closing))
        before = self.named(self.before_closing) | self.neurons_before
        return before, after | self.neurons(model, self.prompts.closing)

    def begin(self, model: Any) -> None:
        """Measure the start; call it before the first step."""
        self.before = self.write(model, self.prompts.choosing)
        if self.languages is not None and SPOKEN not in self.before.figures:
            hint = "give longer prompts of other languages, or leave it out"
            raise BadData("no continuation is long enough to tell its language", where=LANGUAGE, hint=hint)
        same = self.prompts.closing == self.prompts.choosing
        self.before_closing = self.before if same else self.write(model, self.prompts.closing)
        self._remember(self.start.of(model).model)
        if self.tracked is not None:
            where, prompts = str(self.settings.track_neurons), self.prompts.choosing
            self.tracker = NeuronTracker(self.tracked, self.start.of(model), prompts, where)
            self.neurons_before = self.neurons(model, self.prompts.closing)

    def neurons(self, model: Any, prompts: Sequence[Prompt]) -> dict[str, Estimate]:
        """How active the neurons are that are followed; nothing where none are."""
        return self.tracker.measure(self.start.of(model), prompts) if self.tracker is not None else {}

    def during(self, model: Any, loss: float) -> Metrics:
        """Toxicity, perplexity, distance, and what the step is chosen by: ``objective``, less is better."""
        figures = self.named(self.write(model, self.prompts.choosing))
        told = ("perplexity", SPOKEN, *SCORED)
        found = {name: estimate.mean for name, estimate in figures.items() if name in told}
        found["kl"] = self.distance(model)
        active = self.neurons(model, self.prompts.choosing)
        found |= {name: estimate.mean for name, estimate in active.items()}
        rise = found["perplexity"] / self.named(self.before)["perplexity"].mean - 1
        within = self.budget.keeps(found["kl"], rise, self._lost(found))
        goal = found["expected_maximum"] if self.settings.select == "toxicity" else loss
        if self.settings.target_toxicity is not None:
            found["target_reached"] = float(within and goal <= self.settings.target_toxicity)
        return found | {
            "perplexity_rise": rise,
            "within_budget": float(within),
            "objective": goal if within else goal + OUT_OF_BOUNDS,
        }

    def _lost(self, found: Metrics) -> float:
        """How much smaller the share in the prompts' languages is; where none is long enough, all of it."""
        if self.languages is None:
            return 0.0
        return self.before.figures[SPOKEN].mean - found.get(SPOKEN, 0.0)

    def write(self, model: Any, prompts: Sequence[Prompt]) -> Measured:
        """Continue the prompts, and judge by the start."""
        count, silent = self.settings.samples, Silent()
        drawing = Drawing(count, PROTOCOL.sampling, seed=row_seed(self.settings.seed, SEED))
        engine = TransformersEngine(self.start.of(model))
        requests = requests_for(prompts, drawing, None)
        written, unanswered = collect(engine, prompts, requests, PROTOCOL.sampling, None, silent)
        counting = Counting((count,), PROTOCOL.threshold, PROTOCOL.strict, self.settings.seed)
        with self.start.judging(model) as judge:
            scorers, counts_empty = {self.settings.toxicity: self.scorer}, PROTOCOL.counts_empty
            tools = Instruments(scorers, judge, languages=self.languages, counts_empty=counts_empty)
            return from_generations(written, tools, counting, unanswered, silent)

    def named(self, measured: Measured) -> dict[str, Estimate]:
        """The figures by short names: ``expected_maximum``, ``probability``, ``mean``, ``perplexity``, …"""
        stem = f"{self.settings.toxicity}/"
        return {name.removeprefix(stem).partition("@")[0]: value for name, value in measured.figures.items()}

    def distance(self, model: Any) -> float:
        """KL of the start from the model over the first tokens that the start answers, nats per token."""
        bare = self.start.of(model).model
        now = answer_log_probabilities(bare, self._texts, self._answers)
        return float(divergences(self._probabilities, now).mean.mean())

    @torch.inference_mode()
    def _remember(self, model: Any) -> None:
        tokenizer = self.start.loaded.tokenizer
        most = max(1, MOST_NUMBERS // (FIRST_TOKENS * int(model.config.get_text_config().vocab_size)))
        texts = [prompt.text for prompt in self.prompts.choosing[: min(64, most)]]
        self._texts = [tuple(tokenizer(text, verbose=False)["input_ids"]) for text in texts]
        ends = TransformersEngine(self.start.of(model)).stop_tokens(chat=False)
        self._answers = [tuple(ids) for ids in greedy_beginnings(model, self._texts, ends)]
        self._probabilities = answer_log_probabilities(model, self._texts, self._answers)
