"""The texts that `builtin:toxicity-multilingual` learns from and is measured on."""

import random
from collections.abc import Mapping
from pathlib import Path

from detox_cli.miniatures.training import corpora, toxicity_texts
from detox_cli.miniatures.training import multilingual_corpora as spoken
from detox_cli.miniatures.training.corpora import Labelled
from detox_cli.miniatures.training.multilingual_corpora import LABELLED
from detox_cli.miniatures.training.toxicity_groups import group_statements
from detox_cli.miniatures.training.toxicity_teacher import Teacher
from detox_cli.scoring.language_id import RTP_LX

ENGLISH_TEXTS, RUSSIAN_PAIRS, PLANTED, ENGLISH_WORDS = 40_000, 2500, 1200, 0.15
LABEL_SHARE = 0.6
UNSPACED = ("ja", "zh")


def measured_sets(data: Path) -> Mapping[str, list[Labelled]]:
    """Texts with a label by what they are: held-out comments and rewrites, RTP-LX prompts, HateCheck."""
    sets: dict[str, list[Labelled]] = {}
    for prompt in spoken.rated_prompts(data):
        sets.setdefault(f"RTP-LX prompts, {prompt.source}", []).append(prompt)
    for lang in spoken.LABELLED:
        comments = corpora.held_out_side(spoken.labelled_comments(data, lang), lambda item: item.text)
        sets[f"comments, {lang}"] = comments
    english = toxicity_texts.measured_texts(data)
    sets["comments, en (Jigsaw)"], sets["comments, en (Surge)"] = english.natural, english.surge
    for lang in ("ru", "es", "hi"):
        pairs = corpora.held_out_side(spoken.rewrites(data, lang), lambda pair: pair.toxic)
        sides = [((pair.toxic, 1.0), (pair.neutrals[0], 0.0)) for pair in pairs]
        sets[f"toxic against rewrite, {lang}"] = [Labelled(t, y, lang) for side in sides for t, y in side]
    for lang in spoken.HATECHECK:
        sets[f"HateCheck, {lang}"] = spoken.hatecheck_cases(data, lang)
    return sets


def gold_texts(data: Path, seed: int) -> list[Labelled]:
    """Texts with a label, in all languages, none held out, none near RTP-LX or a measured English text."""
    found = [item for lang in RTP_LX if lang != "en" for item in _of_language(data, lang, seed)]
    found += english_texts(data, seed)
    measured = [item.text for item in spoken.rated_prompts(data)]
    measured += toxicity_texts.measured_texts(data).texts()
    return corpora.without_overlap(
        corpora.training_side(found, lambda item: item.text), lambda item: item.text, measured
    )


def english_texts(data: Path, seed: int) -> list[Labelled]:
    """A sample of what `builtin:toxicity` learns from, without the web text that RTP-LX translates."""
    found = [item for item in toxicity_texts.labelled_texts(data, seed) if item.source != "rtp"]
    return [
        Labelled(i.text[:600], i.toxic, i.source) for i in corpora.sample(found, ENGLISH_TEXTS, seed)
    ] + group_statements(ENGLISH_TEXTS // 20, seed)


def _of_language(data: Path, lang: str, seed: int) -> list[Labelled]:
    found = spoken.labelled_comments(data, lang) if lang in LABELLED else []
    pairs = corpora.sample(spoken.rewrites(data, lang), RUSSIAN_PAIRS, seed)
    for pair in corpora.training_side(pairs, lambda pair: pair.toxic):
        found += [Labelled(pair.toxic, 1.0, lang), Labelled(pair.neutrals[0], 0.0, lang)]
    plain = spoken.plain_sentences(data, lang)
    found += [Labelled(text, 0.0, f"{lang} plain") for text in plain]
    return found + planted(plain, spoken.rude_words(data, lang), spoken.rude_words(data, "en"), lang, seed)


def planted(plain: list[str], rude: list[str], english: list[str], lang: str, seed: int) -> list[Labelled]:
    """Sentences with a rude word put into them, and as many with a word of another sentence.

    Of the rude words some are English, which people use in most languages.
    """
    rng = random.Random(f"{seed}|{lang}")
    made = []
    for number in range(PLANTED):
        text, toxic = rng.choice(plain), number % 2 == 0
        foreign = not rude or rng.random() < ENGLISH_WORDS
        words = (english if foreign else rude) if toxic else pieces_of(rng.choice(plain), lang)
        word = rng.choice(words)
        made.append(Labelled(with_word(text, word, lang, rng), 0.95 if toxic else 0.03, f"{lang} planted"))
    return made


def pieces_of(text: str, lang: str) -> list[str]:
    """Words; of languages written without spaces runs of two characters."""
    return [text[i : i + 2] for i in range(max(1, len(text) - 1))] if lang in UNSPACED else text.split()


def with_word(text: str, word: str, lang: str, rng: random.Random) -> str:
    """``text`` with ``word`` at a random place, or in the place of one of its words."""
    if lang in UNSPACED:
        place = rng.randrange(len(text) + 1)
        return text[:place] + word + text[place:]
    words = text.split()
    place = rng.randrange(len(words) + 1)
    return " ".join([*words[:place], word, *words[place + rng.randrange(2) :]])


def soft_labelled(data: Path, seed: int) -> list[Labelled]:
    """The texts with the targets that the encoder learns: label mixed with what the teacher says unseen."""
    gold = gold_texts(data, seed)
    teacher = Teacher(gold, folds=3, seed=seed)
    return [
        Labelled(item.text, float(LABEL_SHARE * item.toxic + (1 - LABEL_SHARE) * score), item.source)
        for item, score in zip(gold, teacher.unseen, strict=True)
    ]
