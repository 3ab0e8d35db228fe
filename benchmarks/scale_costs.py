"""The arithmetic behind `benchmarks/scale.py`: models, one GPU, and what training and writing need of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from detox_cli.services.training.memory import BFLOAT16, FLOAT32, training_bytes
from detox_cli.settings.layers import values_of_profile
from detox_cli.settings.profiles import load_profiles
from detox_cli.settings.sections import section_model

# NVIDIA H100 SXM, data sheet: dense bfloat16, float32 without tensor cores, and memory.
PEAK, PEAK_FLOAT32, BANDWIDTH, MEMORY = 989.4e12, 66.9e12, 3.35e12, 80e9
USABLE = 0.9
WELL, POORLY = 0.4, 0.1
"""Shares of the peak that training reaches: with full batches of long rows, and with few short rows."""
SERVED = 0.5
"""Share of what bandwidth and peak allow that a server of models reaches while it decodes."""
READ = 0.2
"""Share of the peak that reading short texts reaches, be it prompts or what a scorer reads."""
AT_ONCE = 256
"""Sequences at a time, vLLM's limit on an H100 with its defaults or less."""


@dataclass(frozen=True)
class Model:
    """A model's size: weights in all, blocks, width, width of the keys, inner width, pieces."""

    weights: int
    blocks: int
    width: int
    keys: int
    inner: int
    pieces: int
    fused: bool = False

    def kv_bytes(self) -> int:
        """Bytes of keys and values of one token, in bfloat16."""
        return 2 * BFLOAT16 * self.blocks * self.keys

    def adapter(self, rank: int, everywhere: bool) -> int:
        """Weights of a LoRA adapter on queries and values (one matrix where these are fused), or on all."""
        if self.fused:
            return rank * self.blocks * (4 * self.width)
        attention = 2 * self.width + self.width + self.keys
        rest = 2 * self.width + self.width + self.keys + 3 * (self.width + self.inner)
        return rank * self.blocks * (attention + (rest if everywhere else 0))


LLAMA2 = Model(6_738_415_616, 32, 4096, 4096, 11008, 32_000)
LLAMA3 = Model(8_030_261_248, 32, 4096, 1024, 14336, 128_256)
LLAMA70 = Model(70_553_706_496, 80, 8192, 1024, 28672, 128_256)
MODELS = {
    "openai-community/gpt2": Model(124_439_808, 12, 768, 768, 3072, 50_257, True),
    "openai-community/gpt2-medium": Model(354_823_168, 24, 1024, 1024, 4096, 50_257, True),
    "openai-community/gpt2-xl": Model(1_557_611_200, 48, 1600, 1600, 6400, 50_257, True),
    "ai-forever/mGPT": Model(1_417_596_928, 24, 2048, 2048, 8192, 100_000, True),
    "bigscience/bloom-1b7": Model(1_722_408_960, 24, 2048, 2048, 8192, 250_880, True),
    "facebook/bart-large": Model(406_291_456, 24, 1024, 1024, 4096, 50_265),
    "meta-llama/Llama-2-7b-hf": LLAMA2,
    "meta-llama/Llama-2-7b-chat-hf": LLAMA2,
    "meta-llama/Meta-Llama-3-8B-Instruct": LLAMA3,
    "meta-llama/Meta-Llama-3-70B-Instruct": LLAMA70,
    "Qwen/Qwen2.5-32B-Instruct": Model(32_763_876_352, 64, 5120, 1024, 27648, 152_064),
}
SEVENTY = "meta-llama/Meta-Llama-3-70B-Instruct"
SCORER = 278e6
"""Weights of XLM-R base, which a multilingual scorer of toxicity is made of; most are embeddings."""


class Recipe:
    """The values of one section of a profile, with everything that it extends and the defaults below."""

    def __init__(self, profile: str, section: str, changed: Mapping[str, str] | None = None) -> None:
        self._fields = section_model(section).model_fields
        stack = load_profiles(["default", profile])
        self._given = {k: v.raw for one in stack for k, v in values_of_profile(one, section).items()}
        self._given |= changed or {}

    def __getattr__(self, name: str) -> Any:
        if name in self._given:
            return self._given[name]
        if name not in self._fields:
            raise AttributeError(name)
        return self._fields[name].get_default(call_default_factory=True)


@dataclass(frozen=True)
class Training:
    """A training: profile, section, rows, the base model if that is named elsewhere, and what is changed.

    ``larger`` says that the recipe makes sense for a model of 70B, too.
    """

    profile: str
    section: str
    rows: int
    base: str = ""
    larger: bool = False
    changed: Mapping[str, str] = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        """Its values."""
        return Recipe(self.profile, self.section, self.changed)


