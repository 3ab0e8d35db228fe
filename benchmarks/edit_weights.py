"""Editing the weights of a checkpoint: time and peak memory of one fresh process, and what is left.

    python benchmarks/edit_weights.py --output DIR [--size 481MB --size 1.9GB] [--repeats 3]

Checkpoints of random bfloat16 numbers with the tensors of a Llama are made once in DIR. One direction is
removed from the embedding and from every attention output and MLP output. The peak is that of editing and of
reading every edited tensor back.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIZES = {
    "481MB": {"hidden_size": 1024, "intermediate_size": 2944, "num_hidden_layers": 16, "shards": 1},
    "1.9GB": {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "shards": 5},
}
VOCABULARY = 32_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--size", choices=SIZES, action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        edit(*map(Path, arguments.one[:2]), arguments.one[2])
        return
    for size in arguments.size or SIZES:
        source = arguments.output / size
        if not source.exists():
            make(source, **SIZES[size])
        for rounding in ("exact", "nearest"):
            report(source, arguments.output / "edited", rounding, arguments.repeats)


def report(source: Path, target: Path, rounding: str, repeats: int) -> None:
    """Print the fastest of some fresh processes, and the largest residue that one left."""
    runs = []
    for _ in range(repeats):
        subprocess.run(["rm", "-rf", str(target)], check=True)
        command = [sys.executable, __file__, "--output", ".", "--one", str(source), str(target), rounding]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        runs.append(json.loads(run.stdout))
    best = min(runs, key=lambda run: run["wall_s"])
    print(json.dumps({"checkpoint": source.name, "rounding": rounding, **best}), flush=True)


def edit(source: Path, target: Path, rounding: str) -> None:
    """Edit once, as ``detox`` does it, and print what it took."""
    from detox_cli.models.checkpoint.folder import open_checkpoint
    from detox_cli.models.checkpoint.plan import plan_edits
    from detox_cli.models.checkpoint.residue import measure_residues
    from detox_cli.models.checkpoint.write import write_edited
    from detox_cli.models.directions import orthonormal
    from detox_cli.models.edits import Edit
    from detox_cli.runs.atomic import atomic_folder

    start = time.perf_counter()
    checkpoint = open_checkpoint(source)
    anatomy = checkpoint.anatomy()
    basis = orthonormal(np.random.default_rng(0).standard_normal(anatomy.width))
    plan = plan_edits(checkpoint, anatomy, lambda writer: Edit(basis))
    with atomic_folder(target) as folder:
        write_edited(checkpoint, plan, folder, rounding=rounding)
        unsynced = time.perf_counter() - start
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    residues = measure_residues(checkpoint, open_checkpoint(target), plan)
    size = sum(tensor.size for tensor in checkpoint.tensors.values()) / 1e6
    found = {
        "MB": round(size),
        "MB_edited": round(plan.bytes_edited / 1e6),
        "wall_s": round(wall, 2),
        "wall_s_before_sync": round(unsynced, 2),
        "cpu_s": round(cpu, 2),
        "cpu_s_of_reading_back": round(sum(os.times()[:2]) - cpu, 2),
        "MB_per_cpu_s": round(size / cpu),
        "peak_rss_MB": peak_rss(),
        "largest_residue": max(residue.residue for residue in residues),
        "largest_change": max(residue.change for residue in residues),
    }
    print(json.dumps(found))


def peak_rss() -> int:
    """Of this program alone; ``ru_maxrss`` would count what the process that started it held."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def make(folder: Path, hidden_size: int, intermediate_size: int, num_hidden_layers: int, shards: int) -> None:
    """Write a random checkpoint, tensor by tensor."""
    folder.mkdir(parents=True)
    config = {
        "model_type": "llama",
        "hidden_size": hidden_size,
        "intermediate_size": intermediate_size,
        "num_hidden_layers": num_hidden_layers,
        "vocab_size": VOCABULARY,
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    table = (VOCABULARY, hidden_size)
    square, key = (hidden_size, hidden_size), (hidden_size // 4, hidden_size)
    wide, down = (intermediate_size, hidden_size), (hidden_size, intermediate_size)
    attention = {"q_proj": square, "k_proj": key, "v_proj": key, "o_proj": square}
    norm = (hidden_size,)
    shapes = {
        "model.embed_tokens.weight": table,
        "lm_head.weight": table,
        "model.norm.weight": (hidden_size,),
    }
    for i in range(num_hidden_layers):
        block = {f"self_attn.{name}.weight": shape for name, shape in attention.items()}
        block |= {"mlp.gate_proj.weight": wide, "mlp.up_proj.weight": wide, "mlp.down_proj.weight": down}
        block |= {"input_layernorm.weight": norm, "post_attention_layernorm.weight": norm}
        shapes |= {f"model.layers.{i}.{name}": shape for name, shape in block.items()}
    names = np.array_split(np.array(list(shapes)), shards)
    files = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
    if shards == 1:
        files = ["model.safetensors"]
    else:
        places = {str(name): file for file, part in zip(files, names, strict=True) for name in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    for file, part in zip(files, names, strict=True):
        write_shard(folder / file, {str(name): shapes[str(name)] for name in part})


def write_shard(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    generator = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for shape in shapes.values():
            numbers = (0.02 * generator.standard_normal(int(np.prod(shape)), dtype=np.float32)).view(
                np.uint32
            )
            file.write((numbers >> 16).astype(np.uint16).tobytes())


if __name__ == "__main__":
    main()
