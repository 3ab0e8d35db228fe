"""The sample data: well-formed, mild, and nobody else's."""

import os
import re
from pathlib import Path

import pytest

import detox_cli.miniatures
from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.reading import Row, read_rows, rows_with_text
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import text_key

SAMPLES = Path(detox_cli.miniatures.__file__).parent / "samples"
DATA = Path(os.environ.get("DETOX_DATA", Path(__file__).parents[3] / "shared" / "data"))
RUDE = re.compile(
    r"\b(idiot|moron|stupid|crap|damn|hell\b|suck|dumb|jerk|fool|trash|pathetic|loser|clown|pig\b)|\*"
)


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return read_pairs(str(SAMPLES / "pairs.jsonl"), Rejects(None, strict=True))


@pytest.fixture(scope="module")
def requests() -> list[Row]:
    rows = read_rows(str(SAMPLES / "harmless.jsonl"), Rejects(None, strict=True))
    return rows_with_text(rows, "text", Rejects(None, strict=True))


def instructions(side: str) -> list[str]:
    rows = read_rows(str(SAMPLES / f"{side}_instructions.jsonl"), Rejects(None, strict=True))
    assert [row.id for row in rows] == [f"{side}-{number + 1:03d}" for number in range(len(rows))]
    return [str(row.values["text"]) for row in rows]


def column(name: str, key: str) -> list[str]:
    rows = read_rows(str(SAMPLES / f"{name}.jsonl"), Rejects(None, strict=True))
    return [str(row.values[key]) for row in rows]


def texts(pairs: list[Pair], requests: list[Row]) -> list[str]:
    written = [text for pair in pairs for text in (pair.toxic, *pair.references)]
    asked = [str(row.values["text"]) for row in requests]
    return [
        *written,
        *asked,
        *instructions("harmful"),
        *instructions("harmless"),
        *column("safe_sounding", "prompt"),
        *column("openings", "prompt"),
    ]


def test_there_are_as_many_as_the_card_says(pairs, requests):
    card = (SAMPLES / "README.md").read_text()
    assert (len(pairs), len(requests)) == (240, 40)
    assert f"| `pairs.jsonl` | {len(pairs)} |" in card
    assert f"| `harmless.jsonl` | {len(requests)} |" in card
    assert len(instructions("harmful")) == len(instructions("harmless")) == 243
    assert card.count("instructions.jsonl` | 243 |") == 2
    assert len(column("safe_sounding", "prompt")) == 123 and "| `safe_sounding.jsonl` | 123 |" in card
    assert column("openings", "stratum") == ["toxic"] * 40 + ["nontoxic"] * 40
    assert "| `openings.jsonl` | 80 |" in card
    assert len(column("prose", "text")) == 10 and "| `prose.jsonl` | 10 |" in card
    assert 4000 < sum(len(text.split()) for text in column("prose", "text")) < 4400
    assert sum("*" in pair.toxic for pair in pairs) == 7


def test_pairs_have_the_style_of_comments(pairs):
    for pair in pairs:
        assert list(pair.values) == ["id", "toxic", "references"]
        assert pair.id == f"sample-{pairs.index(pair) + 1:03d}"
        assert pair.toxic == pair.toxic.lower() == " ".join(pair.toxic.split())
        assert 5 <= len(pair.toxic.split()) <= 20
        assert 2 <= len(pair.references) <= 3


def test_every_text_is_there_once(pairs, requests):
    everything = texts(pairs, requests)
    assert len({text_key(text) for text in everything}) == len(everything)


def test_rewrites_and_requests_are_not_rude(pairs, requests):
    neutral = [text for pair in pairs for text in pair.references] + [
        *(str(row.values["text"]) for row in requests),
        *instructions("harmless"),
        *column("safe_sounding", "prompt"),
        *column("prose", "text"),
        *column("openings", "prompt")[40:],
    ]
    assert [text for text in neutral if RUDE.search(text)] == []
    assert sum(bool(RUDE.search(pair.toxic)) for pair in pairs) > len(pairs) / 2


@pytest.mark.skipif(not (DATA / "paradetox").is_dir(), reason=f"no published data at {DATA}")
@pytest.mark.parametrize(
    "name",
    [
        "paradetox/paradetox.tsv",
        "paradetox/pseudo_llama3_8b_10shot.csv",
        "paradetox/cannot_rewrite.jsonl",
        "paradetox/multi_paradetox.jsonl",
        "paradetox/textdetox2024_test_inputs.tsv",
        "jigsaw/sentences.tsv",
        "hate/surge_toxicity_en.csv",
        "refusal/harmless.json",
        "refusal/harmful.json",
        "refusal/xstest.csv",
    ],
)
def test_no_row_is_from_a_data_set(pairs, requests, name):
    ours = {text_key(text) for text in texts(pairs, requests)}
    rows = read_rows(str(DATA / name), Rejects())
    theirs = {text_key(value) for row in rows for value in row.values.values() if isinstance(value, str)}
    assert ours & theirs == set()
