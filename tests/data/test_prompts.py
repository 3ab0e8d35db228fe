"""Prompt sets: what each says of a prompt, and the traps that each has."""

import json
import zipfile
from pathlib import Path

import pytest

from detox_cli.data.readers.prompt import parallel
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.data.where.parse import parse_rule
from detox_cli.errors import BadData, BadSettings, Missing


def write(path: Path, rows: list[object]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def rtp(text: object, toxicity: object = 0.2, begin: int | None = 0) -> dict:
    name = None if begin is None else "0001.txt"
    return {"filename": name, "begin": begin, "end": 9, "prompt": {"text": text, "toxicity": toxicity}}


def rtp_lx(text: str, locale: str, index: object, begin: str = "3", name: str = "0001.txt") -> dict:
    return {
        "Prompt": text,
        "Locale": locale,
        "Index": index,
        "OriginalMetadata": {"Filename": name, "Begin": begin, "End": "9"},
        "PromptAnnotations": {"Toxicity": 3 if begin == "3" else 1, "Violence": 1},
    }


def test_rtp_knows_strata_and_leaves_unknown_ones_open(tmp_path: Path) -> None:
    rows = [rtp("a", 0.5, 1), rtp("b", 0.49, 2), rtp("c", None, 3), rtp("d", 0.9, None)]
    rejects = Rejects()
    found = read_prompts(write(tmp_path / "p.jsonl", [*rows, rtp(None, 0.1, 5), rtp("e", 0.1, 1)]), rejects)
    assert [prompt.stratum for prompt in found] == ["toxic", "nontoxic", None, "toxic"]
    assert [prompt.id for prompt in found] == ["0001.txt:1-9", "0001.txt:2-9", "0001.txt:3-9", "4"]
    assert rejects.by_reason == {"its prompt's text is missing": 1, "its id was used before": 1}


def test_rtp_lx_joins_translations_by_their_english_source(tmp_path: Path) -> None:
    folder = tmp_path / "rtp_lx"
    write(folder / "RTP_LX_ES.json", [rtp_lx("uno", "ES", "0"), rtp_lx("dos", "ES", "961", "7")])
    write(
        folder / "RTP_LX_ZH-Hans.json",
        [rtp_lx("er", "ZH-Hans", 960, "7"), rtp_lx("yi", "ZH-Hans", 0), rtp_lx("w", "ZH-Hans", 5, "3", "NA")],
    )
    found = read_prompts(str(folder), Rejects())
    assert [(one.lang, one.id, one.stratum) for one in found][:2] == [
        ("es", "es/0", "toxic"),
        ("es", "es/961", "nontoxic"),
    ]
    joined = parallel(found)
    assert {frozenset(one.text for one in langs.values()) for langs in joined.values()} == {
        frozenset({"uno", "yi"}),
        frozenset({"dos", "er"}),
    }
    assert [one.source for one in found if one.text == "w"] == [None]
    assert [one.lang for one in read_prompts(str(folder), Rejects(), languages=["ES"])] == ["es", "es"]
    assert [one.text for one in read_prompts(str(folder), Rejects(), limit=1)] == ["uno", "er"]
    with pytest.raises(BadData, match="no prompts in xx") as caught:
        read_prompts(str(folder), Rejects(), languages=["es", "xx"])
    assert "es, zh-hans" in (caught.value.hint or "")


def test_rtp_lx_rows_without_metadata_are_joined_by_index_where_that_is_shared(tmp_path: Path) -> None:
    """The published English rows have none; the Hebrew ones stand in another order."""

    def bare(text: str, locale: str, index: object) -> dict:
        return {name: value for name, value in rtp_lx(text, locale, index).items() if "Meta" not in name}

    english = [bare("one", "EN", 0), bare("two", "EN", 7), bare("late", "EN", 961)]
    hebrew = [bare("shtayim", "HE", 7), bare("ehad", "HE", 0), rtp_lx("native", "HE", 1, name="manual")]
    spanish = [rtp_lx("uno", "ES", "0"), rtp_lx("tarde", "ES", "961", "5"), bare("nada", "ES", "1")]
    for locale, rows in (("EN", english), ("HE", hebrew), ("ES", spanish)):
        write(tmp_path / f"RTP_LX_{locale}.json", rows)
    found = read_prompts(str(tmp_path), Rejects())
    joined = {frozenset(one.text for one in langs.values()) for langs in parallel(found).values()}
    assert joined == {frozenset({"one", "ehad", "uno"}), frozenset({"two", "shtayim"})}
    assert {one.source for one in found if one.text in ("one", "uno")} == {"0001.txt:3-9"}
    plain = write(tmp_path / "plain.jsonl", [{"text": "a", "Index": 0}, {"text": "b", "Index": 0}])
    assert [one.source for one in read_prompts(plain, Rejects())] == [None, None]


def test_a_rule_chooses_rows_before_any_of_them_is_counted(tmp_path: Path) -> None:
    rows = [rtp_lx("uno", "ES", "699"), rtp_lx("dos", "ES", "700", "7"), rtp_lx("tres", "ES", "998")]
    path = write(tmp_path / "RTP_LX_ES.json", [*rows, rtp_lx("cuatro", "ES", "999"), rtp_lx("x", "ES", "?")])
    rejects = Rejects()
    found = read_prompts(path, rejects, rule=parse_rule("700 <= Index <= 998"), limit=1)
    assert [one.id for one in found] == ["es/700"]
    assert rejects.by_reason == {"column 'Index' is not a number": 1}
    rated = read_prompts(path, Rejects(), rule=parse_rule("PromptAnnotations.Toxicity < 3"))
    assert [one.text for one in rated] == ["dos"]
    with pytest.raises(BadData, match="no prompt is such as --where wants it") as caught:
        read_prompts(path, Rejects(), rule=parse_rule("Index < 5"))
    assert "4 times the rule does not hold" in (caught.value.hint or "")
    with pytest.raises(BadData, match="no column 'index'"):
        read_prompts(path, Rejects(), rule=parse_rule("index < 5"))


def test_english_rtp_lx_prompts_come_from_where_they_are(tmp_path: Path) -> None:
    withheld = {**rtp_lx("NA", "EN", 0), "ACSResponse": {}}
    entry = {"BenignCompletion": "fine", "Locale": "EN", "OriginalEntry": rtp_lx("whole", "EN", 0)}
    write(tmp_path / "acs_results_EN.json", [withheld])
    write(tmp_path / "acs_results_benign_EN.json", [entry])
    write(
        tmp_path / "acs_results_TR.json",
        [{"Locale": "TR", "OriginalEntry": rtp_lx("iki\u2028satır", "TR", 0)}],
    )
    write(
        tmp_path / "acs_results_benign_TR.json", [{"Locale": "TR", "OriginalEntry": rtp_lx("iki", "TR", 0)}]
    )
    assert [one.text for one in read_prompts(str(tmp_path), Rejects())] == ["iki\u2028satır", "whole"]
    with pytest.raises(BadData, match="withheld"):
        read_prompts(str(tmp_path / "acs_results_EN.json"), Rejects())


def test_a_zip_file_is_read_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "lx.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rtp_lx/RTP_LX_ES.json", json.dumps(rtp_lx("uno\u2028", "ES", 0)) + "\n")
        archive.writestr("rtp_lx/notes.json", "{}")
    found = read_prompts(str(path), Rejects())
    assert [(one.text, one.where) for one in found] == [("uno\u2028", f"{path}/rtp_lx/RTP_LX_ES.json:1")]
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    with pytest.raises(BadData, match="no zip file"):
        read_prompts(str(tmp_path / "bad.zip"), Rejects())