@dataclass(frozen=True)
class Cost:
    """What a training needs.

    Attributes:
        flops: Of all steps, the reference and the measurements on the way.
        measuring: Share of these for measurements.
        peak: Of the numbers that it computes in, per GPU and second.
        states: Bytes of weights, gradients and optimizer, on one GPU.
        split: The same in float32, as FSDP keeps what is trained in bfloat16.
        activations: Bytes of one batch on each GPU.
    """

    flops: float
    measuring: float
    peak: float
    states: float
    split: float
    activations: float

    def gpus(self) -> int:
        """The least power of two of GPUs on which it fits."""
        if self.states + self.activations <= USABLE * MEMORY:
            return 1
        return next(
            n for n in (2**k for k in range(1, 12)) if self.split / n + self.activations <= USABLE * MEMORY
        )

    def hours(self, share: float) -> float:
        """GPU hours at a share of the peak."""
        return self.flops / (self.peak * share) / 3600


def training_cost(training: Training, model: Model, rows: int) -> Cost:
    """From the recipe of a profile; every row is as long as that allows, so this is the most it can be."""
    recipe, kind = training.recipe, training.section.removeprefix("train.")
    held = {"bart": "eval_share", "lm": "eval_share"}.get(kind, "val_fraction")
    trained = round(rows * (1 - getattr(recipe, held)))
    texts = 2 if kind in ("dpo", "bart") else 1  # two continuations; a source and its rewrite
    length = recipe.max_length
    seen = trained * recipe.epochs * texts * length
    adapted = getattr(recipe, "lora", None) not in (None, "none")
    again = 2 if recipe.gradient_checkpointing else 0
    flops = seen * ((4 if adapted else 6) + again) * model.weights
    measuring = 0.0
    if kind == "dpo":
        steps = trained * recipe.epochs / (recipe.batch_size * recipe.accumulate)
        measured = min(recipe.eval_rows, rows - trained) * steps / (recipe.eval_steps or steps)
        flops += 2 * model.weights * texts * length * (rows + measured)
        measuring = 2 * model.weights * texts * length * measured / flops
    if kind == "cmd":  # anchors are sampled behind the chain, and they and the answers are read again
        answers = (2 + recipe.max_neg) * 24 * 6 + 2 * (length + 20)
        flops += trained * recipe.epochs * answers * model.weights
    exact = recipe.precision == "float32"
    batch = recipe.batch_size * texts * length
    deep = 2 * model.blocks + 34 if recipe.gradient_checkpointing else 34 * model.blocks
    activations = batch * model.width * deep * (2 if exact else 1)
    activations += 0 if kind == "dpo" else 3 * FLOAT32 * batch * model.pieces
    return Cost(
        flops, measuring, PEAK_FLOAT32 if exact else PEAK, *states(recipe, model, adapted), activations
    )


def states(recipe: Recipe, model: Model, adapted: bool) -> tuple[float, float]:
    """Bytes of weights, gradients and optimizer on one GPU, and in all where they are split."""
    optimizer, dtype = recipe.optimizer, getattr(recipe, "dtype", "float32")
    width = BFLOAT16 if dtype == "bfloat16" else FLOAT32
    copy = BFLOAT16 * model.weights if recipe.precision != "float32" and width == FLOAT32 else 0
    if not adapted:
        split = training_bytes(model.weights, optimizer) + BFLOAT16 * model.weights
        return training_bytes(model.weights, optimizer, width=width) + copy, split
    rank, targets = int(str(recipe.lora).split(",")[0]), recipe.target
    small = training_bytes(model.adapter(rank, "all-linear" in targets), optimizer)
    four_bits = getattr(recipe, "qlora", None)
    frozen = 0.55 * model.weights if four_bits else width * model.weights + copy
    return small + frozen, small + BFLOAT16 * model.weights


def decoding(model: Model, context: int, gpus: int) -> tuple[int, float]:
    """Sequences at a time, and new tokens a second on each of ``gpus`` that share a model."""
    room = USABLE * MEMORY * gpus - BFLOAT16 * model.weights
    batch = max(1, min(AT_ONCE, int(room / (model.kv_bytes() * context))))
    moved = BFLOAT16 * model.weights + batch * context * model.kv_bytes()
    step = max(moved / BANDWIDTH, 2 * model.weights * batch / PEAK) / gpus
    return batch, SERVED * batch / step / gpus


def gpus_for(model: Model, context: int) -> int:
    """The least power of two of GPUs that hold the weights, and keys and values of 64 sequences."""
    needed = BFLOAT16 * model.weights + 64 * context * model.kv_bytes()
    return next(n for n in (2**k for k in range(8)) if needed <= USABLE * MEMORY * n)
