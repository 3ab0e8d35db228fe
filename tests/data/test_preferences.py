"""Every published form of preferences becomes the same thing."""

import json
import zipfile

import pytest

from detox_cli.data.preferences.read import read_preferences
from detox_cli.data.rejects import Rejects
from detox_cli.data.where.parse import parse_rule
from detox_cli.errors import BadData
from detox_cli.output.progress import Silent
from detox_cli.services.train_dpo.data import read_data
from detox_cli.services.train_dpo.encode import Limits, encode
from tests.preference_pairs import quick_tuning

METADATA = {"Filename": "0123.txt", "Begin": "0", "End": "9"}
TALK = "\n\nHuman: Hello?\n\nAssistant: Hi.\n\nHuman: Well?\n\nAssistant:"
USER, POLITE, RUDE = (
    {"role": role, "content": text}
    for role, text in (("user", "Well?"), ("assistant", "Yes, please."), ("assistant", "No, silly."))
)
FORMS = {
    "toxicity_pairwise": {"prompt_text": "Well?", "unpert_gen_text": " Yes.", "pert_gen_text": " No, silly."},
    "RTP-LX triples": {
        **{"Prompt": "Well?", "BenignCompletion": "Yes.", "Completion": "Well? No, silly."},
        **{"Locale": "EN", "OriginalMetadata": METADATA},
    },
    "prompt, chosen, rejected": {"prompt": "Well?", "chosen": " Yes.", "rejected": " No, silly."},
}


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def texts(path, rejects=None, **more):
    found = read_preferences(str(path), rejects or Rejects(), **more)
    return [(one.prompt, one.chosen, one.rejected) for one in found.preferences]


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_told_by_its_columns(tmp_path, name):
    path = lines(tmp_path / "pairs.jsonl", {**FORMS[name], "score": 0.5})
    assert texts(path) == [("Well?", " Yes.", " No, silly.")]
    assert read_preferences(str(path), Rejects()).forms == {name: 1}


def test_dialogues_are_cut_before_the_last_answer(tmp_path):
    path = lines(
        tmp_path / "pairs.jsonl",
        {"chosen": f"{TALK} Yes, please.", "rejected": f"{TALK} Yes, silly."},
        {"chosen": "I am quite sure", "rejected": "I am quick to judge"},
        {"chosen": [USER, POLITE], "rejected": [USER, RUDE]},
        {"chosen": "Nothing", "rejected": "alike"},
    )
    rejects = Rejects()
    talk, words, messages = texts(path, rejects)
    assert talk == (TALK, " Yes, please.", " Yes, silly.")
    assert words == ("I am", " quite sure", " quick to judge")
    assert messages == ((USER,), (POLITE,), (RUDE,))
    assert rejects.by_reason == {"chosen and rejected begin differently, so there is no prompt": 1}


def test_columns_can_be_named(tmp_path):
    path = lines(tmp_path / "pairs.jsonl", {"q": "Well?", "good": " Yes.", "bad": " No."})
    assert texts(path, columns={"prompt": "q", "chosen": "good", "rejected": "bad"}) == [
        ("Well?", " Yes.", " No.")
    ]
    with pytest.raises(BadData, match="no known form") as caught:
        texts(path)
    assert "--map" in str(caught.value.hint)
    with pytest.raises(BadData, match="'god'"):
        texts(path, columns={"prompt": "q", "chosen": "god", "rejected": "bad"})


def test_an_archive_keeps_translations_on_one_side(tmp_path):
    """The files of pairs do not say what they were translated from; those of the prompts beside them do."""
    path = tmp_path / "rtp_lx.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for lang, prompt in (("ES", "¿Y bien?"), ("DE", "Na und?")):
            row = {"Prompt": prompt, "Locale": lang, "Index": 0, "OriginalMetadata": METADATA}
            archive.writestr(f"RTP_LX_{lang}.json", json.dumps(row) + "\n")
            pair = {
                "prompt_text": prompt,
                "unpert_gen_text": " a",
                "pert_gen_text": " b",
                "lang": lang.lower(),
            }
            archive.writestr(f"pairs_{lang}.jsonl", json.dumps(pair) + "\n")
    found = read_preferences(str(path), Rejects()).preferences
    assert {one.lang for one in found} == {"es", "de"} and len({one.group for one in found}) == 1
    assert len({one.id for one in found}) == 2


