"""Texts that people have labelled, from whatever file holds them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detox_cli.data.named import named_file
from detox_cli.data.pairs import are_pairs, pairs_of
from detox_cli.data.readers.prompt import number
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.readers.rtp import is_rtp
from detox_cli.data.reading import Row, columns_of, pick_column, read_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.scoring.labels import OPPOSITES, meaning_of

TEXT = ("text", "test_case", "comment_text", "comment", "sentence", "tweet")
LABEL = ("toxic", "is_toxic", "label_gold", "toxicity", "label")
LANG = ("lang", "language", "locale")
UNKNOWN = "und"
"""The language of texts of which nothing says it."""
FUNCTION = "functionality"
NO_NUMBER = "is no number from 0 to 1"
WORDS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and what people say of it.

    Attributes:
        id: Of its row, with the file's name before it.
        text: As it stands in the file.
        lang: Code of its language, in lower case.
        toxic: Whether people call it toxic.
        where: The file and line.
        function: What a case of HateCheck tests; of other texts ``None``.
        value: The label as a number from 0 to 1, where such labels are asked for.
        parallel: The same for all translations of one text; ``None`` where nobody says.
    """

    id: str
    text: str
    lang: str
    toxic: bool
    where: str
    function: str | None = None
    parallel: str | None = None
    value: float | None = None

    @property
    def source(self) -> str:
        """The name of its file."""
        return self.id.partition("/")[0]


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        text: The column of the texts, if the user names it.
        label: The column of the labels, likewise.
        lang: The language where nothing else says it.
        toxic_from: From which number on a label means toxic.
        limit: The first so many rows of a file.
        password: Of a zip file.
        soft: Whether labels have to be numbers from 0 to 1, which are kept.
    """

    text: str | None = None
    label: str | None = None
    lang: str = UNKNOWN
    toxic_from: float = 0.5
    limit: int | None = None
    password: str | None = None
    soft: bool = False


def read_labelled(given: str, how: Reading, rejects: Rejects, *, functions: bool = False) -> list[Labelled]:
    """The labelled texts of ``FILE`` or ``LANG=FILE``; rows that are none go to ``rejects``.

    Of RTP-LX, a zip file or a folder, these are the prompts, toxic from a mean human rating of 3 on. Of
    RealToxicityPrompts these are prompts and continuations, each with Perspective's score.
    Of pairs in columns with known names, these are the toxic sentences and the first neutral ones.

    Args:
        given: As the user writes it.
        how: Columns and defaults.
        rejects: Takes rows without text, label or function.
        functions: Whether these are cases of HateCheck, which say what they test.

    Raises:
        BadData: The file cannot be read, or holds no labelled text.
    """
    lang, file = named_file(given)
    prompts = Path(file).suffix.lower() == ".zip" or Path(file).is_dir()
    found = _prompts(file, how, rejects) if prompts else _rows(file, lang, how, rejects, functions)
    kept = list(found)
    if not kept:
        reason = rejects.by_reason.most_common(1)[0][0] if rejects.count else "it is empty"
        raise BadData(f"holds no labelled text: {reason}", where=file, hint="name the columns")
    return kept


def toxic_by(value: object, toxic_from: float) -> bool | None:
    """Whether a label says toxic: a truth value, a number, or a word such as ``hateful`` or ``Not Toxic``."""
    if isinstance(value, bool | int | float):
        return float(value) >= toxic_from
    word = str(value).strip() if value is not None else ""
    if word.casefold() in WORDS:
        return WORDS[word.casefold()]
    try:
        return float(word) >= toxic_from
    except ValueError:
        pass
    meaning = meaning_of(word)
    return meaning == "toxic" if meaning in ("toxic", OPPOSITES["toxic"]) else None


def soft_label(value: object) -> float | None:
    """A label as a number from 0 to 1, if it is one."""
    found = float(value) if isinstance(value, bool) else number(value)
    return found if found is not None and 0 <= found <= 1 else None


def _rows(file: str, lang: str | None, how: Reading, rejects: Rejects, functions: bool) -> Iterator[Labelled]:
    rows = read_rows(file, rejects, limit=how.limit)
    if how.text is None and any(is_rtp(row.values) for row in rows):
        yield from _halves(rows, file, lang, how, rejects)
        return
    if not (how.text or how.label or functions) and are_pairs(rows):
        yield from _of_pairs(rows, file, lang or how.lang, how.soft, rejects)
        return
    text = pick_column(rows, how.text, TEXT, file, flag="--text-column")
    label = pick_column(rows, how.label, LABEL, file, flag="--label-column")
    if functions:
        pick_column(rows, FUNCTION, (), file)
    spoken = next((name for name in LANG if name in columns_of(rows)), None)
    for row in rows:
        toxic, said = toxic_by(row.values.get(label), how.toxic_from), row.values.get(text)
        value = soft_label(row.values.get(label)) if how.soft else None
        if fault := _fault(row, text, label, toxic, functions):
            rejects.add(row.where, fault, dict(row.values))
        elif how.soft and value is None:
            rejects.add(row.where, f"column {label!r} {NO_NUMBER}", dict(row.values))
        elif toxic is not None:
            code = lang or (row.values.get(spoken) if spoken else None) or how.lang
            function = str(row.values[FUNCTION]) if functions else None
            place = f"{Path(file).name}/{row.id}"
            yield Labelled(place, str(said), str(code).lower(), toxic, row.where, function, value=value)


def _halves(
    rows: Sequence[Row], file: str, lang: str | None, how: Reading, rejects: Rejects
) -> Iterator[Labelled]:
    """Prompts and continuations of RealToxicityPrompts, by the attribute that the label column names."""
    attribute = how.label or "toxicity"
    for row in rows:
        for half in ("prompt", "continuation"):
            inner = row.values.get(half)
            if not isinstance(inner, Mapping):
                if half == "prompt":
                    rejects.add(row.where, "has no prompt with a text", dict(row.values))
                continue
            toxic, value = toxic_by(inner.get(attribute), how.toxic_from), soft_label(inner.get(attribute))
            if fault := text_fault(inner.get("text")):
                rejects.add(row.where, f"its {half}'s text {fault}", dict(row.values))
            elif toxic is None:
                rejects.add(row.where, f"its {half} has no {attribute}", dict(row.values))
            elif how.soft and value is None:
                rejects.add(row.where, f"the {attribute} of its {half} {NO_NUMBER}", dict(row.values))
            else:
                place, said = f"{Path(file).name}/{row.id}/{half}", str(inner["text"])
                kept = value if how.soft else None
                yield Labelled(place, said, (lang or "en").lower(), toxic, row.where, value=kept)


def _of_pairs(rows: Sequence[Row], file: str, lang: str, soft: bool, rejects: Rejects) -> Iterator[Labelled]:
    """Of every pair the toxic sentence and its first neutral one, which are never parted."""
    for pair in pairs_of(rows, file, rejects):
        place = f"{Path(file).name}/{pair.id}"
        common = {"lang": (pair.lang or lang).lower(), "where": pair.where, "parallel": place}
        yield Labelled(f"{place}/toxic", pair.toxic, toxic=True, value=1.0 if soft else None, **common)
        yield Labelled(
            f"{place}/neutral", pair.references[0], toxic=False, value=0.0 if soft else None, **common
        )


def _fault(row: Row, text: str, label: str, toxic: bool | None, functions: bool) -> str | None:
    if fault := text_fault(row.values.get(text)):
        return f"column {text!r} {fault}"
    if toxic is None:
        return f"column {label!r} says neither toxic nor not toxic"
    if functions and (fault := text_fault(row.values.get(FUNCTION))):
        return f"column {FUNCTION!r} {fault}"
    return None


def _prompts(file: str, how: Reading, rejects: Rejects) -> Iterator[Labelled]:
    for prompt in read_prompts(file, rejects, password=how.password, limit=how.limit):
        if prompt.stratum is None:
            rejects.add(prompt.where, "nobody rates its toxicity", {"id": prompt.id})
        elif how.soft and soft_label(prompt.toxicity) is None:
            rejects.add(prompt.where, f"its rating {NO_NUMBER}", {"id": prompt.id})
        else:
            value = soft_label(prompt.toxicity) if how.soft else None
            toxic = prompt.stratum == "toxic"
            place, lang = f"{Path(file).name}/{prompt.id}", prompt.lang or how.lang
            yield Labelled(place, prompt.text, lang, toxic, prompt.where, None, prompt.source, value)
