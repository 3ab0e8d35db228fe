"""The chat template of a merged model, where its recipe says which."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData

TEMPLATE, TOKENIZER = "chat_template.jinja", "tokenizer_config.json"
KEY = "chat_template"


def read_template(folder: Path) -> str | None:
    """The template of a model folder, from its own file or from the settings of its tokenizer.

    Raises:
        BadData: The settings cannot be read.
    """
    own = folder / TEMPLATE
    if own.is_file():
        return own.read_text(encoding="utf-8")
    settings = folder / TOKENIZER
    if not settings.is_file():
        return None
    try:
        found = parse_json(settings.read_text(encoding="utf-8")).get(KEY)
        if isinstance(found, list):
            found = {one["name"]: one["template"] for one in found}.get("default")
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise BadData(
            "cannot be read",
            where=str(settings),
            hint="save it as UTF-8 JSON, or copy it from the model again",
        ) from error
    return str(found) if found else None


def chosen_template(choice: str, folders: Sequence[Path]) -> str | None:
    """The template that a recipe asks for; ``auto`` is that of most models, of the first where as many.

    ``None`` where ``auto`` finds none.
    """
    if choice != "auto":
        return choice
    found = Counter(text.strip() for folder in folders if (text := read_template(folder)))
    return found.most_common(1)[0][0] if found else None


def write_template(text: str, folder: Path) -> None:
    """Give a model folder this template, in the place of any other."""
    (folder / TEMPLATE).write_text(text, encoding="utf-8")
    settings = folder / TOKENIZER
    if settings.is_file():
        content = parse_json(settings.read_text(encoding="utf-8"))
        if content.pop(KEY, None) is not None:
            settings.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
