"""``train bart`` starts from any encoder-decoder: what each family is told, and what its folder says then."""

import json
from functools import partial
from pathlib import Path

import pytest
from transformers import AutoConfig, AutoTokenizer

from detox_cli.errors import BadSettings
from detox_cli.models.rewriting import Rewriting
from detox_cli.services.generate import run as generate
from detox_cli.services.train_bart.run import run
from detox_cli.settings.generate import GenerateSettings
from tests.training_pairs import quick_training, write_pairs

FRAME = "Detoxify text for {lang}: {text}"
settings = partial(quick_training, epochs=4, learning_rate=1e-2, select="last")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"), lang="en")


def losses(folder: Path) -> list[float]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [record["loss"] for record in map(json.loads, lines) if "loss" in record]


def generation(folder: Path) -> dict:
    return json.loads((folder / "generation_config.json").read_text())


def test_mt5_reads_the_published_frame_and_generate_puts_it_around_every_text(
    pairs, tiny_mt5, tmp_path, recorder
):
    wanted = settings(pairs, tmp_path / "rewriter", tiny_mt5, template=FRAME)
    result = run(wanted)
    assert losses(wanted.output)[-1] < losses(wanted.output)[0] - 0.3
    assert result.truncation["trained on"].longest_source > 20, "the frame is counted"
    written = generation(wanted.output)
    assert "forced_bos_token_id" not in written and written["decoder_start_token_id"] == 0
    assert Rewriting.of(AutoConfig.from_pretrained(wanted.output)).template == FRAME
    (tmp_path / "toxic.jsonl").write_text('{"text": "a silly page", "lang": "en"}\n{"text": "another"}\n')
    asked = GenerateSettings(
        model=str(wanted.output), input=str(tmp_path / "toxic.jsonl"), output=str(tmp_path / "out.jsonl")
    )
    answered = generate.run(asked, recorder)
    assert any(FRAME in stage for stage in recorder.stages)
    row = json.loads((tmp_path / "out.jsonl").read_text())
    tokenizer = AutoTokenizer.from_pretrained(wanted.output)
    assert row["prompt_tokens"] == len(tokenizer("Detoxify text for en: a silly page").input_ids)
    assert row["prompt"] == "a silly page" and answered.rejects == 1, "the second row names no language"


def test_mbart_is_told_the_languages_and_begins_with_the_target(pairs, tiny_mbart, tmp_path):
    wanted = settings(pairs, tmp_path / "rewriter", tiny_mbart, source_lang="en_XX", target_lang="de_DE")
    run(wanted)
    assert losses(wanted.output)[-1] < losses(wanted.output)[0] - 0.3
    tokenizer = AutoTokenizer.from_pretrained(wanted.output)
    assert (tokenizer.src_lang, tokenizer.tgt_lang) == ("en_XX", "de_DE")
    german, written = tokenizer.convert_tokens_to_ids("de_DE"), generation(wanted.output)
    target = tokenizer(text_target="a page")["input_ids"]
    if target[0] == german:  # mBART-50
        assert written["forced_bos_token_id"] == german and written["decoder_start_token_id"] == 2
    else:
        assert target[-1] == german == written["decoder_start_token_id"]
        assert "forced_bos_token_id" not in written


def test_languages_are_asked_for_where_they_are_needed_and_refused_elsewhere(
    pairs, tiny_mbart, tiny_mt5, tmp_path
):
    with pytest.raises(BadSettings, match="has to be told the language"):
        run(settings(pairs, tmp_path / "rewriter", tiny_mbart))
    with pytest.raises(BadSettings, match="no language 'en'") as caught:
        run(settings(pairs, tmp_path / "rewriter", tiny_mbart, source_lang="en"))
    assert "did you mean en_XX?" in str(caught.value.hint)
    with pytest.raises(BadSettings, match="has no language codes"):
        run(settings(pairs, tmp_path / "rewriter", tiny_mt5, source_lang="en_XX"))
