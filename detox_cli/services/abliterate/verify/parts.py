"""What is computed with a model, one part after the other; each gives JSON that a journal can keep."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from torch import Tensor

from detox_cli.errors import BadData
from detox_cli.generation.requests import Request, Sampling
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.loading import Loaded
from detox_cli.models.removal import Removal
from detox_cli.output.progress import Progress
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.divergence import answer_log_probabilities, divergences, greedy_beginnings
from detox_cli.scoring.instruction_refusals import declines
from detox_cli.scoring.load import load_text_scorer
from detox_cli.scoring.losses import Loss
from detox_cli.scoring.perplexity import text_losses
from detox_cli.scoring.refusal_classifier import RefusalJudge
from detox_cli.services.abliterate.contrast.make import ANSWER_TOKENS
from detox_cli.services.abliterate.verify import answering
from detox_cli.services.abliterate.verify.forward import (
    MOST_PROMPTS,
    Strength,
    largest_shares,
    strengths,
)
from detox_cli.services.abliterate.verify.inputs import Inputs
from detox_cli.services.abliterate.verify.options import Conversation, VerifyOptions
from detox_cli.services.abliterate.verify.stages import Model, Stages
from detox_cli.services.abliterate.verify.verification import Side

Row = answering.Row
NO_TEMPLATE = "has no chat template: prompts are plain text, 'User: …' and 'Assistant:'"
FOLDED = "has no system role in its template: system texts open the user's turn"


class Parts:
    """The parts of one verification.

    Args:
        inputs: What models are measured on.
        options: How.
        stages: Finished parts.
        progress: Who listens.
    """

    def __init__(self, inputs: Inputs, options: VerifyOptions, stages: Stages, progress: Progress) -> None:
        self.inputs, self.options, self.stages, self.progress = inputs, options, stages, progress
        self._beginnings: list[list[int]] = []
        self._answered: list[bool] = []
        self._logs: dict[Side, list[Tensor]] = {}

    def chat(self, side: Side, model: Model) -> str | None:
        """What to know about how prompts reach a model, if anything."""
        name = self.stages.get(f"{side}/chat", lambda: model.engine.reader.chat.name)
        said = {"plain": NO_TEMPLATE, "template without system role": FOLDED}.get(name)
        has_system = self.options.system is not None or bool(self.inputs.sentences)
        return said if name == "plain" or has_system else None

    def task(self, side: Side, model: Model) -> list[Row]:
        """How a model rewrites the sentences of the task."""

        def compute() -> list[Row]:
            return answering.rewrites(model.engine, self.inputs.sentences, self.progress, f"task, {side}")

        rows: list[Row] = self.stages.get(f"{side}/task", compute)
        return rows

    def answers(self, side: Side, model: Model, name: str, prompts: Sequence[Conversation]) -> list[Row]:
        """How a model answers prompts; the texts are kept only if that is asked for."""

        def compute() -> list[Row]:
            keep, label = self.options.keep_answers, f"{name}, {side}"
            length = self.options.new_tokens
            return answering.judged_answers(
                model.engine, prompts, length, keep, self._judge(), self.progress, label
            )

        rows: list[Row] = self.stages.get(f"{side}/{name}", compute)
        return rows

    def _judge(self) -> RefusalJudge | None:
        """The classifier of refusals, if one is named."""
        if self.options.refusal_scorer is None:
            return None
        scorer = load_text_scorer(self.options.refusal_scorer, device=self.options.device)
        return RefusalJudge(scorer, cache=ScoreCache(on_warning=self.progress.warn))

    def losses(self, side: Side, model: Model) -> list[Loss]:
        """What a model loses on every text."""

        def compute() -> list[Any]:
            losses = text_losses(
                _loaded(model.engine),
                self.inputs.texts,
                window=self.options.window,
                batch_tokens=self.options.batch_tokens,
                progress=self.progress,
                label=f"perplexity, {side}",
            )
            return [astuple(loss) for loss in losses]

        return [Loss(*values) for values in self.stages.get(f"{side}/perplexity", compute)]

    def shares(self, side: Side, model: Model, removal: Removal) -> dict[str, float]:
        """What a model's modules write along the directions on real prompts."""

        def compute() -> dict[str, float]:
            prompts = [*self.inputs.positive[:MOST_PROMPTS], *self.inputs.negative[:MOST_PROMPTS]]
            ids = encode(model.engine, prompts, 1, f"forward, {side}")
            return largest_shares(model.engine.model, ids, removal, self.options.targets)

        shares: dict[str, float] = self.stages.get(f"{side}/forward", compute)
        return shares

    def strengths(self, model: Model, removal: Removal) -> dict[str, Strength]:
        """Which modules of the edited model were edited, and how strongly."""

        def compute() -> dict[str, Strength]:
            return strengths(anatomy_of(model.engine.model, self.options.targets), removal)

        found: dict[str, Strength] = self.stages.get("strengths", compute)
        return found

    def read_answers(self, side: Side, model: Model) -> None:
        """For the KL: the base writes beginnings of answers, and each model reads them."""
        if self.stages.has("kl"):
            return
        engine, count = model.engine, max(self.options.kl_tokens, ANSWER_TOKENS)
        prompts = encode(engine, self.inputs.negative, count, f"KL, {side}")
        if side == "before":
            ends = engine.stop_tokens(chat=True)
            written = greedy_beginnings(engine.model, prompts, ends, count, self.options.batch_tokens)
            self._beginnings = [answer[: self.options.kl_tokens] for answer in written]
            texts = engine.tokenizer.batch_decode(written, skip_special_tokens=True)
            self._answered = [not declines(text) for text in texts]
        with self.progress.task(f"KL, {side}", len(prompts)) as task:
            self._logs[side] = answer_log_probabilities(
                engine.model, prompts, self._beginnings, self.options.batch_tokens, task.advance
            )

    def kl(self) -> dict[str, list[Any]]:
        """KL(base || edited) of every prompt, after both models have read the answers.

        Under ``answered`` stands whether the base answers the prompt at all.
        """

        def compute() -> dict[str, list[Any]]:
            found = divergences(self._logs["before"], self._logs["after"])
            values = {"mean": found.mean.tolist(), "first": found.first.tolist()}
            return {**values, "answered": self._answered}

        values: dict[str, list[Any]] = self.stages.get("kl", compute)
        self._logs.clear()
        return values


def encode(
    engine: TransformersEngine, prompts: Sequence[Conversation], new_tokens: int, label: str
) -> list[tuple[int, ...]]:
    """Prompts as token ids, through the model's own template.

    Raises:
        BadData: One does not fit the model's context together with what is written after it.
    """
    encoded = engine.reader.read([Request(str(i), prompt, 0) for i, prompt in enumerate(prompts)])
    room = Sampling(max_new_tokens=new_tokens)
    for number, one in enumerate(encoded, start=1):
        if reason := engine.reader.fault(one, room):
            raise BadData(reason, where=f"{label}, prompt {number}", hint="leave it out, or shorten it")
    return [one.ids for one in encoded]


def _loaded(engine: TransformersEngine) -> Loaded:
    return Loaded(engine.model, engine.tokenizer, engine.source)
