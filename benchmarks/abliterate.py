"""``detox abliterate`` against heretic-llm: the same small model and prompts, one thread each.

    python benchmarks/refusing_model.py --data DATA --output TOY
    python benchmarks/abliterate.py --toy TOY --output DIR --heretic VENV [--part collect …] [--trials 6]

VENV is an environment with ``pip install heretic-llm`` (1.4.0 here), which is only run: in a terminal, with
the same prompts as text files, without the network. The parts are

    collect   the residual stream of 400 + 400 prompts. Ours: loading and reading, all template positions.
              Theirs: the processor time between the lines that announce the two sets and the next one
    whole     from the model to an edited one on the disk, and what both do to 100 + 100 held-out prompts
    write     a random bfloat16 model of 481 MB. Theirs: one trial on four prompts a set, and saving.
              Ours: ``benchmarks/edit_weights.py``

Processor seconds are user + system of the whole program; memory is the peak of one process.
"""

import argparse
import json
import math
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from edit_weights import SIZES, make, report
from watching import DOWN, ENTER, UP, Watched, watch

SYSTEM = "You are a helpful assistant."
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
PROMPTS = ("harmless_train", "harmful_train", "harmless_test", "harmful_test")
THEIRS = ("good-prompts", "bad-prompts", "good-evaluation-prompts", "bad-evaluation-prompts")
HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--toy", type=Path, help="what refusing_model.py made")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--heretic", type=Path, help="its environment")
    parser.add_argument("--part", action="append", choices=("collect", "whole", "write"))
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--mode", action="append", help="for detox abliterate; its defaults if not given")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        {"collect": collect, "judge": judge}[arguments.one[0]](*map(Path, arguments.one[1:]))
        return
    arguments.output.mkdir(parents=True, exist_ok=True)
    for part in arguments.part or ("collect", "whole", "write"):
        PARTS[part](arguments)


def run_collect(arguments: argparse.Namespace) -> None:
    log = fresh(arguments.output / "collect.txt")
    command = [sys.executable, __file__, "--one", "collect", str(arguments.toy)]
    ours = watch(command, log=log, environment=OFFLINE)
    show("collect, detox", ours, **json.loads(ours.lines[-1][1]))


def collect(toy: Path) -> None:
    """Load the model and read the prompts, as ``detox`` does it; print what the reading took."""
    import resource

    from detox_cli.generation.encoding import PromptReader
    from detox_cli.generation.requests import Turn
    from detox_cli.models.activations.collect import collect as read
    from detox_cli.models.anatomy.read import read_anatomy
    from detox_cli.models.loading import load_causal
    from detox_cli.models.sources import find_model
    from detox_cli.services.abliterate.contrast.contrasts import Prompt
    from detox_cli.services.abliterate.measure import shared_ending, token_ids

    loaded = load_causal(find_model(str(toy / "model")), dtype="float32")
    shapes = {name: tuple(value.shape) for name, value in loaded.model.state_dict().items()}
    anatomy = read_anatomy(loaded.model.config.to_dict(), shapes)
    before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    memory = peak_rss()
    reader = PromptReader(loaded.tokenizer, loaded.model.config)
    sets = {}
    for side in ("harmful", "harmless"):
        lines = (toy / f"{side}_train.txt").read_text(encoding="utf-8").splitlines()
        turns = [(Turn("system", SYSTEM), Turn("user", line)) for line in lines]
        sets[side] = token_ids(reader, [Prompt(str(i), "", prompt) for i, prompt in enumerate(turns)])
    positions = shared_ending([*sets["harmful"], *sets["harmless"]])
    found = read(loaded.model, anatomy, sets, positions)
    seconds = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before
    prompts = sum(map(len, sets.values()))
    figures = {
        "prompts": prompts,
        "positions": positions,
        "layers": found["harmful"].layers,
        "reading_cpu_s": round(seconds, 2),
        "prompts_per_cpu_s": round(prompts / seconds, 1),
        "extra_rss_MB": round(peak_rss() - memory),
    }
    print(json.dumps(figures))


def run_whole(arguments: argparse.Namespace) -> None:
    ours, theirs = arguments.output / "detox", arguments.output / "heretic"
    for folder in (ours, theirs):
        shutil.rmtree(folder, ignore_errors=True)
    prompts = {side: arguments.output / f"{side}.txt" for side in ("harmful", "harmless")}
    for side, file in prompts.items():
        shutil.copy(arguments.toy / f"{side}_train.txt", file)
    command = [sys.executable, "-m", "detox_cli", "abliterate", str(arguments.toy / "model"), "-o", str(ours)]
    command += ["--positive", str(prompts["harmful"]), "--negative", str(prompts["harmless"])]
    command += ["--contrast", "files", "--system", SYSTEM, "--dtype", "float32", "--best-anyway"]
    command += [word for mode in arguments.mode or () for word in ("--mode", mode)]
    for part in ("residues", "forward", "refusals", "kl"):
        command += ["--parts", part]
    run = watch(command, log=fresh(arguments.output / "whole_detox.txt"), environment=OFFLINE)
    show("whole, detox", run)
    peer(arguments, arguments.toy / "model", theirs, arguments.trials)
    for name, folder in (("detox", ours), ("heretic", theirs)):
        judging = [sys.executable, __file__, "--one", "judge", str(arguments.toy), str(folder)]
        print(json.dumps({"judged": name, **json.loads(watch(judging, environment=OFFLINE).lines[-1][1])}))


