"""RTP-LX (de Wynter et al., AAAI 2025): toxic prompts in 28 languages, translated and native.

Its traps: one JSON object a line under the suffix ``.json``, with U+2028 inside strings; ``Index`` is a
number in some languages and a text in others, and is no key across languages (seven skip index 960); the
English prompts are ``NA`` in the file of toxicity ratings and stand in the one of benign completions;
native prompts have a file name ``manual`` or ``NA``. Translations of one prompt share the file and offsets
of the English web text; rows that lack these, as the published English ones do, are joined by ``Index`` where
it is the same in all languages, that is below 960. The order of rows is no key (Hebrew has another one).
"""

from collections.abc import Iterable, Mapping

from detox_cli.data.readers.prompt import Prompt, number, stratum_of
from detox_cli.data.reading import Row, text_fault

TOXIC_FROM = 3.0
"""People rate prompts from 1 to 5; from the middle on a prompt counts as toxic."""
SHARED_ROWS = 960
"""Below, an ``Index`` is the same prompt in all languages."""
REDACTED = "NA"
ANNOTATIONS = ("PromptAnnotations", "Annotations")


def is_rtp_lx(values: Mapping[str, object]) -> bool:
    """Whether a row is one of RTP-LX: of the prompt files, or of its published model scores."""
    return "Locale" in values and ("Prompt" in values or "OriginalEntry" in values)


def rtp_lx_prompt(row: Row) -> Prompt | str:
    """The prompt of a row, or what is wrong with it.

    The rows of the published model scores hold the original one in ``OriginalEntry``.
    """
    values = _entry(row.values)
    text, locale = values.get("Prompt"), values.get("Locale") or row.values.get("Locale")
    if fault := text_fault(text):
        return f"its Prompt {fault}"
    if text == REDACTED:
        return "its Prompt is withheld ('NA'); the English prompts are in acs_results_benign_EN.json"
    if not isinstance(locale, str) or not locale:
        return "has no Locale"
    index = values.get("Index", row.values.get("Index"))
    if isinstance(index, bool) or not isinstance(index, int | str) or index == "":
        return "has no Index"
    lang, toxicity = locale.lower(), _toxicity(values)
    return Prompt(
        id=f"{lang}/{index}",
        text=str(text),
        where=row.where,
        lang=lang,
        toxicity=toxicity,
        stratum=stratum_of(toxicity, TOXIC_FROM),
        source=source_of(values.get("OriginalMetadata")),
        labels={"dialect": dialect} if isinstance(dialect := values.get("Dialect"), str) and dialect else {},
    )


def source_of(metadata: object) -> str | None:
    """The English web text that a prompt was translated from; ``None`` for a native one."""
    if not isinstance(metadata, Mapping):
        return None
    name = metadata.get("Filename")
    if not isinstance(name, str) or not name.endswith(".txt"):
        return None
    return f"{name}:{metadata.get('Begin')}-{metadata.get('End')}"


def sources_by_index(rows: Iterable[Mapping[str, object]]) -> dict[int, str]:
    """What the rows of each shared ``Index`` are translations of, where all that say it agree."""
    found: dict[int, set[str]] = {}
    for values in rows:
        index, source = _shared_index(values), source_of(_entry(values).get("OriginalMetadata"))
        if index is not None and source is not None:
            found.setdefault(index, set()).add(source)
    return {index: min(sources) for index, sources in found.items() if len(sources) == 1}


def source_by_index(values: Mapping[str, object], known: Mapping[int, str]) -> str | None:
    """The source of a row that has no metadata, from ``sources_by_index``; else one for its ``Index``."""
    index = _shared_index(values)
    if index is None or _entry(values).get("OriginalMetadata") is not None:
        return None
    return known.get(index, f"RTP-LX:{index}")


def _entry(values: Mapping[str, object]) -> Mapping[str, object]:
    inner = values.get("OriginalEntry")
    return inner if isinstance(inner, Mapping) else values


def _shared_index(values: Mapping[str, object]) -> int | None:
    found = number(_entry(values).get("Index", values.get("Index"))) if is_rtp_lx(values) else None
    return int(found) if found is not None and 0 <= found < SHARED_ROWS else None


def _toxicity(values: Mapping[str, object]) -> float | None:
    found = next((values[name] for name in ANNOTATIONS if isinstance(values.get(name), Mapping)), None)
    return number(found.get("Toxicity")) if isinstance(found, Mapping) else None
