"""Examples per CPU second of `detox train bart` against the published recipe: equal model, rows and rate.

The published recipe pads every row to 256 tokens on both sides and learns the padding; ours pads to the
longest row of batches of similar length and masks it. Both run here, in this order, on the same rows, in
bfloat16 where the hardware has it. Then the masked loss of both is measured on the same held-out rows.

    python benchmarks/train_bart.py [--examples 640] [--model builtin:bart] [--threads 1]

Reads ParaDetox from $DETOX_DATA, else the pairs of the package's sample data.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from detox_cli.data.pairs import read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.models.loading import Loaded, load_seq2seq
from detox_cli.models.sources import find_model
from detox_cli.output.progress import SilentTask
from detox_cli.services.train_bart.batches import Collator, Encoded
from detox_cli.services.train_bart.rows import Example, hold_out, one_per_reference
from detox_cli.services.train_bart.trainer import Measure, build_trainer
from detox_cli.settings.train import BartSettings

LONGEST = 256
WANTED_RATIO = 8.0
RECIPES = {
    "published": {"pad_to_max_length": True, "loss_on_padding": True, "group_by_length": False},
    "ours": {"pad_to_max_length": False, "loss_on_padding": False, "group_by_length": True},
}


@dataclass(frozen=True)
class Outcome:
    """What one recipe came to: CPU seconds for its examples, and the held-out loss per token, in nats."""

    examples: int
    cpu_seconds: float
    loss: float

    @property
    def speed(self) -> float:
        """Examples per CPU second."""
        return self.examples / self.cpu_seconds


def main() -> None:
    """Run both recipes and print the ratio; exit with 1 if it is below the goal or the loss is worse."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=640)
    parser.add_argument("--held-out", type=int, default=400)
    parser.add_argument("--model", default="builtin:bart")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    training, held_out = read_rows(args.examples, args.held_out)
    outcomes = {name: measure(name, args, training, held_out) for name in RECIPES}
    for name, outcome in outcomes.items():
        print(f"{name:10} {outcome.speed:8.2f} examples per CPU second, held-out loss {outcome.loss:.4f}")
    ratio = outcomes["ours"].speed / outcomes["published"].speed
    no_worse = outcomes["ours"].loss <= outcomes["published"].loss
    print(
        f"ratio {ratio:.1f} (goal {WANTED_RATIO:.0f}); "
        f"{len(training)} examples, {len(held_out)} held-out rows"
    )
    raise SystemExit(0 if ratio >= WANTED_RATIO and no_worse else 1)


def read_rows(examples: int, held_out: int) -> tuple[list[Example], list[Example]]:
    """Rows to train on and to measure with, no source on both sides."""
    data = Path(os.environ.get("DETOX_DATA", Path(__file__).parents[2] / "shared" / "data"))
    real = data / "paradetox" / "paradetox.tsv"
    source = real if real.exists() else next(Path("detox_cli/miniatures").rglob("*pairs*.jsonl"))
    rows, _ = one_per_reference(read_pairs(str(source), Rejects()), dedupe=True)
    split = hold_out(rows, 0.1, "sources", seed=0)
    return split.training[:examples], split.held_out[:held_out]


def measure(name: str, args: argparse.Namespace, training: list[Example], held_out: list[Example]) -> Outcome:
    """Train one epoch by one recipe; the time is that of the steps, without reading and measuring."""
    torch.manual_seed(0)
    loaded = load_seq2seq(find_model(args.model), "cpu", "float32")
    with_positions(loaded, LONGEST)
    settings = BartSettings(
        model=args.model,
        max_length=LONGEST,
        epochs=1,
        batch_size=32,
        learning_rate=args.learning_rate,
        select="last",
        device="cpu",
        eval_share=0,
        **RECIPES[name],
    )
    rows = Encoded(training, loaded.tokenizer, LONGEST)
    none = Encoded([], loaded.tokenizer, LONGEST)
    nothing = Measure([], None, LONGEST, 64)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            settings, loaded, (rows, none), nothing, Path(folder), SilentTask(), lambda step, logs: None
        )
        trainer.args.save_strategy = "no"
        before = time.process_time()
        trainer.train()
        seconds = time.process_time() - before
    return Outcome(len(rows), seconds, masked_loss(loaded, held_out))


def with_positions(loaded: Loaded, positions: int) -> None:
    """Give a model with fewer learned positions the missing ones, so that it can be padded as published."""
    config = loaded.model.config
    if config.max_position_embeddings >= positions:
        return
    for side in (loaded.model.model.encoder, loaded.model.model.decoder):
        old = side.embed_positions
        new = type(old)(positions, config.d_model)
        with torch.no_grad():
            new.weight.normal_(std=float(old.weight.std()))
            new.weight[: len(old.weight)] = old.weight
        side.embed_positions = new
    config.max_position_embeddings = positions
    loaded.tokenizer.model_max_length = positions


def masked_loss(loaded: Loaded, held_out: list[Example]) -> float:
    """Nats per target token, padding left out."""
    encoded = Encoded(held_out, loaded.tokenizer, LONGEST)
    collate, model = Collator(loaded.tokenizer.pad_token_id), loaded.model.eval()
    total, tokens = 0.0, 0
    with torch.inference_mode():
        for first in range(0, len(encoded), 50):
            batch = collate(encoded.items[first : first + 50])
            count = int((batch["labels"] >= 0).sum())
            total += float(model(**batch).loss) * count
            tokens += count
    return total / tokens


if __name__ == "__main__":
    main()
