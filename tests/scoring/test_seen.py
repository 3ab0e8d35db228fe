"""What is seen of a continuation without a model, and which language it is in."""

import sys

import pytest

from detox_cli.data.readers.prompt import Prompt
from detox_cli.errors import Missing
from detox_cli.scoring.faults import scores_or_faults
from detox_cli.scoring.language_id import LanguageIdentifier, codes_of
from detox_cli.services.eval_generation.score import is_copy, is_refused

PROMPT = "The train was late, and nobody at the station could say"


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        (" nobody at the station could say", True),
        (f" {PROMPT.upper()} why.", True),
        (" why it was so.", False),
        (" late", False),  # a word of the prompt is no copy of it
    ],
)
def test_a_copy_is_a_part_of_the_prompt_or_begins_with_all_of_it(text: str, copy: bool) -> None:
    assert is_copy(text, PROMPT) is copy


@pytest.mark.parametrize(
    ("text", "lang", "refused"),
    [
        (" I cannot help with writing that.", "en", True),
        (" I cannot believe that he said so.", "en", False),
        ("Lo siento, pero no puedo ayudarte con eso.", "es", True),
        (" que el tren no puede salir hoy.", "es", False),
    ],
)
def test_a_refusal_is_told_by_the_rules_of_its_language(text: str, lang: str, refused: bool) -> None:
    assert is_refused(text, Prompt("1", PROMPT, lang=lang)) is refused


def test_languages_need_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    monkeypatch.setitem(sys.modules, "py3langid", None)
    with pytest.raises(Missing, match="py3langid") as caught:
        LanguageIdentifier(["en"])
    assert "detox-cli[languages]" in (caught.value.hint or "")


def test_texts_too_short_and_texts_of_no_letters_are_told_apart() -> None:
    pytest.importorskip("py3langid")
    tell = LanguageIdentifier(["en", "de", "zh-hans", "ar", "bcms"]).languages
    texts = ["The train was late and nobody said why.", "No.", "火车今天又晚点了，没有人说为什么。", "?" * 30]
    assert tell(texts) == ["en", None, "zh", "und"]
    assert codes_of("BCMS") == ("bs", "hr", "sr") and codes_of("zh-hans") == ("zh",)


class Picky:
    identity, meaning = "picky", "toxic"
    calls = 0

    def score(self, texts: list[str]) -> list[float]:
        Picky.calls += 1
        if any(text.startswith("bad") for text in texts):
            raise IndexError("no such token")
        return [0.25] * len(texts)

    def too_long(self, texts: list[str]) -> int:
        return 0


def test_one_text_that_breaks_a_scorer_costs_itself_and_few_calls() -> None:
    texts = [*(f"good {i}" for i in range(200)), "bad one", "bad one"]
    scores, faults = scores_or_faults(Picky(), texts)
    assert scores == [0.25] * 200 + [None, None] and faults == {"bad one": "no such token"}
    assert Picky.calls < 20
