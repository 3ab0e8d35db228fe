"""Which rows of RTP-LX `multilingual_dpo.py` trains on and measures, and the texts of its base model."""

import random
from pathlib import Path

from detox_cli.data.preferences.preference import Preference, plain
from detox_cli.data.preferences.read import read_preferences
from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import text_key
from detox_cli.data.where.parse import parse_rule
from detox_cli.data.writing import write_rows
from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training import multilingual_corpora as spoken

PAIRED = ("ar", "de", "en", "es", "fr", "id", "it", "ko", "nl", "pl", "pt", "zh")
"""Languages of the scorer that have pairs."""
LANGUAGES = (*PAIRED, "ru")
LABELLED = ("ar", "de", "fr", "id", "ko", "pt", "zh")
TRAINED, MEASURED = "Index < 700", "700 <= Index <= 998"
TEXTS = 1200
"""To tune the base model on, at most, in each language."""


def spread(data: Path, size: int) -> str:
    """A rule by which ``size`` rows are trained on, one stretch of them in each language."""
    rows = {(one.lang, text_key(one.text)): row_of(one) for one in prompts_of(data, TRAINED)}
    start, parts = 0, []
    pairs = pairs_of(data, TRAINED)
    for number, lang in enumerate(PAIRED):
        wanted = size // len(PAIRED) + (number < size % len(PAIRED))
        own = sorted(rows[language(one), text_key(plain(one.prompt))] for one in pairs if one.lang == lang)
        end = [row for row in own if row >= start][wanted - 1] + 1
        parts.append(f"lang == '{lang}' and {start} <= Index < {end}")
        start = end
    rule = " or ".join(parts)
    assert len(pairs_of(data, rule)) == size, "the two arms have to be of one size"
    return rule


def language(one: Preference) -> str:
    """As the files of prompts call it."""
    return "zh-hans" if one.lang == "zh" else str(one.lang)


def row_of(prompt: Prompt) -> int:
    return int(prompt.id.partition("/")[2])


def prompts_of(data: Path, rule: str) -> list[Prompt]:
    return read_prompts(
        f"{data}/rtp_lx.zip",
        Rejects(),
        password=spoken.RTP_LX_PASSWORD,
        languages=LANGUAGES,
        rule=parse_rule(rule),
    )


def pairs_of(data: Path, rule: str) -> list[Preference]:
    """Pairs of the scorer's languages, as the command finds them."""
    found = read_preferences(
        f"{data}/rtp_lx.zip", Rejects(), password=spoken.RTP_LX_PASSWORD, rule=parse_rule(rule)
    )
    unique = {one.content: one for one in found.preferences if one.lang in PAIRED}
    return list(unique.values())


def check_split(data: Path) -> None:
    """No sentence, in whatever language, is trained on and measured."""
    measured = prompts_of(data, MEASURED)
    trained = pairs_of(data, TRAINED)
    sources = {one.source for one in measured} - {None}
    assert sources.isdisjoint(one.group for one in trained), "a sentence is on both sides"
    keys = {text_key(one.text) for one in measured}
    assert keys.isdisjoint(text_key(plain(one.prompt)) for one in trained), "a prompt is on both sides"


def write_texts(path: Path, data: Path) -> None:
    """What the base model learns its languages from: nothing of the measured rows, nothing held out."""
    if path.exists():
        return
    measured = [one.text for one in prompts_of(data, MEASURED)]
    pairs = pairs_of(data, TRAINED)
    chosen = []
    for lang in LANGUAGES:
        own = [one for one in pairs if one.lang == lang]
        texts = [plain(one.prompt) + plain(side) for one in own for side in (one.chosen, one.rejected)]
        other = corpora.training_side(others(data, lang), str)
        texts += corpora.without_overlap(other, str, measured)[: TEXTS - len(texts)]
        chosen += [{"text": text, "lang": lang} for text in texts]
    write_rows(path, chosen)


def others(data: Path, lang: str) -> list[str]:
    """Sentences of Tatoeba, labelled comments and rewrites, in an order by chance."""
    found = spoken.plain_sentences(data, lang)
    found += [one.text for one in spoken.labelled_comments(data, lang)] if lang in LABELLED else []
    for pair in spoken.rewrites(data, lang):
        found += [pair.toxic, pair.neutrals[0]]
    random.Random(lang).shuffle(found)
    return found
