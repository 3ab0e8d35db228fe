"""How far the measured model has moved from its base on benign prompts: KL(model || base) per token, in nats.

The model itself writes, without truncation at temperature 1; both then read prompt and continuation in one
pass, and at every position the divergence of the two distributions over the whole vocabulary is added up. The
expected sum is the divergence over continuations of that length (the chain rule), with less variance than a
sum of log ratios of what was drawn (Amini, Vieira & Cotterell 2025, arXiv 2504.10637). Preference tuning pays
for it in its reward (Ziegler et al. 2019, arXiv 1909.08593).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.library_loop import sample_alone
from detox_cli.generation.requests import Request, Sampling
from detox_cli.generation.seeds import row_seed
from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import fingerprint
from detox_cli.scoring.divergence import answer_log_probabilities, divergences
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.eval_generation.asking import Asked, engine_options
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.statistics.bootstrap import Estimate, mean_interval_of_units

Row = dict[str, Any]


class Openable(Protocol):
    """A model that can be loaded and let go again."""

    @property
    def engine(self) -> Any:
        """The model in memory."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True)
class Moved:
    """What a divergence is measured between, and on what.

    Attributes:
        base: The model that the measured one is compared with.
        prompts: Benign ones.
        seed: Of the continuations.
    """

    base: Writer
    prompts: Sequence[Prompt]
    seed: int

    @property
    def decides(self) -> dict[str, object]:
        """Everything that changes the figure, besides the measured model."""
        texts = fingerprint(prompts=[[prompt.id, prompt.text] for prompt in self.prompts])
        return {"base": self.base.decisive, "prompts": texts}

    def figure(self, rows: Sequence[Row], seed: int) -> Estimate:
        """Nats per token over all prompts, with its interval; n counts prompts."""
        tokens = [row["tokens"] for row in rows]
        return mean_interval_of_units([row["kl"] * row["tokens"] for row in rows], tokens, seed)


def find_moved(settings: EvalGenerationSettings, asked: Asked) -> Moved:
    """The base, which has the measured model's vocabulary, and the prompts.

    Raises:
        BadSettings: The vocabularies differ, or no prompt is known to be benign.
        BadData: The file of prompts cannot be read.
        Missing: The base is not there.
    """
    options = engine_options(settings, settings.model).model_copy(
        update={"model": str(settings.kl_to), "revision": None, "adapter": None}
    )
    base = find_writer(options)
    _check_same_vocabulary(_source(asked.writer), _source(base), settings.trust_remote_code)
    prompts = _benign(settings, asked)
    step = -(-len(prompts) // settings.kl_limit)
    return Moved(base, prompts[::step], settings.seed)


def divergence_rows(moved: Moved, opened: Openable, tokens: int, progress: Progress) -> list[Row]:
    """The divergence on each prompt. The measured model is let go of before the base is loaded.

    Raises:
        BadData: A prompt does not fit a model's context.
    """
    engine = opened.engine
    prompts = _ids(engine, moved.prompts, tokens)
    answers = _continuations(engine, moved, prompts, tokens, progress)
    with progress.task("divergence, the model", len(prompts)) as task:
        own = answer_log_probabilities(engine.model, prompts, answers, done=task.advance)
    del engine
    opened.close()
    base = moved.base.load(progress)
    with progress.task("divergence, the base", len(prompts)) as task:
        other = answer_log_probabilities(base.model, prompts, answers, done=task.advance)  # type: ignore[attr-defined]
    found = divergences(own, other)
    return [
        {"id": prompt.id, "lang": prompt.lang, "kl": float(kl), "kl_first": float(first), "tokens": len(ids)}
        for prompt, kl, first, ids in zip(moved.prompts, found.mean, found.first, answers, strict=True)
    ]


def _benign(settings: EvalGenerationSettings, asked: Asked) -> list[Prompt]:
    """The prompts of the file that is named, else those measured ones that are not toxic."""
    if settings.kl_prompts is not None:
        return read_prompts(settings.kl_prompts, Rejects(strict=settings.strict), password=settings.password)
    there = {request.id for request in asked.requests}
    found = [prompt for prompt in asked.prompts if prompt.stratum == "nontoxic" and prompt.id in there]
    if not found:
        hint = "name benign prompts with --kl-prompts FILE"
        raise BadSettings("none of the prompts is said to be benign", where="--kl-to", hint=hint)
    return found


def _ids(engine: Any, prompts: Sequence[Prompt], tokens: int) -> list[tuple[int, ...]]:
    read = engine.reader.read([Request(prompt.id, prompt.text, 0) for prompt in prompts])
    for prompt, one in zip(prompts, read, strict=True):
        if reason := engine.reader.fault(one, Sampling(max_new_tokens=tokens)):
            raise BadData(reason, where=prompt.where or prompt.id, hint="leave it out, or shorten it")
    return [one.ids for one in read]


def _continuations(
    engine: Any, moved: Moved, prompts: Sequence[tuple[int, ...]], tokens: int, progress: Progress
) -> list[list[int]]:
    """What the model writes after each prompt, as token ids, the token that ends it included."""
    free = Sampling(max_new_tokens=tokens, temperature=1.0, top_p=1.0)
    ends, found = engine.stop_tokens(chat=False), []
    with progress.task("divergence, writing", len(prompts)) as task:
        for prompt, ids in zip(moved.prompts, prompts, strict=True):
            row = sample_alone(engine.model, ids, row_seed(moved.seed, prompt.id), 1, free, ends)[0]
            found.append([*row.tokens, *(ends[:1] if row.ended else [])])
            task.advance(1)
    return found


def _check_same_vocabulary(model: ModelSource, base: ModelSource, trust: bool) -> None:
    """Raise ``BadSettings`` unless both models give probabilities to the same tokens in the same order."""
    sizes = [_width(read_config(source, trust)) for source in (model, base)]
    words = [load_tokenizer(source, trust).get_vocab() for source in (model, base)]
    if sizes[0] != sizes[1] or words[0] != words[1]:
        differ = f"{sizes[0]} and {sizes[1]} tokens" if sizes[0] != sizes[1] else "other tokens"
        raise BadSettings(
            f"{base.name} has another vocabulary than {model.name} ({differ}): there is no divergence",
            where="--kl-to",
            hint="name the model that this one was made from",
        )


def _width(config: Any) -> int:
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    return int(text.vocab_size)


def _source(writer: Writer) -> ModelSource:
    source: ModelSource = replace(writer.source)  # type: ignore[attr-defined]
    return source
