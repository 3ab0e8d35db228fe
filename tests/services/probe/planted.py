"""A tiny model in which one value vector lies along a probe, and the same with that neuron held down."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from detox_cli.models.neurons.parts import Neuron
from detox_cli.models.probes.files import save_probe
from detox_cli.models.probes.probe import LinearProbe, ProbeSite

PLANTED: Neuron = (1, 17)
STARTS = ("The train", "Please read", "Your answer", "That comment", "I would say", "The weather")
ENDS = ("is", "was not", "on the page", "today and")


@dataclass(frozen=True)
class Planted:
    """Folders and files: the model, what it became, its probe, and prompts in two languages."""

    model: Path
    tuned: Path
    probe: Path
    prompts: Path


def plant(source: Path, folder: Path) -> Planted:
    """Plant a value vector into a tiny GPT-2, keep it active, and switch it off in a second model."""
    model = AutoModelForCausalLM.from_pretrained(source)
    direction = np.random.default_rng(1).standard_normal(model.config.n_embd)
    layer, number = PLANTED
    mlp = model.transformer.h[layer].mlp
    for name, bias in (("model", 1.0), ("tuned", 0.2)):
        with torch.no_grad():
            mlp.c_proj.weight[number] = torch.from_numpy(direction)
            mlp.c_fc.bias[number] = bias
        model.save_pretrained(folder / name)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder / name)
    save_probe(folder / "probe.safetensors", LinearProbe(direction, site=ProbeSite(layers=2, layer=1)))
    rows = [
        {"id": f"{lang}-{i}", "prompt": f"{start} {end}", "lang": lang}
        for lang in ("en", "xx")
        for i, (start, end) in enumerate((start, end) for start in STARTS for end in ENDS)
    ]
    prompts = folder / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Planted(folder / "model", folder / "tuned", folder / "probe.safetensors", prompts)
