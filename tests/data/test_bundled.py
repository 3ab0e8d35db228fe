"""Rows that ship with the package, by their names."""

import json
from pathlib import Path

import pytest

from detox_cli.data.bundled import SAMPLES, bundled_names
from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.runs.manifest import hash_file, write_manifest
from detox_cli.services.eval_calibrate.labels import Reading, read_labelled


def ids(source: str) -> list[str]:
    return [row.id for row in read_rows(source, Rejects(strict=True))]


@pytest.mark.parametrize("name", bundled_names())
def test_a_name_stands_for_the_file_and_halves_share_its_rows_out(name: str) -> None:
    whole = ids(f"builtin:{name}")
    assert whole == ids(str(SAMPLES / f"{name}.jsonl"))
    assert ids(f"builtin:{name}/odd") == whole[0::2]
    assert ids(f"builtin:{name}/even") == whole[1::2]


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadData, match="no rows of this name are bundled") as caught:
        ids("builtin:pears")
    assert caught.value.where == "builtin:pears"
    assert "did you mean builtin:pairs?" in str(caught.value.hint)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(BadData, match="no such part") as caught:
        ids("builtin:pairs/train")
    assert "builtin:pairs/odd" in str(caught.value.hint)


def test_the_manifest_has_the_hash_of_the_file(tmp_path: Path) -> None:
    empty: dict[str, object] = {}
    written = write_manifest(
        tmp_path,
        command="generate",
        settings=empty,
        inputs=["builtin:pairs/odd"],
        models=empty,
        scorers=empty,
        metrics=empty,
        started=0.0,
    )
    record = json.loads(written.read_text())["inputs"]["builtin:pairs/odd"]
    assert record["sha256"] == hash_file(SAMPLES / "pairs.jsonl")


def test_pairs_are_labelled_texts_that_stay_together() -> None:
    labelled = read_labelled("builtin:pairs", Reading(), Rejects(strict=True))
    assert [one.toxic for one in labelled] == [True, False] * 240
    assert len({one.id for one in labelled}) == 480
    assert len({one.parallel for one in labelled}) == 240
