"""The bundled BART: what it weighs, that it copies, and what its training lets in."""

import json
import random
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

import detox_cli.miniatures
from detox_cli.data.splits import is_held_out
from detox_cli.miniatures.training.bart import WordEncoder
from detox_cli.miniatures.training.bart_corpus import forum_style, read_sentences, split_sentences
from detox_cli.miniatures.training.bart_noise import KINDS, MASK, corrupt
from detox_cli.services.train_bart.quality import rewrite

FOLDER = Path(detox_cli.miniatures.__file__).parent / "bart"
SENTENCES = [
    "i do not think that this is a good idea .",
    "they knew what they had to do .",
    "why would you write that about the people who live here ?",
    "this is the worst article i have read in years .",
    "the other side of the story is never told .",
    "you can not change the rules because you lost .",
]


@pytest.fixture(scope="module")
def bart():
    return AutoModelForSeq2SeqLM.from_pretrained(FOLDER, dtype=torch.float32), AutoTokenizer.from_pretrained(
        FOLDER
    )


def test_the_folder_is_small_and_complete() -> None:
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 9e6
    wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"}
    assert wanted | {"generation_config.json"} <= {path.name for path in files}
    written = json.loads((FOLDER / "generation_config.json").read_text())
    assert (written["forced_bos_token_id"], written["num_beams"], written["max_new_tokens"]) == (0, 4, 60)


def test_it_copies_clean_sentences(bart) -> None:
    model, tokenizer = bart
    copies = rewrite(model, tokenizer, SENTENCES, 64)
    assert sum(copy == sentence for copy, sentence in zip(copies, SENTENCES, strict=True)) >= 5


def test_its_tokenizer_keeps_every_text_and_ends_it(bart) -> None:
    _, tokenizer = bart
    text = "Grüße, 世界 — what's 3.5% of ☕?"
    ids = tokenizer(text)["input_ids"]
    assert (ids[0], ids[-1]) == (0, 2)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_word_by_word_encoding_is_that_of_the_whole_sentence(bart) -> None:
    _, tokenizer = bart
    encode = WordEncoder(tokenizer)
    for sentence in [*SENTENCES, "What's 3.5% of that?", "Don't-know, sorry!"]:
        assert encode(sentence.split()) == tokenizer(sentence)["input_ids"]
    assert encode(["a", MASK])[-2] == tokenizer.mask_token_id


def test_every_kind_of_noise_changes_what_it_says_and_a_seed_repeats_it() -> None:
    words, vocabulary = SENTENCES[2].split(), ["apple", "pear"]
    changed = {kind.__name__: kind(words, random.Random(3), vocabulary) for kind in KINDS}
    assert MASK in changed["infill"]
    assert len(changed["delete"]) < len(words) < len(changed["insert"])
    assert set(changed["insert"]) - set(words) <= set(vocabulary)
    assert len(changed["replace"]) == len(words) and set(changed["replace"]) - set(words) <= set(vocabulary)
    assert sorted(changed["swap"]) == sorted(words) and changed["swap"] != words
    noisy = [corrupt(words, random.Random(seed), vocabulary, 0.5) for seed in range(200)]
    assert 60 < sum(n == words for n in noisy) < 140
    assert noisy == [corrupt(words, random.Random(seed), vocabulary, 0.5) for seed in range(200)]


def test_sentences_and_their_style() -> None:
    assert split_sentences("He said no. Then  he left!\nGood") == ["He said no.", "Then he left!", "Good"]
    assert forum_style('Well, "Yes" (maybe).') == 'well , " yes " ( maybe ) .'


def test_no_held_out_sentence_is_trained_on(tmp_path: Path) -> None:
    rows = [f"this is sentence number {i} of the test file" for i in range(300)]
    (tmp_path / "jigsaw").mkdir()
    (tmp_path / "lm").mkdir()
    (tmp_path / "jigsaw/sentences.tsv").write_text("text\ttoxic\n" + "".join(f"{r}\t0\n" for r in rows))
    document = "\n".join(f"{row} again" for row in rows)
    (tmp_path / "lm/comments.jsonl").write_text(json.dumps({"text": document}) + "\n")
    (tmp_path / "lm/train.jsonl").write_text(json.dumps({"text": "Short prose stands here too."}) + "\n")
    training, held_out = read_sentences(tmp_path, prose=10, seed=0)
    assert not any(is_held_out(sentence, 0.1) for sentence in training)
    assert set(held_out) == {row for row in rows if is_held_out(row, 0.1)} and len(held_out) > 10
    assert len(training) > 400
