"""Models made by whole numbers, and what mergekit 0.1.5 makes of them.

    python -m tests.parity.merges MERGEKIT_YAML [METHOD…]     # writes merges.json

MERGEKIT_YAML is mergekit's program.

Every number is a sum of whole powers of two, so that both sides start from the same bits, and no two
magnitudes of a task vector are equal, so that a share of the largest is one set.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

FIXTURE = Path(__file__).with_name("merges.json")
WIDTH, INNER, WORDS, MODELS = 8, 12, 24, 3
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": WORDS,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
}
WEIGHTS, SHARED = (0.5, -0.3, 0.9), {"density": 0.4, "gamma": 0.05, "epsilon": 0.2}
SHOWN = ("model.embed_tokens.weight", "model.layers.1.mlp.down_proj.weight", "model.norm.weight")
METHODS = (
    "linear",
    "task_arithmetic",
    "ties",
    "dare_linear",
    "dare_ties",
    "della",
    "della_linear",
    "breadcrumbs",
    "breadcrumbs_ties",
    "model_stock",
    "slerp",
    "nuslerp",
)
SLICED = ("passthrough", "slerp in slices")
AT_RANDOM = ("dare_linear", "dare_ties", "della", "della_linear")


def shapes() -> dict[str, tuple[int, ...]]:
    """The tensors of the model."""
    table = {"model.embed_tokens.weight": (WORDS, WIDTH), "lm_head.weight": (WORDS, WIDTH)}
    block = {
        "self_attn.q_proj.weight": (WIDTH, WIDTH),
        "self_attn.k_proj.weight": (WIDTH // 2, WIDTH),
        "self_attn.v_proj.weight": (WIDTH // 2, WIDTH),
        "self_attn.o_proj.weight": (WIDTH, WIDTH),
        "mlp.gate_proj.weight": (INNER, WIDTH),
        "mlp.up_proj.weight": (INNER, WIDTH),
        "mlp.down_proj.weight": (WIDTH, INNER),
        "input_layernorm.weight": (WIDTH,),
        "post_attention_layernorm.weight": (WIDTH,),
    }
    layers = {f"model.layers.{i}.{name}": shape for i in range(2) for name, shape in block.items()}
    return {**table, **layers, "model.norm.weight": (WIDTH,)}


def tensors(model: int) -> dict[str, NDArray[np.float32]]:
    """The weights of a model; -1 is the base."""
    made = {}
    for number, (name, shape) in enumerate(shapes().items()):
        place = np.arange(int(np.prod(shape)), dtype=np.int64)
        values = ((place * 7919 + 31 * number) % 2003 - 1001) / 4096
        if model >= 0:
            size = 1 + (place * (101 + 37 * model) + 57 * number) % 1009  # 1009 is prime: all are different
            sign = 1 - 2 * ((place * place + 3 * model * place + place // 3 + number) % 2)
            values = values + size * sign / 65536
        made[name] = values.astype(np.float32).reshape(shape)
    return made


def write_model(folder: Path, model: int) -> Path:
    """A model folder."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    save_file(tensors(model), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def recipe(method: str, folder: Path) -> dict[str, object]:
    """The recipe of a method for the models in a folder."""
    if method in SLICED:
        return sliced(method, folder)
    models: list[dict[str, object]] = [
        {"model": str(folder / f"m{i}"), "parameters": {"weight": weight, **SHARED}}
        for i, weight in enumerate(WEIGHTS)
    ]
    if method in ("slerp", "nuslerp"):
        models = models[:2]
    base = {"linear": None, "slerp": "m0"}.get(method, "base")
    content: dict[str, object] = {"merge_method": method, "models": models, "dtype": "float32"}
    if base:
        content["base_model"] = str(folder / base)
    if method == "slerp":
        content["parameters"] = {"t": 0.3}
        content["models"] = [{"model": entry["model"]} for entry in models]
    elif method not in ("linear", "nuslerp", "model_stock"):
        content["parameters"] = {"lambda": 0.7}
    return content


def sliced(method: str, folder: Path) -> dict[str, object]:
    """Recipes that take layers, with values that change along them."""
    one, other = (str(folder / f"m{i}") for i in range(2))
    if method == "passthrough":
        scale = {"scale": [{"filter": "down_proj", "value": 0.5}, {"value": 1.0}]}
        slices = [
            {"sources": [{"model": one, "layer_range": [0, 1]}]},
            {"sources": [{"model": other, "layer_range": [0, 2], "parameters": scale}]},
        ]
        return {"merge_method": method, "slices": slices, "dtype": "float32"}
    t = [{"filter": "self_attn", "value": [0, 0.5, 1]}, {"value": [0.2, 0.8]}]
    sources = [{"model": model, "layer_range": [0, 2]} for model in (one, other)]
    content: dict[str, object] = {
        "merge_method": "slerp",
        "slices": [{"sources": sources}],
        "base_model": other,
    }
    return content | {"parameters": {"t": t}, "dtype": "float32"}


def write_models(folder: Path) -> None:
    """The base and the models."""
    write_model(folder / "base", -1)
    for model in range(MODELS):
        write_model(folder / f"m{model}", model)


def main(program: str, *methods: str) -> None:
    """Run mergekit on every recipe, or on some, and keep what it wrote."""
    from safetensors.numpy import load_file

    kept: dict[str, object] = json.loads(FIXTURE.read_text()) if methods else {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_models(folder)
        for method in methods or (*METHODS, *SLICED):
            (folder / "recipe.yml").write_text(yaml.safe_dump(recipe(method, folder)))
            words = [program, str(folder / "recipe.yml"), str(folder / method), "--quiet", "--allow-crimes"]
            subprocess.run([*words, "--random-seed", "7"], check=True, capture_output=True)
            merged, base = load_file(folder / method / "model.safetensors"), tensors(-1)
            if method in AT_RANDOM:
                steps = np.concatenate([(merged[n] - base[n]).ravel() for n in base])
                kept[method] = {"changed": float(np.mean(steps != 0)), "mean": float(steps.mean(dtype=float))}
                kept[method] |= {"spread": float(steps.std(dtype=float)), "n": steps.size}
            else:
                kept[method] = {name: [float(f"{x:.9g}") for x in merged[name].ravel()] for name in SHOWN}
            print(method, flush=True)
    FIXTURE.write_text(json.dumps(kept) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
