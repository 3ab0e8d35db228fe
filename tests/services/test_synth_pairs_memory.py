"""Planning a million sentences takes the memory of their texts, whatever stands before them in a prompt."""

import json
import tracemalloc

from detox_cli.data.rejects import Rejects
from detox_cli.generation.encoding import READ_AT_ONCE
from detox_cli.generation.made import packed
from detox_cli.output.progress import Silent
from detox_cli.services.synth_pairs.sources import requests_for
from detox_cli.services.synth_pairs.work import prepare
from detox_cli.services.writers import LocalWriter
from detox_cli.settings.resolve import resolve
from detox_cli.settings.synth import SynthPairsSettings


def test_prompts_are_not_kept(tmp_path):
    shots = [{"id": str(n), "toxic": f"a silly plan {n}", "neutral": f"a plan {n}"} for n in range(10)]
    (tmp_path / "shots.jsonl").write_text("".join(json.dumps(one) + "\n" for one in shots))
    few, many = (planned(tmp_path, rows) for rows in (2 * READ_AT_ONCE, 4 * READ_AT_ONCE))
    assert (many - few) / (2 * READ_AT_ONCE) < 3000  # the ids of one prompt alone take more


def planned(folder, rows):
    """Most bytes while the work is planned, and prompts are packed as an engine does."""
    asked = folder / f"{rows}.jsonl"
    asked.write_text(
        "".join(json.dumps({"id": str(n), "text": f"a silly day {n}"}) + "\n" for n in range(rows))
    )
    given = {"input": str(asked), "output": str(folder / "out.jsonl"), "num_shots": 10}
    given["shots"] = str(folder / "shots.jsonl")
    settings = resolve("synth.pairs", SynthPairsSettings, given, ["offline"])
    tracemalloc.start()
    try:
        work = prepare(settings, Rejects(), Silent())
        requests = requests_for(list(work.sources.values()), settings)
        assert isinstance(work.writer, LocalWriter)
        prompts = packed(work.writer.reader().stream(requests))
        assert len(prompts) == rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
