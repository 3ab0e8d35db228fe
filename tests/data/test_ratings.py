import pytest

from detox_cli.data.ratings import read_ratings
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData

COLUMNS = [
    "toxic_sentence",
    "neutral_sentence",
    "lang",
    "toxic_pairwise_score",
    "content_score",
    "fluency_score",
]


def row(source="shut up", output="be quiet", lang="en", scores=(1, 1, 1), **more):
    return dict(zip(COLUMNS, (source, output, lang, *scores), strict=True)) | more


def test_a_folder_has_a_folder_per_system_and_a_file_per_language(tmp_path):
    for system, output in (("first", "be quiet"), ("second", "hush")):
        (tmp_path / "results" / system).mkdir(parents=True)
        lines = ["\t".join(["Unnamed: 0", *COLUMNS]), f'7\t"shut up\nnow "\t{output}\t\t.5\t1.0\t0']
        (tmp_path / "results" / system / "German.tsv").write_text("\n".join(lines) + "\n")
    for folder in (tmp_path, tmp_path / "results"):
        found = read_ratings(folder, Rejects(strict=True))
        assert [(r.system, r.lang, r.source) for r in found] == [
            ("first", "de", "shut up\nnow"),
            ("second", "de", "shut up\nnow"),
        ]
        assert (found[0].toxicity, found[0].content, found[0].fluency) == (0.5, 1, 0)


def test_a_row_without_a_score_is_rejected_and_an_empty_output_is_not(tmp_path):
    path, rejects = tmp_path / "ratings.jsonl", Rejects()
    rows = [row(system="a", scores=(1, 2, 1)), row(system="b", output=None), row(system="c", source=" ")]
    write_rows(path, rows)
    found = read_ratings(path, rejects)
    assert [(r.system, r.output) for r in found] == [("b", "")]
    assert rejects.count == 2 and "column 'content_score' is no number from 0 to 1" in rejects.by_reason


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(system="a"), row("shut up ", system="a")], "'a' is rated twice on one source, first at"),
        ([row(system="a", lang="nl")], "says its language"),
        ([row()], "no column 'system'"),
        ([row(system="a", scores=("", 1, 1))], "holds no ratings"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path, rows, message):
    path = tmp_path / "ratings.jsonl"
    write_rows(path, rows)
    with pytest.raises(BadData, match=message):
        read_ratings(path, Rejects())


def test_a_place_without_ratings_is_said(tmp_path):
    with pytest.raises(BadData, match=r"has no files SYSTEM/LANGUAGE\.tsv"):
        read_ratings(tmp_path, Rejects())
    with pytest.raises(BadData, match="no such file or folder"):
        read_ratings(tmp_path / "nothing", Rejects())
