"""What a disk does to files: cut off, a bit turned over."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from detox_cli.errors import DetoxError, ExitCode
from detox_cli.runs.journal import Journal
from tests.conftest import Outcome

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def turned_over(content: bytes, byte: int, bit: int) -> bytes:
    return content[:byte] + bytes([content[byte] ^ 1 << bit]) + content[byte + 1 :]


def answers(path: Path) -> list[str]:
    return [json.loads(line)["output"] for line in path.read_text().splitlines()]


@pytest.fixture
def sharded(tiny_causal: Path, tmp_path: Path) -> Path:
    """The tiny model in two files with an index."""
    folder = Path(shutil.copytree(tiny_causal, tmp_path / "model"))
    state = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    names = sorted(state)
    for number in (0, 1):
        part = {name: state[name] for name in names[number::2]}
        save_file(part, folder / f"model-0000{number + 1}-of-00002.safetensors", metadata={"format": "pt"})
    places = {name: f"model-0000{n % 2 + 1}-of-00002.safetensors" for n, name in enumerate(names)}
    index = {"metadata": {"total_size": sum(v.nbytes for v in state.values())}, "weight_map": places}
    (folder / INDEX).write_text(json.dumps(index))
    return folder


def test_a_model_with_damaged_files_is_one_line_and_no_output(
    detox: Callable[..., Outcome], sharded: Path, tmp_path: Path
) -> None:
    (tmp_path / "prompts.txt").write_text("The weather is\n")
    words = ("generate", sharded, tmp_path / "prompts.txt", "-o", tmp_path / "out.jsonl")
    words = (*words, "--max-new-tokens", 8, "--device", "cpu")
    whole = {path: path.read_bytes() for path in sharded.iterdir()}
    chance = random.Random(0)
    first = sharded / "model-00001-of-00002.safetensors"
    accidents = [(path, whole[path][:-100]) for path in (first, sharded / INDEX)]
    for path, size in ((first, 1000), (sharded / INDEX, len(whole[sharded / INDEX]))):
        for _ in range(6):
            accidents.append((path, turned_over(whole[path], chance.randrange(size), chance.randrange(8))))
    assert detox(*words).code == 0
    wanted, refused = answers(tmp_path / "out.jsonl"), 0
    for path, damaged in accidents:
        for made in tmp_path.glob("out.jsonl*"):
            made.unlink()
        path.write_bytes(damaged)
        done = detox(*words)
        path.write_bytes(whole[path])
        errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
        assert "Traceback" not in done.err
        if done.code:
            refused += 1
            assert len(errors) == 1, done.err
            assert not list(tmp_path.glob("out.jsonl*")), done.err
        else:
            assert answers(tmp_path / "out.jsonl") == wanted, "only what no number depends on may change"
    assert refused > len(accidents) / 2


def test_a_bit_that_turns_over_in_a_journal_reaches_no_output(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    wanted = [{"id": str(n), "text": f"row {n} é", "score": n / 7} for n in range(4)]
    with Journal(path, "f") as journal:
        for record in wanted:
            journal.append(record)
    whole = path.read_bytes()
    for byte in range(len(whole)):
        path.write_bytes(turned_over(whole, byte, byte % 8))
        try:
            with Journal(path, "f") as journal:
                assert list(journal.records()) == wanted[:3], (
                    "the last line has lost its end, and is done again"
                )
        except DetoxError as error:
            assert error.exit_code in (ExitCode.DATA, ExitCode.USAGE) and "x.journal" in str(error)
        else:
            assert byte == len(whole) - 1