def peer(arguments: argparse.Namespace, model: Path, saved: Path, trials: int, few: bool = False) -> Watched:
    """Run heretic to the end: the first trial that it offers is taken, merged and saved."""
    files = [few_of(arguments, name) if few else arguments.toy / f"{name}.txt" for name in PROMPTS]
    command = [str(arguments.heretic / "bin" / "heretic"), "--model", str(model)]
    command += ["--n-trials", str(trials), "--seed", "0", "--export-strategy", "MERGE"]
    command += ["--study-checkpoint-dir", str(fresh_folder(arguments.output / "study"))]
    command += ["--batch-size", "4", "--max-response-length", "4"] if few else ["--dtypes", '["float32"]']
    for option, file in zip(THEIRS, files, strict=True):
        command += [f"--{option}.dataset", str(file), f"--{option}.split", "null"]
    answers = [
        ("Which trial do you want to use", ENTER),
        ("What do you want to do with the decensored model", ENTER),
        ("Path to the folder", f"{saved}{ENTER}"),
        ("What do you want to do with the decensored model", DOWN * 4 + ENTER),
        ("Which trial do you want to use", UP + ENTER),
    ]
    log = fresh(arguments.output / f"heretic_{model.name}_{trials}.txt")
    run = watch(command, answers, arguments.output, OFFLINE, log)
    show(f"heretic, {trials} trials, {model.name}", run, reading_cpu_s=between_sets(run))
    return run


def between_sets(run: Watched) -> float | None:
    """Processor seconds from the line that announces the first set to the first line after the second."""
    at = [i for i, (_, line) in enumerate(run.lines) if "btaining residual" in line]
    return round(run.lines[at[-1] + 1][0] - run.lines[at[0]][0], 2) if len(at) > 1 else None


def few_of(arguments: argparse.Namespace, name: str) -> Path:
    """Four prompts: enough to have something saved."""
    lines = (arguments.toy / f"{name}.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    file = arguments.output / f"few_{name}.txt"
    file.write_text("".join(lines[:4]), encoding="utf-8")
    return file


def judge(toy: Path, edited: Path) -> None:
    """Refusals of 100 harmful prompts, divergence on 100 harmless ones: both models by the same measures."""
    import torch

    from detox_cli.generation.load import load_engine
    from detox_cli.generation.requests import Request, Sampling, Turn
    from detox_cli.models.sources import find_model
    from detox_cli.scoring.degenerate import degenerate
    from detox_cli.scoring.divergence import answer_log_probabilities, divergences, greedy_beginnings
    from detox_cli.scoring.instruction_refusals import declines
    from detox_cli.statistics.shares import share_interval

    engines = [load_engine(find_model(str(folder)), dtype="float32") for folder in (toy / "model", edited)]
    requests = {}
    for side in ("harmful", "harmless"):
        lines = (toy / f"{side}_test.txt").read_text(encoding="utf-8").splitlines()
        turns = [(Turn("system", SYSTEM), Turn("user", line)) for line in lines]
        requests[side] = [Request(str(i), prompt, 0) for i, prompt in enumerate(turns)]
    found: dict[str, object] = {}
    greedy = Sampling(max_new_tokens=100, temperature=0)
    for name, engine in zip(("before", "after"), engines, strict=True):
        for side, asked in requests.items():
            texts = {done.id: done.samples[0].text for done in engine.generate(asked, greedy)}
            answers = [texts[request.id] for request in asked]
            refused = [declines(answer) for answer in answers]
            if (name, side) == ("before", "harmless"):
                answered = [not flag for flag in refused]
            found[f"refused_{side}_{name}"] = asdict(share_interval(refused))
            found[f"degenerate_{side}_{name}"] = sum(degenerate(answer) is not None for answer in answers)
    prompts = [row.ids for row in engines[0].reader.read(requests["harmless"])]
    ends = engines[0].stop_tokens(chat=True)
    beginnings = greedy_beginnings(engines[0].model, prompts, ends)
    logs = [answer_log_probabilities(engine.model, prompts, beginnings) for engine in engines]
    moved = divergences(*logs)
    found |= {"kl_8_tokens": float(moved.mean.mean()), "kl_first_token": float(moved.first.mean())}
    found["kl_first_token_where_the_base_answers"] = float(moved.first[answered].mean())
    found["n"] = [len(prompts), sum(answered)]
    assert torch.is_inference_mode_enabled() is False and all(map(math.isfinite, moved.mean))
    print(json.dumps(found))


def run_write(arguments: argparse.Namespace) -> None:
    source = arguments.output / "481MB"
    if not source.exists():
        make(source, **SIZES["481MB"])
    report(source, arguments.output / "edited", "exact", repeats=1)
    complete_config(source, arguments.toy)
    saved = arguments.output / "heretic_481MB"
    shutil.rmtree(saved, ignore_errors=True)
    peer(arguments, source, saved, trials=1, few=True)


def complete_config(folder: Path, toy: Path) -> None:
    """What a library needs to load it: attention heads, and the tokenizer of the small model."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads = config["hidden_size"] // 64
    config |= {
        "architectures": ["LlamaForCausalLM"],
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 4,
        "dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for file in (toy / "model").iterdir():
        if file.name.startswith(("tokenizer", "chat_template", "special_tokens")):
            shutil.copy(file, folder)


def show(what: str, run: Watched, **more: object) -> None:
    figures = {"code": run.code, "cpu_s": round(run.cpu_s, 1), "wall_s": round(run.wall_s, 1)}
    print(json.dumps({"run": what, **figures, "peak_rss_MB": round(run.peak_mb), **more}), flush=True)


def peak_rss() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def fresh(file: Path) -> Path:
    file.unlink(missing_ok=True)
    return file


def fresh_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "collect": run_collect,
    "whole": run_whole,
    "write": run_write,
}

if __name__ == "__main__":
    main()
