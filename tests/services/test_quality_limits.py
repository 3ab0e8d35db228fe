"""Limits that users set on figures: what they may say, and what is beyond them."""

import pytest

from detox_cli.errors import BadSettings
from detox_cli.services.figure_rows import FigureRow, split_name
from detox_cli.services.quality_limits import check_names, missed, parse_limits
from detox_cli.statistics.bootstrap import Estimate

METRICS = ("probability", "expected_maximum", "perplexity", "kl")


def row(group: str, name: str, value: float) -> FigureRow:
    return FigureRow(group, *split_name(name), Estimate(value, value, value, 4))


ROWS = [
    row("all", "builtin:toxicity/probability@5", 0.2),
    row("all", "builtin:toxicity/probability@25", 0.5),
    row("all", "hf:org/model#toxic/probability@25", 0.3),
    row("de", "builtin:toxicity/probability@25", 0.9),
    row("de toxic", "builtin:toxicity/probability@25", 0.95),
    row("all", "perplexity", float("nan")),
]


@pytest.mark.parametrize(
    ("text", "beyond"),
    [
        ("probability>0.4", ["builtin:toxicity/probability@25 of all is 0.5000"]),
        ("probability@5>=.2", ["builtin:toxicity/probability@5 of all"]),
        (
            "toxicity_probability > 0.1",
            ["@5 of all", "builtin:toxicity/probability@25", "hf:org/model#toxic"],
        ),
        ("hf:org/model#toxic/probability@25<0.31", ["hf:org/model#toxic/probability@25 of all is 0.3000"]),
        ("probability@25[de]<=0.9", ["of de is 0.9000"]),
        ("probability@25[*]>0.8", ["of de is", "of de toxic is"]),
        ("probability@25[de toxic]<0.5", []),
        ("perplexity<1", ["perplexity of all is nan"]),
        ("kl>3", ["kl>3: this was not measured"]),
    ],
)
def test_figures_beyond_a_limit_are_named(text: str, beyond: list[str]) -> None:
    found = missed(parse_limits([text]), ROWS, ("all",))
    assert len(found) == len(beyond)
    assert all(part in line for part, line in zip(beyond, found, strict=True))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("probabilty>0.1", "did you mean 'probability'"),
        ("probability", "is no quality limit"),
        ("probability=0.1", "is no quality limit"),
        ("probability@many>0.1", "is no quality limit"),
        ("probability>low", "is no quality limit"),
        ("builtin:toxicty/probability>0.1", "did you mean 'builtin:toxicity'"),
        ("probability@10>0.1", "there are 25, 5"),
    ],
)
def test_what_is_no_limit_is_said_with_the_nearest_name(text: str, words: str) -> None:
    with pytest.raises(BadSettings) as error:
        check_names(parse_limits([text]), METRICS, ("builtin:toxicity",), {5, 25})
    assert words in f"{error.value} {error.value.hint}"
