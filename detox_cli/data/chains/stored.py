"""The template beside a model's weights: ``chain_template.json`` says how the model is to be asked."""

import json
from pathlib import Path

from detox_cli.data.chains.template import ChainTemplate
from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData
from detox_cli.runs.atomic import atomic_file

FILE = "chain_template.json"


def store_template(folder: Path, template: ChainTemplate) -> Path:
    """Write the template into the folder of a model or adapter that was trained with it."""
    path = folder / FILE
    with atomic_file(path) as temporary:
        text = json.dumps(template.stated(), ensure_ascii=False, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def stored_template(folder: Path) -> ChainTemplate | None:
    """The template in a model's folder; ``None`` if it holds none.

    Raises:
        BadData: The file is there and is no template.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadData(
            f"cannot be read as a chain template: {error}",
            where=str(path),
            hint="copy the file from the folder of the training again",
        ) from None
    if not isinstance(values, dict):
        raise BadData(
            "a chain template is a JSON object",
            where=str(path),
            hint="copy the file from the folder of the training again",
        )
    return ChainTemplate.of(values, str(path))
