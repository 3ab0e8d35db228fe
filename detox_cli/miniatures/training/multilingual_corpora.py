"""Readers of the development data in languages other than English, for `builtin:toxicity-multilingual`.

Of these only files whose licence permits shipping a trained model are learned from; RTP-LX and HateCheck are
for measuring.
"""

from collections.abc import Iterator
from pathlib import Path

from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.miniatures.training.corpora import Labelled, Rewrite, read_lines, read_table
from detox_cli.scoring.language_id import RTP_LX

LABELLED = ("ar", "de", "fr", "ja", "ko", "pt", "zh")
"""Languages with labelled comments under a licence that lets a model be shipped."""
LISTED = tuple(lang for lang in RTP_LX if lang != "id")
"""Languages with a list of rude words under such a licence."""
HATECHECK = ("ar", "de", "es", "fr", "hi-latn", "it", "nl", "pl", "pt", "zh")
RTP_LX_PASSWORD = "detox"


def labelled_comments(data: Path, lang: str) -> list[Labelled]:
    """Comments and what people call them.

    GermEval 2018 (de, CC-BY-4.0), ToLD-Br (pt, CC-BY-SA-4.0), Korean hate speech (ko, CC-BY-SA-4.0), COLD
    (zh, Apache-2.0), Inspection AI (ja, Apache-2.0), MLMA (ar and fr, MIT).
    """
    rows = read_lines(data / f"multilingual_toxicity/{lang}.jsonl")
    return [Labelled(str(row["text"]), float(str(row["toxic"])), lang) for row in rows]


def rewrites(data: Path, lang: str) -> list[Rewrite]:
    """Toxic sentences and people's rewrites: Multilingual ParaDetox, in Russian also its own (OpenRAIL++)."""
    found = [
        Rewrite(str(row["toxic_sentence"]), (str(row["neutral_sentence"]),))
        for row in read_lines(data / "paradetox/multi_paradetox.jsonl")
        if row["lang"] == lang
    ]
    if lang == "ru":
        rows = read_table(data / "paradetox/ru_paradetox.tsv", delimiter="\t")
        found += [Rewrite(row["toxic_comment"], (row["neutral_comment1"],)) for row in rows]
    return found


def plain_sentences(data: Path, lang: str) -> list[str]:
    """Sentences for learners of a language, Tatoeba (CC-BY-2.0-FR); English ones beside German."""
    other = "de" if lang == "en" else lang
    return [row[lang] for row in read_table(data / f"parallel/tatoeba_en-{other}.tsv", delimiter="\t")]


def rude_words(data: Path, lang: str) -> list[str]:
    """Listed words and phrases of a language: LDNOOBW (CC-BY-4.0); none in Indonesian."""
    if lang not in LISTED:
        return []
    lines = (data / f"lexicons/ldnoobw_{lang}.txt").read_text(encoding="utf-8").splitlines()
    return sorted({line.strip() for line in lines if line.strip()})


def rated_prompts(data: Path) -> Iterator[Labelled]:
    """RTP-LX prompts, toxic where people's mean rating is 3 or more of 5. Never trained on."""
    found = read_prompts(str(data / "rtp_lx.zip"), Rejects(), password=RTP_LX_PASSWORD)
    for prompt in found:
        if prompt.stratum is not None and prompt.lang is not None:
            yield Labelled(prompt.text, float(prompt.stratum == "toxic"), prompt.lang.partition("-")[0])


def hatecheck_cases(data: Path, lang: str) -> list[Labelled]:
    """Functional tests of Multilingual HateCheck, hateful or not. Never trained on."""
    rows = read_table(data / f"hatecheck/mhc_{lang}.csv")
    return [Labelled(row["test_case"], float(row["label_gold"] == "hateful"), lang) for row in rows]
