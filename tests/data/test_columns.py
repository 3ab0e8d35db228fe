"""Names of columns in errors: what reads like a row of a table without a header is not shown."""

from pathlib import Path

import pytest

from detox_cli.data.columns import told_columns
from detox_cli.data.preferences.read import read_preferences
from detox_cli.data.reading import pick_column, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.where.parse import parse_rule
from detox_cli.errors import BadData

HEADERLESS = (
    "you are a silly goose,a kind goose\n",
    'Silly!,"yes, so it is"\n',
    "这是一个愚蠢的想法你什么都不知道,b\n",
)


@pytest.mark.parametrize("first", HEADERLESS)
def test_a_first_row_in_place_of_a_header_is_not_shown(tmp_path: Path, first: str) -> None:
    source, rejects = str(tmp_path / "a.csv"), Rejects()
    Path(source).write_text(first + "x,y\n", encoding="utf-8")
    said = []
    for read in (
        lambda: pick_column(read_rows(source, rejects), None, ["silly goose", "text"], source),
        lambda: pick_column(read_rows(source, rejects), "silly", (), source),
        lambda: read_preferences(source, rejects),
        lambda: parse_rule("silly > 1").check_columns(read_rows(source, rejects)[0].values, source),
    ):
        with pytest.raises(BadData) as caught:
            read()
        said.append(f"{caught.value} {caught.value.hint}")
        assert "its columns (2) read like a row: does the file lack a header?" in said[-1]
    Path(source).write_text("you are a silly goose,you are a silly goose\n", encoding="utf-8")
    with pytest.raises(BadData, match="two columns are named alike") as caught:
        read_rows(source, rejects)
    said.append(str(caught.value))
    assert not [
        one for one in said if "goose,a" in one or "are a silly" in one or "Silly!" in one or "愚蠢" in one
    ]


def test_many_columns_are_not_all_named() -> None:
    told = told_columns(f"c{number}" for number in range(40))
    assert told.endswith("c29 and 10 more")