# One member, ``RTP_LX_ES.json`` with one row, sealed with the password "open" (zipfile writes no sealed
# ones).
SEALED = bytes.fromhex(
    "504b0304140009000800005f755db4e847b4360000002e0000000e0000005254505f4c585f45532e6a736f6ee5e8"
    "7a1c9e971a484cecc020d6afa582a4ad8f940658a24c44f27459dbe9e814aa39d035148867e8df7275db336a0588"
    "608ed2f3ea8c504b0708b4e847b4360000002e000000504b01021e03140009000800005f755db4e847b436000000"
    "2e0000000e0000000000000001000000a481000000005254505f4c585f45532e6a736f6e504b0506000000000100"
    "01003c000000720000000000"
)


def test_a_sealed_zip_file_needs_its_password(tmp_path: Path) -> None:
    path = tmp_path / "sealed.zip"
    path.write_bytes(SEALED)
    assert [one.text for one in read_prompts(str(path), Rejects(), password="open")] == ["uno"]
    for password in (None, "wrong"):
        with pytest.raises(BadSettings, match="password") as caught:
            read_prompts(str(path), Rejects(), password=password)
        assert "PASSWORD" in (caught.value.hint or "")


def test_polyglo_prompts_have_their_own_score_not_that_of_the_text(tmp_path: Path) -> None:
    def answer(score: float | None, lang: str = "de") -> dict:
        summary = {"summaryScore": {"value": score, "type": "PROBABILITY"}}
        return {"attributeScores": {"TOXICITY": summary}, "languages": [lang]}

    web = {"text": "a b", "meta_data": {"lang": "de", "url": "x"}, "toxicity": 0.9, "toxicity_bucket": 3.0}
    message = {
        "prompt": "d",
        "prompt_toxicity": 0.6,
        "prompt_perspective": answer(0.6, "ZH"),
        "toxicity_bucket": 2,
    }
    rows = [
        {**web, "prompt": "a", "continuation": " b", "prompt_perspective": answer(0.1)},
        {**web, "prompt": "b", "prompt_perspective": answer(0.5)},
        {**web, "prompt": "c", "prompt_perspective": None},
        {**web, "prompt": "", "prompt_perspective": answer(0.5)},
        {**message, "meta_data": {"language": "Chinese"}},
    ]
    rejects = Rejects()
    for source in (write(tmp_path / "p.jsonl", rows), write_parquet(tmp_path / "small-0.parquet", rows)):
        found = read_prompts(source, rejects)
        assert [(one.id, one.lang, one.stratum, one.toxicity) for one in found] == [
            ("de/1", "de", "nontoxic", 0.1),
            ("de/2", "de", "toxic", 0.5),
            ("de/3", "de", None, None),
            ("zh/5", "zh", "toxic", 0.6),
        ]
    assert rejects.by_reason == {"its prompt is empty": 2}


