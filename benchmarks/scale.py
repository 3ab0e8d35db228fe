"""What every profile costs on GPUs at its paper's size and at ten times it: arithmetic, and nothing measured.

    python -m benchmarks.scale            # prints the tables of docs/scale.md
    python -m benchmarks.scale --write    # puts them there

Recipes are read from the profiles. What else goes in stands here and in `scale_costs.py`, with its source:
shapes of models (what their configurations say), sizes of data (what the papers say), and one GPU (what its
data sheet says).
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scale_costs import (
    BFLOAT16,
    FLOAT32,
    LLAMA3,
    MODELS,
    PEAK,
    POORLY,
    READ,
    SCORER,
    SEVENTY,
    WELL,
    Recipe,
    Training,
    decoding,
    gpus_for,
    training_cost,
)

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- python -m benchmarks.scale --write -->", "<!-- end -->"

CHAT = "meta-llama/Llama-2-7b-chat-hf"
EXACT, LLAMA = {"dtype": "float32"}, {"model": "meta-llama/Llama-2-7b-hf"}

# ParaDetox has 19,744 pairs; the English pairs of toxicity_pairwise are 24,576; CMD has 15,000 prompts, of
# which a tenth is a test set. Nobody says how many texts of Civil Comments are above .8: one in a hundred of
# two million is assumed.
TRAININGS = (
    Training("pseudoparadetox", "train.bart", 19_744),
    Training("cmd-gpt2-xl", "train.cmd", 13_500),
    Training("cmd-llama2-7b", "train.cmd", 13_500, larger=True),
    Training("lee2024", "train.dpo", 24_576),
    Training("crosslingual-dpo", "train.dpo", 24_576),
    Training("bloom-1b7-detox", "train.dpo", 24_576),
    Training("crosslingual-dpo-lora", "train.dpo", 24_576, larger=True),
    Training("task-vector-gpt2", "train.lm", 20_000, "openai-community/gpt2"),
    Training("task-vector-llama2-7b", "train.lm", 20_000, CHAT, larger=True),
    Training("task-vector-llama2-7b", "train.lm", 20_000, CHAT, changed=EXACT),
    Training("crosslingual-dpo", "train.dpo", 24_576, changed=LLAMA),
)


def training_table() -> Iterator[list[str]]:
    """A line for each training: as in the paper, ten times the rows, and 70B where the recipe makes sense."""
    yield ["profile", "model", "rows", "GPU hours", "measuring", "states, GB", "batch, GB", "GPUs", "launch"]
    for training in TRAININGS:
        named = training.base or training.recipe.model
        sizes = [(named, training.rows)]
        sizes += [(named, 10 * training.rows)] if not training.changed else []
        sizes += [(SEVENTY, 10 * training.rows)] if training.larger else []
        for name, rows in sizes:
            cost = training_cost(training, MODELS[name], rows)
            gpus = cost.gpus()
            yield [
                " ".join(
                    [
                        f"`{training.profile}`",
                        *(f"`--{k} {v.split('/')[-1]}`" for k, v in training.changed.items()),
                    ]
                ),
                name.split("/")[1],
                f"{rows:,}",
                f"{figure(cost.hours(WELL))} to {figure(cost.hours(POORLY))}",
                f"{cost.measuring:.0%}",
                figure(cost.states / 1e9),
                figure(cost.activations / 1e9),
                str(gpus),
                "plain" if gpus == 1 else f"`fsdp.yaml`, {figure(cost.split / gpus / 1e9)} GB each",
            ]


@dataclass(frozen=True)
class Writing:
    """Texts to write: for what, by whom, how many, and tokens: of what all share, of each prompt, and new."""

    what: str
    model: str
    texts: int
    shared: int
    own: int
    new: int


def writings() -> Iterator[Writing]:
    """In the papers and at ten times it; lengths that a profile has are its limits, others are estimates."""
    pairs, chain = Recipe("pseudoparadetox", "synth.pairs"), Recipe("cmd-llama2-7b", "synth.chain")
    annotators = ((pairs.model, 19_744), (SEVENTY, 19_744), (SEVENTY, 1_000_000))
    for model, texts in annotators:
        yield Writing(
            "`pseudoparadetox`, pairs", model, texts, 120 + 60 * pairs.num_shots, 40, pairs.max_new_tokens
        )
    many = Recipe("synthdetoxm", "synth.pairs")
    for texts in (16_000, 160_000):
        yield Writing("`synthdetoxm`, pairs", many.model, texts, 120 + 60 * many.num_shots, 40, 64)
    for model in (Recipe("cmd-gpt2-xl", "synth.chain").model, chain.model):
        for times in (1, 10):
            texts = times * chain.max_samples * chain.num_samples
            yield Writing("`cmd-*`, chains", model, texts, 0, 100, chain.max_new_tokens)
    for model in (
        Recipe("crosslingual-dpo", "train.dpo").model,
        Recipe("crosslingual-dpo-lora", "train.dpo").model,
        SEVENTY,
    ):
        for times in (1, 17):
            yield Writing("RTP-LX, 25 continuations", model, times * 458_200, 0, 20, 20)


def writing_table() -> Iterator[list[str]]:
    """A line for each set of texts to write."""
    yield [
        "what",
        "model",
        "texts",
        "new tokens, M",
        "GPUs a model",
        "at a time",
        "tokens/s a GPU",
        "GPU hours",
        "scoring",
    ]
    for one in writings():
        model, context = MODELS[one.model], one.shared + one.own + one.new
        gpus = gpus_for(model, context)
        batch, speed = decoding(model, context, gpus)
        reading = one.texts * one.own * 2 * model.weights / (READ * PEAK)
        scoring = one.texts * (one.own + one.new) * 2 * SCORER / (READ * PEAK) / 3600
        yield [
            one.what,
            one.model.split("/")[1],
            f"{one.texts:,}",
            figure(one.texts * one.new / 1e6),
            str(gpus),
            str(batch),
            f"{speed:,.0f}",
            figure((one.texts * one.new / speed + reading) / 3600),
            figure(scoring),
        ]


def check_table() -> Iterator[list[str]]:
    """What others have published, beside what the same arithmetic says."""
    yield ["published", "its figure", "this arithmetic"]
    speed = decoding(LLAMA3, 500, 1)[1]
    yield ["vLLM, Llama 3.1 8B on one H100, tokens/s", "about 12,500", f"{speed:,.0f}"]
    # 44,000 pairs; two texts of 700 tokens each are assumed. An RTX A6000 has 154.8 dense bfloat16 teraflops.
    pairs = 44_000 * 2 * 700 * (4 + 2) * LLAMA3.weights / 154.8e12 / 3600
    yield ["DPO with an adapter, 8B, 44,000 pairs, on six A6000", "40 GPU hours", span(pairs)]
    passes = (
        3 * 5 * 80 * 32 * 64 * 2 * 72e9 / 312e12 / 3600
    )  # positions x blocks x (3 x 32) prompts of 64 tokens
    yield [
        "choosing a refusal direction, 72B (Arditi et al. 2024)",
        "about 1 hour, GPUs not said",
        f"{span(passes)} on A100",
    ]


def span(hours_at_peak: float) -> str:
    """GPU hours at both shares of the peak."""
    return f"{figure(hours_at_peak / WELL)} to {figure(hours_at_peak / POORLY)} GPU hours"


def edit_table() -> Iterator[list[str]]:
    """Weight edits pass tensor by tensor; the largest one is what memory needs."""
    yield [
        "model",
        "read and written, GB",
        "largest tensor as stored and in float32, GB",
        "minutes at 1 GB/s",
    ]
    for name in ("meta-llama/Meta-Llama-3-8B-Instruct", SEVENTY):
        model = MODELS[name]
        moved, largest = 2 * BFLOAT16 * model.weights, model.pieces * model.width
        row = [moved / 1e9, (BFLOAT16 + FLOAT32) * largest / 1e9, moved / 1e9 / 60]
        yield [name.split("/")[1], *map(figure, row)]


def figure(number: float) -> str:
    """Two digits, because none of this is surer."""
    if number == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(number))))
    return f"{round(number, 1 - math.floor(math.log10(abs(number)))):,.{digits}f}"


def page_tables() -> str:
    """All tables of the page."""
    titled = {
        "Training": training_table(),
        "Writing and scoring": writing_table(),
        "Editing weights": edit_table(),
        "Against published figures": check_table(),
    }
    return "\n\n".join(f"### {title}\n\n{markdown(list(rows))}" for title, rows in titled.items())


def markdown(rows: list[list[str]]) -> str:
    """A table."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def with_tables(page: str) -> str:
    """The page with the tables between its marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{page_tables()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scale.md")
    if parser.parse_args().write:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(page_tables())
