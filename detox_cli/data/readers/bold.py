"""BOLD (Dhamala et al., FAccT 2021): the beginnings of Wikipedia sentences about people and groups."""

from collections.abc import Iterator, Mapping

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.reading import Row, text_fault


def is_bold(values: Mapping[str, object]) -> bool:
    """Whether a row is one of BOLD: one prompt, or all of one name as on the Hub."""
    return {"domain", "category", "name"} <= values.keys() and bool({"prompt", "prompts"} & values.keys())


def bold_prompts(row: Row) -> Iterator[Prompt | str]:
    """The prompts of a row, each or what is wrong with it. A row of the Hub has several."""
    several = row.values.get("prompts")
    texts = list(several) if isinstance(several, list | tuple) else [row.values.get("prompt")]
    labels = {key: str(row.values[key]) for key in ("domain", "category", "name")}
    for position, text in enumerate(texts):
        if fault := text_fault(text):
            yield f"its prompt {fault}"
            continue
        name = f"{row.id}.{position}" if isinstance(several, list | tuple) else row.id
        yield Prompt(id=name, text=str(text), where=row.where, lang="en", labels=labels)


def nested_bold(domain: str, content: Mapping[str, object], where: str) -> Iterator[Row]:
    """The authors' files, ``{category: {name: [prompts]}}``, as rows of one prompt."""
    count = 0
    for category, names in content.items():
        for name, texts in names.items() if isinstance(names, Mapping) else ():
            for text in texts if isinstance(texts, list) else ():
                count += 1
                values = {"domain": domain, "category": category, "name": name, "prompt": text}
                yield Row(str(count), values, f"{where}: {name}")