def test_english_triples_without_metadata_stay_with_their_translations(tmp_path):
    triple = {**FORMS["RTP-LX triples"], "Index": 3}
    english = {name: value for name, value in triple.items() if name != "OriginalMetadata"}
    rows = ("ES", {**triple, "Prompt": "¿Y bien?", "Locale": "ES", "Index": "3"}), ("EN", english)
    for lang, row in rows:
        lines(tmp_path / f"{lang}.json", row)
    lines(tmp_path / "own.jsonl", {"prompt": "p", "chosen": " a", "rejected": " b", "Index": 3})
    found = read_preferences(str(tmp_path), Rejects()).preferences
    assert [one.group for one in found] == ["0123.txt:0-9", "0123.txt:0-9", "p"]


def test_a_rule_sees_what_rtp_lx_says_of_the_prompt_of_a_pair(tmp_path, tiny_causal):
    path = tmp_path / "rtp_lx.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for lang, index in (("EN", int), ("AR", str)):
            own = [{"Prompt": f"{lang} page {n}:", "Locale": lang, "Index": index(n)} for n in range(8)]
            archive.writestr(f"RTP_LX_{lang}.json", "".join(json.dumps(row) + "\n" for row in own))
            pairs = [
                {"prompt_text": text, "unpert_gen_text": " a", "pert_gen_text": " b", "lang": lang.lower()}
                for text in [row["Prompt"] for row in own] + ["Not one of them:"]
            ]
            archive.writestr(f"pairs_{lang}.jsonl", "".join(json.dumps(row) + "\n" for row in pairs))
    settings = {"val_fraction": 0.0, "select": "last", "where": "Index < 3 and lang == 'ar' or Index == 7"}
    data = read_data(quick_tuning(path, tmp_path / "out", tiny_causal, **settings), Silent())
    assert [(one.lang, one.prompt) for one in data.training] == [
        *(("ar", f"AR page {n}:") for n in (0, 1, 2, 7)),
        ("en", "EN page 7:"),
    ]
    left = {name: data.counts[name] for name in ("the rule does not hold", "the rule meets null")}
    assert left == {"the rule does not hold": 11, "the rule meets null": 2}
    with pytest.raises(BadData, match="no column 'Idnex'") as caught:
        texts(path, rule=parse_rule("Idnex < 3"))
    assert "did you mean 'Index'" in str(caught.value.hint)
    with pytest.raises(BadData, match="left to train on: 16 the rule does not hold"):
        read_data(quick_tuning(path, tmp_path / "out", tiny_causal, where="Index > 8"), Silent())


def test_what_is_left_out_is_counted_by_reason(tmp_path, tiny_causal):
    rows = [{"prompt": f"Page {n}:", "chosen": " yes", "rejected": " no", "lang": "en"} for n in range(20)]
    extra = [
        rows[0],
        {**rows[1], "lang": "de"},
        {**rows[2], "rejected": " yes"},
        {**rows[3], "chosen": " y" * 200},
    ]
    path = lines(tmp_path / "pairs.jsonl", *rows, *extra)
    wanted = quick_tuning(path, tmp_path / "out", tiny_causal, lang=("en",), char_filter=100, swap=True)
    data = read_data(wanted, Silent())
    assert {k: data.counts[k] for k in ("repeated", "of another language", "equal continuations")} == {
        "repeated": 1,
        "of another language": 1,
        "equal continuations": 1,
    }
    assert data.counts["longer than --char-filter"] == 1 and data.counts["read"] == 24
    assert len(data.training) + len(data.held_out) == 20 and data.training[0].chosen == " no"
    assert not {one.group for one in data.training} & {one.group for one in data.held_out}


def test_texts_are_cut_and_ended_as_wanted(tmp_path, tiny_tokenizer):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer)
    path = lines(
        tmp_path / "pairs.jsonl",
        {"prompt": "0 1 2 3 4", "chosen": " 5", "rejected": " 5 6 7 8 9"},
        {"prompt": "0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6", "chosen": " 5", "rejected": " 6"},
    )
    rows = read_preferences(str(path), Rejects()).preferences
    whole = encode(rows, tokenizer, Limits(64))
    assert whole.prompts[0][0] == 0 and whole.chosen[0][-1] == whole.rejected[0][-1] == 2
    assert tokenizer.decode(whole.rejected[0][:-1]) == " 5 6 7 8 9"
    cut = encode(rows, tokenizer, Limits(12, ratio=2.0, add_bos=False))
    assert len(cut) == 1 and cut.dropped == {"prompt fills --max-length": 1}
    assert cut.prompts[0][0] != 0 and cut.chosen[0][-1] == 2
    assert len(cut.rejected[0]) <= 2 * len(cut.chosen[0]) and cut.rejected[0][-1] != 2, (
        "no end where it was cut"
    )
    short = encode(rows, tokenizer, Limits(64, max_prompt=3))
    assert [len(ids) for ids in short.prompts] == [4, 4] and short.cut[
        "prompt cut to --max-prompt-tokens"
    ] == 2
