"""Wide tables in narrow terminals."""

import io

import pytest
from rich.console import Console

from detox_cli.output import report
from detox_cli.output.fitting import column_widths, fitted
from detox_cli.services.result import Table

MEASURES = [
    "copies",
    "refusals",
    "abstentions",
    "listed words",
    "less toxic than source",
    "J_mean_of_products",
]
TABLE = Table(
    title="Outputs",
    columns=["system", *MEASURES],
    rows=[[name, "0 (0.0%)", "3 (1.2%)", 4, None, 0.25, "0.250 [0.201, 0.302]"] for name in ("one", "other")],
    caption="what it means",
)


def test_a_table_that_fits_stays_as_it_is() -> None:
    assert fitted(TABLE, 120) == [TABLE]


def test_a_table_that_is_too_wide_is_turned() -> None:
    (turned,) = fitted(TABLE, 70)
    assert turned.columns == ["system", "one", "other"]
    assert turned.rows[-1] == ["J_mean_of_products", "0.250 [0.201, 0.302]", "0.250 [0.201, 0.302]"]
    assert [row[0] for row in turned.rows] == MEASURES
    assert turned.caption == "what it means"


def test_many_rows_are_dealt_out_and_the_caption_stands_under_the_last() -> None:
    many = TABLE.model_copy(update={"rows": [list(TABLE.rows[0])] * 9})
    parts = fitted(many, 70)
    assert sum(len(part.columns) - 1 for part in parts) == 9
    assert [part.caption for part in parts[-2:]] == ["", "what it means"]


@pytest.mark.parametrize("width", [52, 60, 80, 100])
def test_no_word_is_broken_and_no_line_too_long(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr("rich.console.Console", lambda file: Console(file=file, width=width))
    stream = io.StringIO()
    report._show_rich([TABLE], stream)
    told = stream.getvalue()
    assert max(map(len, told.splitlines())) <= width
    words = {word for name in ("system", *MEASURES) for word in name.split()} | {"[0.201,", "0.302]"}
    assert words <= set(told.split())


def test_where_a_word_is_wider_than_the_terminal_it_is_cut_to_size() -> None:
    table = Table(title="t", columns=["path"], rows=[["x" * 90]])
    assert column_widths(table, 40) == [36]