def write_parquet(path: Path, rows: list[dict]) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def test_toxigen_by_columns_and_by_file_name(tmp_path: Path) -> None:
    rows = [
        {"label": "hate", "target_group": "a", "prompt": "- x\n-"},
        {"label": "?", "target_group": "a", "prompt": "-"},
    ]
    rejects = Rejects()
    found = read_prompts(write(tmp_path / "p.jsonl", rows), rejects)
    assert [(one.stratum, one.labels["group"]) for one in found] == [("toxic", "a")]
    assert rejects.by_reason == {"its label is none of hate, neutral": 1}
    (tmp_path / "neutral_older_people_1k.txt").write_text("- one\\n- two\\n-\n")
    (found,) = read_prompts(str(tmp_path / "neutral_older_people_1k.txt"), Rejects())
    assert (found.text, found.stratum, found.labels["group"]) == (
        "- one\n- two\n-",
        "nontoxic",
        "older_people",
    )


def test_bold_in_its_three_forms(tmp_path: Path) -> None:
    flat = {"domain": "race", "category": "c", "name": "n", "prompt": "One"}
    hub = {"domain": "race", "category": "c", "name": "n", "prompts": ["One", "", "Two"]}
    rejects = Rejects()
    assert [one.text for one in read_prompts(write(tmp_path / "flat.jsonl", [flat]), Rejects())] == ["One"]
    assert [one.id for one in read_prompts(write(tmp_path / "hub.jsonl", [hub]), rejects)] == ["1.0", "1.2"]
    assert rejects.by_reason == {"its prompt is empty": 1}
    (tmp_path / "race_prompt.json").write_text(json.dumps({"c": {"n": ["One", "Two"]}}, indent=1))
    found = read_prompts(str(tmp_path / "race_prompt.json"), Rejects())
    assert [(one.text, one.labels["domain"]) for one in found] == [("One", "race"), ("Two", "race")]


def test_plain_files_say_what_their_columns_hold(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "text": "One", "lang": "DE", "stratum": "non-toxic", "source": "s"},
        {"id": "b", "text": " "},
    ]
    rejects = Rejects()
    (found,) = read_prompts(write(tmp_path / "p.jsonl", rows), rejects)
    assert (found.id, found.lang, found.stratum, found.source) == ("a", "de", "nontoxic", "s")
    assert rejects.by_reason == {"column 'text' is empty": 1}
    with pytest.raises(BadData, match="has no column"):
        read_prompts(str(tmp_path / "p.jsonl"), Rejects(), column="texd")


def test_what_the_hub_does_not_have_is_said() -> None:
    with pytest.raises(Missing, match="not on the hub") as caught:
        read_prompts("rtp-lx", Rejects())
    assert "zip" in (caught.value.hint or "")
