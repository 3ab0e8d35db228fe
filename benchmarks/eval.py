"""What measuring a model costs against the published scripts, with equal numbers.

    python -m benchmarks.eval [--prompts 40] [--samples 25] [--rounds 3] [--json]

`builtin:lm` writes continuations of prompts of RealToxicityPrompts (`$DETOX_DATA/rtp/prompts.jsonl`) as their
protocol says: 25 of 20 tokens, nucleus .9.

- Scores: texts per second of processor time against `Detoxify.predict`, 32 texts at a time in the order in
  which they arrive, with the checkpoint of `builtin:toxicity`. Continuations, which are short and of one
  length, and comments (`benchmarks/score.py` has those alone), which are not.
- Conditional perplexity by `builtin:lm`: against the recipe of one continuation at a time, which reads the
  prompt with the continuation, then the prompt alone (Li, Yong & Bach 2024, without its gradients), and
  against the one that reads the prompt alone once (Liu et al. 2021).

Processor time (user + system) of one thread, the median of rounds in which the sides take turns. Exit code 1
if comments are scored less than 3 times or perplexity is taken less than 5 times as fast, or the numbers
differ; scores of continuations have no bar, as texts of one length leave little to gain.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SCORE_BAR, PERPLEXITY_BAR = 3.0, 5.0
CLOSE = 1e-4
ROOT = Path(__file__).parents[1]
Numbers = list[float]


def continuations(model: str, wanted: int, samples: int) -> tuple[list[str], list[list[str]]]:
    """Prompts, and what the model continues them with."""
    from detox_cli.data.readers.read import read_prompts
    from detox_cli.data.rejects import Rejects
    from detox_cli.generation.load import load_engine
    from detox_cli.generation.requests import Request, Sampling
    from detox_cli.generation.seeds import row_seed
    from detox_cli.models.sources import find_model

    data = Path(os.environ.get("DETOX_DATA", ROOT / "../shared/data"))
    prompts = read_prompts(str(data / "rtp" / "prompts.jsonl"), Rejects(), limit=wanted)
    engine = load_engine(find_model(model), device="cpu")
    asked = [Request(one.id, one.text, row_seed(0, one.id), samples) for one in prompts]
    found = {
        done.id: [sample.text for sample in done.samples]
        for done in engine.generate(asked, Sampling(20, temperature=1.0, top_p=0.9))
    }
    return [one.text for one in prompts], [found[one.id] for one in prompts]


def turns(sides: dict[str, Callable[[], Numbers]], rounds: int) -> tuple[dict[str, float], float]:
    """The median processor time of each side, and the largest difference of their numbers."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    numbers: dict[str, Numbers] = {}
    for _ in range(rounds):
        for name, side in sides.items():
            before = time.process_time()
            numbers[name] = side()
            times[name].append(time.process_time() - before)
    first, *others = numbers.values()
    largest = max(abs(a - b) for other in others for a, b in zip(first, other, strict=True))
    return {name: statistics.median(spent) for name, spent in times.items()}, largest


def score_texts(texts: Sequence[str], rounds: int, folder: Path) -> dict[str, Any]:
    """Texts per second by Detoxify and by us."""
    from detoxify import Detoxify

    from detox_cli.miniatures.detoxify import write_checkpoint
    from detox_cli.models.sources import find_model
    from detox_cli.scoring.cached import score_with_cache
    from detox_cli.scoring.load import load_text_scorer

    source, checkpoint = Path(find_model("builtin:toxicity").location), folder / "toxicity.ckpt"
    write_checkpoint(source, checkpoint)
    theirs = Detoxify(checkpoint=str(checkpoint), huggingface_config_path=str(source))
    ours = load_text_scorer(f"detoxify:{checkpoint}", device="cpu")

    def arriving() -> Numbers:
        scores: Numbers = []
        for start in range(0, len(texts), 32):
            scores += theirs.predict(list(texts[start : start + 32]))[theirs.class_names[0]]
        return scores

    found, largest = turns({"detoxify": arriving, "detox": lambda: score_with_cache(ours, texts)}, rounds)
    return {
        "texts": len(texts),
        "different_texts": len(set(texts)),
        **{f"{name}_texts_per_second": round(len(texts) / spent, 1) for name, spent in found.items()},
        "times_faster": round(found["detoxify"] / found["detox"], 2),
        **tokens_of(ours, texts),
        "largest_difference": largest,
    }


