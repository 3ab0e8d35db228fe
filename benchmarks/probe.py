"""Statistics of all neurons: one streaming pass against caching step by step, as the originals do.

The model is a GPT-2 with 12 layers and 12,288 neurons and random weights: statistics cost the same for any.
500 prompts of 16 tokens are continued by 20 tokens, the most likely ones, by every way:

* `ours`: `written_greedily` (with a cache of keys and values), then `read_written` into `Streaming`.
* `everything`: at each of 20 steps a pass over the whole text in which the output of every module is kept
  until the step ends, and the activations at the last position until all is read (Lee et al., 2024).
* `lens`: the same loop on TransformerLens 4, with its cache filtered to the activations (Li et al., 2024). It
  runs in the Python that --lens names, which needs transformer_lens and torch and nothing of ours.

Each way is a process of its own, on one thread. Seconds are of the processor and memory is what the process
grows by, both from when the model is loaded. Means of all ways must be equal.

    python benchmarks/probe.py [--prompts 500] [--lens /venv-with-transformer-lens/bin/python]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

LAYERS, WIDTH, VOCABULARY, LENGTH, NEW = 12, 256, 4096, 16, 20
ROWS = 25
"""Prompts at a time, in the ways that cache."""
BATCH_TOKENS = 1024
FASTER, SMALLER = 3.0, 10.0
WORKERS = ("ours", "everything", "lens")


def main() -> None:
    """Run every way; exit with 1 if ours is not 3 times faster with a tenth of the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=500)
    parser.add_argument("--lens", type=Path, default=None)
    parser.add_argument("--worker", choices=WORKERS, default=None)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    if given.worker:
        work(given.worker, given.folder, given.prompts)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_model(folder)
        found = {way: started(way, folder, given) for way in WORKERS}
    sys.exit(report({way: one for way, one in found.items() if one}))


def make_model(folder: Path) -> None:
    """A random GPT-2 with the tokenizer of the bundled model, which only the lens asks for."""
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    from detox_cli.models.sources import MINIATURES

    torch.manual_seed(0)
    sizes = {"n_layer": LAYERS, "n_embd": WIDTH, "n_head": 4, "n_positions": 64, "vocab_size": VOCABULARY}
    GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=1, eos_token_id=2)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(MINIATURES / "lm").save_pretrained(folder)


def started(way: str, folder: Path, given: argparse.Namespace) -> dict[str, Any] | None:
    """What a way reports from its own process; none where its Python is not there."""
    python = str(given.lens) if way == "lens" else sys.executable
    if way == "lens" and given.lens is None:
        print("lens: skipped, as --lens names no Python with transformer_lens")
        return None
    command = [python, __file__, "--worker", way, "--folder", str(folder), "--prompts", str(given.prompts)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"{way}: skipped, as it ended with: {done.stderr.strip().splitlines()[-1][:200]}")
        return None
    return dict(json.loads(done.stdout.splitlines()[-1]))


def report(found: dict[str, dict[str, Any]]) -> int:
    """Print every way beside ours, and say whether the aims are met."""
    ours, missed = found["ours"], 0
    print(f"{ours['neurons']} neurons, {ours['prompts']} prompts of {LENGTH} tokens, {NEW} new ones each")
    for way, one in found.items():
        print(
            f"{way:>11}: {one['seconds']:8.1f} processor seconds, {one['growth'] / 1e6:8.1f} MB more memory"
        )
        if way == "ours":
            continue
        gap = float(np.abs(np.array(one["means"]) - np.array(ours["means"])).max())
        faster, smaller = one["seconds"] / ours["seconds"], one["growth"] / ours["growth"]
        print(
            f"             ours is {faster:.1f} times faster with 1/{smaller:.1f} of the memory; "
            f"largest difference of means {gap:.1e}"
        )
        missed += faster < FASTER or smaller < SMALLER or gap > 1e-4
    return int(bool(missed))


def work(way: str, folder: Path, prompts: int) -> None:
    """Load, count, and print what it took as JSON."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, VOCABULARY, (prompts, LENGTH), generator=generator)
    ways = {"ours": ours, "everything": everything, "lens": lens}
    model = ways[way](folder)
    model(ids[:2])  # what is made once is not counted
    before, start = reset_peak(), processor_seconds()
    means = model(ids)
    taken = processor_seconds() - start
    found = {"prompts": prompts, "neurons": len(means), "seconds": taken, "growth": peak() - before}
    print(json.dumps({**found, "means": means.tolist()}))


def ours(folder: Path) -> Any:
    """Two passes in batches: one that writes with a cache, one that reads; nothing is kept."""
    from transformers import GPT2LMHeadModel

    from detox_cli.models.freed_memory import keep_freed_memory
    from detox_cli.models.neurons.moments import Streaming
    from detox_cli.models.neurons.proof import load_neurons
    from detox_cli.models.neurons.reading import read_written, written_greedily

    keep_freed_memory()
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    neurons = load_neurons(model).neurons

    def count(ids: torch.Tensor) -> Any:
        texts = written_greedily(model, ids.tolist(), [], NEW, BATCH_TOKENS)
        stream = Streaming(neurons)
        read_written(model, neurons, texts, [stream], BATCH_TOKENS)
        return stream.moments().mean

    return count


def everything(folder: Path) -> Any:
    """Every module's output is kept for a step, and every activation at the last position to the end."""
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    cache: dict[str, Any] = {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda _m, _i, output, name=name: cache.__setitem__(name, output))

    def step(ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cache.clear()
        logits = model(input_ids=ids, use_cache=False).logits
        return logits[:, -1], torch.stack(
            [cache[f"transformer.h.{i}.mlp.act"][:, -1] for i in range(LAYERS)], 1
        )

    return lambda ids: step_by_step(ids, step)


def lens(folder: Path) -> Any:
    """The same with TransformerLens, whose cache is filtered to what enters the down-projections."""
    from transformer_lens.model_bridge import TransformerBridge

    model = TransformerBridge.boot_transformers(str(folder), device="cpu")
    names = [f"blocks.{i}.mlp.out.hook_in" for i in range(LAYERS)]

    def step(ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, cache = model.run_with_cache(ids, names_filter=lambda name: name in names)
        return logits[:, -1], torch.stack([cache[name][:, -1] for name in names], 1)

    return lambda ids: step_by_step(ids, step)


@torch.no_grad()
def step_by_step(ids: torch.Tensor, step: Any) -> Any:
    """Read the whole text anew for each token, keep all activations, and count them at the end."""
    kept = []
    for rows in ids.split(ROWS):
        for _ in range(NEW):
            logits, activations = step(rows)
            kept.append(activations)
            rows = torch.cat([rows, logits.argmax(-1, keepdim=True)], 1)
    whole = torch.cat(kept).flatten(1)
    mean = whole.mean(0)
    whole.std(0), whole.amin(0), whole.amax(0), (whole > 0).float().mean(0)
    return mean.double().numpy()


def processor_seconds() -> float:
    """Of this process, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def reset_peak() -> int:
    """Forget the peak memory so far, and give what is resident now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The most resident memory since the last reset, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    main()
