"""Every command that makes something, as a command line of seconds, and what these read, in mild words."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from detox_cli.runs.atomic import atomic_folder
from tests.chain_rows import write_chains
from tests.preference_pairs import write_preferences
from tests.tiny_texts import INSULTS, TOPICS

SMALL = "--limit 6 --num-samples 2"
LINES = {
    "merge": "merge expert-0 expert-1 --base base --method ties --density 0.5 -o out --shard-size 1MB",
    "generate": "generate builtin:lm toxic.txt -o out.jsonl --max-new-tokens 20 --batch-tokens 400",
    "eval rewrite": "eval rewrite rewrites.jsonl -o out",
    "eval compare": "eval compare rewrites.jsonl other.jsonl -o out",
    "eval calibrate": "eval calibrate builtin:toxicity --labels labelled.jsonl -o out",
    "eval generation": "eval generation builtin:lm --prompts toxic.txt -o out --limit 16 --num-samples 4",
    "report": "report probe -o out.html",
    "probe train": "probe train builtin:lm --data labelled.jsonl -o out --controls 2 --random-directions 5",
    "probe vectors": "probe vectors builtin:lm --probe probe -o out --prompts toxic.txt --limit 12 --top 10",
    "probe retrieval": "probe retrieval builtin:lm --data translated.tsv --effect effects.tsv -o out",
    "probe diff": "probe diff base expert-0 --probe probe -o out --prompts toxic.txt --limit 12",
    "probe activations": "probe activations builtin:lm --probe probe -o out --prompts toxic.txt --limit 12 "
    "--random 5",
    "probe predict-transfer": "probe predict-transfer retrieval -o out",
    "probe intervene": "probe intervene builtin:lm --neurons 0:1,1:2,2:3 --op zero --dose 0.5,1 -o out "
    f"{SMALL} --controls 1",
    "synth pairs": "synth pairs toxic.txt -m builtin:chat -o out.jsonl --limit 16 --score --retries 1 "
    "--batch-tokens 600",
    "synth preferences": "synth preferences builtin:lm --prompts toxic.txt -o out.jsonl --limit 12 "
    "--num-samples 8 --min-margin 0.01 --max-chosen 1 --min-rejected 0 --batch-tokens 1000",
    "synth chain": "synth chain builtin:lm --prompts toxic.txt -o out --limit 12 --batch-tokens 1000",
    "train spans": "train spans --data marked.jsonl -o out --epochs 3 --min-steps 0 --batch-size 8",
    "train lm": "train lm builtin:lm --data toxic.txt -o out --epochs 2 --batch-size 8 --split 2 "
    "--eval-share 0.1",
    "train dpo": "train dpo builtin:lm --data preferences.jsonl -o out --epochs 2 --batch-size 8 "
    "--val-fraction 0.2",
    "train cmd": "train cmd builtin:lm --data chains -o out --epochs 2 --batch-size 4 --val-fraction 0.2",
    "train bart": "train bart pairs.jsonl -o out --epochs 2 --min-steps 0 --batch-size 8 --eval-rows 8",
    "negate": "negate base --expert expert-0 --expert expert-1 --scale 0.2:0.6:0.2 -o out "
    f"{SMALL} --picture none --max-ppl-increase none",
    "negate --data": "negate builtin:lm --data toxic.txt --split 2 --scale 0.2,0.4 -o out "
    f"{SMALL} --picture none --max-ppl-increase none",
    "abliterate": "abliterate builtin:chat -o out --contrast toxicity --limit 48 --force "
    "--task-rows 8 --new-tokens 40 --best-anyway",
    "demo": "demo -o out --limit 24",
}
"""By name: the words after ``detox``. Each makes ``out``, ``out.jsonl`` or ``out.html`` where it runs."""
EFFECTS = {"de": "0.4", "fr": "0.35", "it": "0.3", "es": "0.2", "nl": "0.1"}
"""What a detoxification is said to have done by language, so that there is something to predict from."""
OF_ONE_RUN = {
    *("started", "wall_seconds", "seconds", "tokens_per_second", "seconds_per_sample", "peak_memory_bytes"),
    *("versions", "resumed", "output"),
}
"""Keys of manifests: times, memory, how many rows an earlier run had done; files are compared themselves."""


def output_of(name: str) -> str:
    """What a command line makes."""
    words = LINES[name].split()
    return words[words.index("-o") + 1]


def write_inputs(place: Path) -> None:
    """A few rows of everything, a model and two that moved away from it, and a probe."""
    with atomic_folder(place) as folder:
        texts = [f"what a {insult} {topic}" for insult in INSULTS for topic in TOPICS][:48]
        (folder / "toxic.txt").write_text("".join(text + "\n" for text in texts))
        calm = [f"I do not like this {text.split()[-1]}, number {n}." for n, text in enumerate(texts)]
        pairs = list(zip(texts, calm, strict=True))
        _lines(folder / "pairs.jsonl", [{"toxic": a, "neutral": b} for a, b in pairs])
        for file, answers in (("rewrites", calm), ("other", [text[::-1] for text in calm])):
            rows = [
                {"id": str(n), "toxic": a, "neutral": b, "references": [calm[n]]}
                for n, (a, b) in enumerate(zip(texts, answers, strict=True))
            ]
            _lines(folder / f"{file}.jsonl", rows)
        _lines(
            folder / "labelled.jsonl",
            [{"text": t, "toxic": n} for a, b in pairs for t, n in ((a, 1), (b, 0))],
        )
        _lines(
            folder / "marked.jsonl",
            [{"text": a, "spans": [[7, 7 + len(a.split()[2])]]} for a in texts]
            + [{"text": b, "spans": []} for b in calm],
        )
        rows = [[a, *(f"{lang} {b}" for lang in EFFECTS)] for a, b in pairs]
        _table(folder / "translated.tsv", [["en", *EFFECTS], *rows])
        _table(folder / "effects.tsv", [["lang", "effect"], *map(list, EFFECTS.items())])
        write_preferences(folder, "preferences.jsonl")
        write_chains(folder / "chains")
        _write_models(folder)


def write_probe(place: Path) -> None:
    """The probe and the retrieval that some lines read, beside the other inputs."""
    for name, output in (("probe train", "probe"), ("probe retrieval", "retrieval")):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "detox_cli",
                *LINES[name].replace("-o out", f"-o {output}").split(),
                "--quiet",
            ],
            cwd=place,
            env=surroundings(place.parent / "cache"),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(done.stderr)


def link_inputs(inputs: Path, place: Path) -> Path:
    """A new folder in which the inputs are links, so that all command lines are the same."""
    place.mkdir(parents=True)
    for entry in inputs.iterdir():
        (place / entry.name).symlink_to(entry)
    return place


def content(place: Path) -> dict[str, str]:
    """A digest of every file but the inputs, with what differs from run to run taken out of manifests."""
    found = {}
    for path in sorted(place.rglob("*")):
        if path.is_file() and not any(part.is_symlink() for part in (path, *path.parents)):
            found[str(path.relative_to(place))] = hashlib.sha256(_lasting(path, place)).hexdigest()
    return found


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """What a folder lacks, has too much or has otherwise."""
    lost = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    more = [f"{name} should not be there" for name in found.keys() - wanted.keys()]
    other = [f"{name} differs" for name in wanted.keys() & found.keys() if wanted[name] != found[name]]
    return sorted(lost + more + other)


def _lasting(path: Path, place: Path) -> bytes:
    found = path.read_bytes()
    if not path.name.endswith("detox.json"):
        return found
    document, own = without_times(json.loads(found)), str(place.resolve())
    if own in found.decode() and isinstance(document, dict):
        del document["fingerprint"]  # of models that this run has made too: their places and times
    return json.dumps(document).replace(own, ".").encode()


def without_times(value: object) -> object:
    """A document without what differs from run to run."""
    if isinstance(value, dict):
        return {key: without_times(part) for key, part in value.items() if key not in OF_ONE_RUN}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def surroundings(cache: Path) -> dict[str, str]:
    """The environment in which the lines run: bundled models, one thread, this tree, a cache of its own."""
    return os.environ | {
        "DETOX_CACHE": str(cache),
        "DETOX_PROFILE": "offline",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }


def _write_models(folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from detox_cli.models.sources import find_model

    source = find_model("builtin:lm").location
    for number, name in enumerate(("base", "expert-0", "expert-1")):
        model = AutoModelForCausalLM.from_pretrained(source)
        torch.manual_seed(number)
        with torch.no_grad():
            for weight in model.parameters() if number else ():
                weight.add_(torch.randn_like(weight) * 0.02 * weight.std())
        model.save_pretrained(folder / name)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder / name)


def _table(path: Path, rows: list[list[str]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in rows))


def _lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