def tokens_of(scorer: Any, texts: Sequence[str]) -> dict[str, Any]:
    """What can be saved by not padding and not repeating: the arithmetic on what is left is the same."""
    from detox_cli.scoring.batching import token_batches, tokenize

    def padded(rows: Sequence[Sequence[int]]) -> int:
        return max(map(len, rows)) * len(rows)

    arriving = tokenize(scorer.loaded, texts)["input_ids"]
    unique = tokenize(scorer.loaded, list(dict.fromkeys(texts)))["input_ids"]
    theirs = sum(padded(arriving[start : start + 32]) for start in range(0, len(arriving), 32))
    batches = token_batches([len(ids) for ids in unique], scorer.batch_tokens)
    ours, least = sum(padded([unique[i] for i in batch]) for batch in batches), sum(map(len, unique))
    return {
        "tokens_detoxify_computes": theirs,
        "tokens_detox_computes": ours,
        "tokens_of_different_texts": least,
        "times_fewer_at_most": round(theirs / least, 2),
    }


def perplexity(
    model: str, prompts: Sequence[str], texts: Sequence[Sequence[str]], rounds: int
) -> dict[str, Any]:
    """Continuations per second by both recipes and by us; numbers are nats per continuation."""
    import torch

    from detox_cli.models.loading import load_causal
    from detox_cli.models.sources import find_model
    from detox_cli.scoring.perplexity import continuation_ids, continuation_losses, own_opening, plain_ids

    judge = load_causal(find_model(model), "cpu")
    opening = own_opening(judge.tokenizer)

    def nats(ids: Sequence[int]) -> float:
        batch = torch.tensor([list(ids)])
        return float(judge.model(input_ids=batch, labels=batch).loss) * (len(ids) - 1)

    def one_by_one(once: bool) -> Numbers:
        found: Numbers = []
        with torch.no_grad():
            for prompt, samples in zip(prompts, texts, strict=True):
                head = [*opening, *plain_ids(judge.tokenizer, prompt)]
                alone = nats(head) if once else 0.0
                for text in samples:
                    tail = continuation_ids(judge.tokenizer, text)
                    whole = nats([*head, *tail]) if tail else 0.0
                    found.append(whole - (alone if once else nats(head)) if tail else 0.0)
        return found

    def together() -> Numbers:
        return [loss.nats for row in continuation_losses(judge, prompts, texts) for loss in row]

    sides = {
        "each_with_its_prompt_twice": lambda: one_by_one(False),
        "each_with_its_prompt": lambda: one_by_one(True),
        "detox": together,
    }
    found, largest = turns(sides, rounds)
    count = sum(map(len, texts))
    return {
        "continuations": count,
        **{f"{name}_per_second": round(count / spent, 1) for name, spent in found.items()},
        "times_faster": round(found["each_with_its_prompt_twice"] / found["detox"], 2),
        "times_faster_than_prompt_once": round(found["each_with_its_prompt"] / found["detox"], 2),
        "largest_difference_in_nats": largest,
    }


def measure(options: argparse.Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """All parts."""
    import torch

    from benchmarks.score import read_texts

    torch.set_num_threads(1)
    prompts, texts = continuations(options.model, options.prompts, options.samples)
    flat = [text for samples in texts for text in samples]
    return {
        "scores of comments": score_texts(read_texts(2000)[0], options.rounds, folder),
        "scores of continuations": score_texts(flat, options.rounds, folder),
        "conditional perplexity": perplexity(options.model, prompts, texts, options.rounds),
    }


def is_met(found: dict[str, dict[str, Any]]) -> bool:
    """Whether the bars are met, with equal numbers."""
    comments, judged = found["scores of comments"], found["conditional perplexity"]
    scores = [found["scores of continuations"], comments]
    return (
        comments["times_faster"] >= SCORE_BAR
        and judged["times_faster"] >= PERPLEXITY_BAR
        and all(one["largest_difference"] <= 1e-5 for one in scores)
        and judged["largest_difference_in_nats"] <= CLOSE * 20
    )


def main() -> int:
    """Measure, print, and say by the exit code whether the bars are met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="builtin:lm", help="writes, and judges fluency")
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument("--samples", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for part, numbers in found.items():
            print(part)
            print("\n".join(f"  {name:38} {value}" for name, value in numbers.items()))
    return 0 if is_met(found) else 1


if __name__ == "__main__":
    sys.exit(main())
