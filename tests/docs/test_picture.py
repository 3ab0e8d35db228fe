"""The picture of a terminal on the front page, made by ``python benchmarks/terminal.py``."""

import html
import re

from detox_cli.scoring.lexicon import BUNDLED, read_lexicon
from detox_cli.scoring.suites.detox import DETOX
from tests.docs.pages import ROOT, blocks

SVG = (ROOT / "docs/terminal.svg").read_text(encoding="utf-8")
SHOWN = html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", SVG))).replace("\xa0", " ")


def test_it_shows_the_command_of_the_front_page_and_todays_suite() -> None:
    assert "$ detox demo" in SHOWN and f"Suite {DETOX.title}" in re.sub(r"\s+", " ", SHOWN)
    assert any("/detox demo" in block.text for block in blocks(ROOT / "README.md"))


def test_listed_words_are_masked() -> None:
    assert "***" in SHOWN and not read_lexicon(BUNDLED).hits(SHOWN)


def test_it_loads_nothing() -> None:
    assert set(re.findall(r"https?://[^\"' )]+", SVG)) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",
    }
    assert not re.search(r"<script|<image|href|@import|@font-face", SVG)
