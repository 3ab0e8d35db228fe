"""Merging: ours, mergekit and a plain copy of the same bytes, in fresh processes, one after the other.

    python benchmarks/merge.py --output DIR --mergekit PROGRAM [--shape 1b] [--method ties] [--repeats 3]

PROGRAM is ``mergekit-yaml`` of an environment of its own. A base and three models of random numbers are made
once in DIR. Any method that both have can be named; four are the default.
The floor reads every input once and copies the output. Peaks and processor seconds are those of the
child process; ours is run with and without hashing its inputs for the manifest.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_embd": 768,
    "n_layer": 12,
    "n_head": 12,
}
GPT2 |= {"n_positions": 1024, "vocab_size": 50257, "tie_word_embeddings": True}
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 2048,
    "vocab_size": 32000,
}
LLAMA |= {"intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32}
LLAMA |= {"num_key_value_heads": 4, "tie_word_embeddings": False}
CONFIGS = {"gpt2": GPT2, "1b": LLAMA}
METHODS = ("linear", "task_arithmetic", "ties", "dare_ties")
OF_TWO = ("slerp", "nuslerp")
VALUES = {"weight": 0.4, "density": 0.5}
DTYPES = {"gpt2": "float32", "1b": "bfloat16"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--mergekit")
    parser.add_argument("--shape", choices=CONFIGS, action="append")
    parser.add_argument("--method", action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mergekit-repeats", type=int, default=1)
    parser.add_argument("--make", choices=CONFIGS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments.output / arguments.make, arguments.make)
        return
    for shape in arguments.shape or CONFIGS:
        folder = arguments.output / shape
        # In a process of its own: the peak of a child counts what its parent held when it started.
        command = [sys.executable, __file__, "--output", str(arguments.output), "--make", shape]
        subprocess.run(command, check=True)
        for method in arguments.method or METHODS:
            compare(folder, shape, method, arguments)


def compare(folder: Path, shape: str, method: str, arguments: argparse.Namespace) -> None:
    """Run all systems in turn and print a line for each."""
    recipe = folder / f"{method}.yml"
    names = [f"m{i}" for i in range(2 if method in OF_TWO else 3)]
    models = "".join(f"  - model: {folder / name}\n    parameters: {json.dumps(VALUES)}\n" for name in names)
    base = {"linear": None, "slerp": "m0"}.get(method, "base")
    named = f"base_model: {folder / base}\n" if base else ""
    t = "parameters: {t: 0.3}\n" if method == "slerp" else ""
    recipe.write_text(f"merge_method: {method}\n{named}models:\n{models}{t}dtype: {DTYPES[shape]}\n")
    inputs = [*names, *([base] if base and base not in names else [])]
    ours = [sys.executable, "-m", "detox_cli", "merge", "--recipe", str(recipe), "-q", "-o"]
    systems = {
        "floor": (["bash", "-c", floor(folder, inputs)], arguments.repeats),
        "ours": (ours, arguments.repeats),
        "ours, no hashes": ([*ours[:-1], "--no-hash-inputs", "-o"], arguments.repeats),
    }
    if arguments.mergekit:
        kit = [arguments.mergekit, str(recipe), "--quiet", "--allow-crimes"]
        systems["mergekit"] = (kit, arguments.mergekit_repeats)
    for system, (words, repeats) in systems.items():
        runs = []
        for _ in range(repeats):
            target = folder / "out"
            shutil.rmtree(target, ignore_errors=True)
            place = [str(target)] if system != "floor" else []
            if system == "mergekit":
                runs.append(measure([words[0], words[1], *place, *words[2:]]))
            else:
                runs.append(measure([*words, *place]))
            shutil.rmtree(target, ignore_errors=True)
        medians = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
        found = {"shape": shape, "method": method, "system": system, "runs": repeats, **medians}
        print(json.dumps(found | {"load": round(os.getloadavg()[0], 1)}), flush=True)


def floor(folder: Path, inputs: list[str]) -> str:
    """Read what is read, and copy as much as is written."""
    read = " ".join(f"{folder / name}/*.safetensors" for name in inputs)
    first = folder / inputs[0]
    copy = folder / "out"
    return f"cat {read} > /dev/null; mkdir -p {copy}; cat {first}/*.safetensors > {copy}/model"


def measure(words: list[str]) -> dict[str, float]:
    """Wall and processor seconds of a child process, and its peak in MB."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{words} ended with {status}")
    wall = time.perf_counter() - start
    return {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, "peak_MB": used.ru_maxrss / 1024}


def make(folder: Path, shape: str) -> None:
    """A base and three models, tensor by tensor, if they are not there yet."""
    for number, name in enumerate(("base", "m0", "m1", "m2")):
        if not (folder / name / "config.json").exists():
            shutil.rmtree(folder / name, ignore_errors=True)
            make_model(folder / name, shape, number)


def make_model(folder: Path, shape: str, number: int) -> None:
    folder.mkdir(parents=True)
    shapes = gpt2_shapes() if shape == "gpt2" else llama_shapes()
    shards = 1 if shape == "gpt2" else 5
    names = np.array_split(np.array(list(shapes)), shards)
    files = ["model.safetensors"]
    if shards > 1:
        files = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
        places = {str(name): file for file, part in zip(files, names, strict=True) for name in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    for file, part in zip(files, names, strict=True):
        write_file(folder / file, {str(name): shapes[str(name)] for name in part}, shape, number)
    (folder / "config.json").write_text(json.dumps(CONFIGS[shape] | {"torch_dtype": DTYPES[shape]}))


def write_file(path: Path, shapes: dict[str, tuple[int, ...]], shape: str, number: int) -> None:
    """Random numbers; those of a model are the base's and a small step."""
    dtype, item = ("F32", 4) if shape == "gpt2" else ("BF16", 2)
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, size in shapes.items():
        bytes_ = item * int(np.prod(size))
        header[name] = {"dtype": dtype, "shape": size, "data_offsets": [end, end + bytes_]}
        end += bytes_
    text = json.dumps(header).encode()
    base, own = np.random.default_rng(0), np.random.default_rng(number)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for size in shapes.values():
            numbers = 0.02 * base.standard_normal(int(np.prod(size)), dtype=np.float32)
            if number:
                numbers += 0.002 * own.standard_normal(len(numbers), dtype=np.float32)
            data = numbers if item == 4 else (numbers.view(np.uint32) >> 16).astype(np.uint16)
            file.write(data.tobytes())


def gpt2_shapes() -> dict[str, tuple[int, ...]]:
    d = 768
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (50257, d),
        "transformer.wpe.weight": (1024, d),
    }
    for i in range(12):
        block = {"ln_1.weight": (d,), "ln_1.bias": (d,), "ln_2.weight": (d,), "ln_2.bias": (d,)}
        block |= {"attn.c_attn.weight": (d, 3 * d), "attn.c_attn.bias": (3 * d,)}
        block |= {"attn.c_proj.weight": (d, d), "attn.c_proj.bias": (d,)}
        block |= {"mlp.c_fc.weight": (d, 4 * d), "mlp.c_fc.bias": (4 * d,)}
        block |= {"mlp.c_proj.weight": (4 * d, d), "mlp.c_proj.bias": (d,)}
        shapes |= {f"transformer.h.{i}.{name}": shape for name, shape in block.items()}
    return shapes | {"transformer.ln_f.weight": (d,), "transformer.ln_f.bias": (d,)}


def llama_shapes() -> dict[str, tuple[int, ...]]:
    d, inner, key = 2048, 5632, 256
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (32000, d),
        "lm_head.weight": (32000, d),
    }
    for i in range(22):
        block = {"self_attn.q_proj.weight": (d, d), "self_attn.o_proj.weight": (d, d)}
        block |= {"self_attn.k_proj.weight": (key, d), "self_attn.v_proj.weight": (key, d)}
        block |= {"mlp.gate_proj.weight": (inner, d), "mlp.up_proj.weight": (inner, d)}
        block |= {"mlp.down_proj.weight": (d, inner)}
        block |= {"input_layernorm.weight": (d,), "post_attention_layernorm.weight": (d,)}
        shapes |= {f"model.layers.{i}.{name}": shape for name, shape in block.items()}
    return shapes | {"model.norm.weight": (d,)}


if __name__ == "__main__":
    main()
