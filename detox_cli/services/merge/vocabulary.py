"""Whose tokens a merged model has, where its parts have different ones."""

import filecmp
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.merging.vocabulary import FILE, Aligned, TokenRows, align, read_tokens
from detox_cli.services.merge.opening import Models, Opened

ONE = "its ids have gaps: take the tokens of one model, --tokenizer base or its name"
HINT = "add --tokenizer base, union or a model, or tokenizer_source to the recipe"


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary of the result.

    Attributes:
        source: The model whose tokenizer it has, or begins with.
        aligned: Which rows belong together.
    """

    source: Opened
    aligned: Aligned


def with_vocabulary(models: Models, choice: str | None) -> tuple[Models, Vocabulary | None]:
    """The models with the rows of their tables brought together by token.

    Args:
        models: As they are.
        choice: ``base``, ``union``, a model of the recipe, or ``None`` to leave rows as they are.

    Raises:
        BadData: Without a choice, a token has other rows in another model; or tokens cannot be compared.
        BadSettings: No model is called that.
    """
    everyone = list(models.everyone)
    if choice is None:
        _check_same(everyone)
        return models, None
    source = None if choice == "union" else _chosen(everyone, choice)
    tables = _tables(models.reference)
    embedding = tables[0]
    tokens = [read_tokens(model.checkpoint.folder) for model in everyone]
    aligned = align(tokens, [model.weights.shapes[embedding][0] for model in everyone], source)
    weights = [model.weights for model in everyone]
    based = models.base is not None
    changed = [
        replace(model, weights=TokenRows(i, weights, aligned, tables, based))
        for i, model in enumerate(everyone)
    ]
    own = Models(tuple(changed[1:] if based else changed), changed[0] if based else None)
    return own, Vocabulary(everyone[source or 0], aligned)


def _chosen(everyone: Sequence[Opened], choice: str) -> int:
    if choice == "base":
        return 0
    names = [str(model.named) for model in everyone]
    if choice not in names:
        known = ", ".join(dict.fromkeys(names))
        raise BadSettings(
            f"no model of the merge is called {choice}", where="--tokenizer", hint=f"say {known}"
        )
    return names.index(choice)


def _tables(reference: Opened) -> list[str]:
    """The token embedding, and the head if it is stored apart."""
    anatomy, shapes = reference.checkpoint.anatomy(), reference.weights.shapes
    assert anatomy.token_embedding is not None  # as in every family that is known
    if (bias := anatomy.head.replace("weight", "bias")) in shapes and bias != anatomy.head:
        raise BadData(
            f"has {bias}, whose tokens cannot be brought together",
            where=reference.weights.name,
            hint="leave --tokenizer out",
        )
    names = dict.fromkeys((anatomy.token_embedding.name, anatomy.head))
    return [name for name in names if name in shapes]


def _check_same(everyone: Sequence[Opened]) -> None:
    """Rows are merged as they are, so a token should have the same one everywhere."""
    first = everyone[0].checkpoint.folder / FILE
    for model in everyone[1:]:
        other = model.checkpoint.folder / FILE
        if first == other or not (first.is_file() and other.is_file()) or filecmp.cmp(first, other, False):
            continue
        ours, theirs = read_tokens(first.parent), read_tokens(other.parent)
        moved = sorted(token for token, row in ours.items() if theirs.get(token, row) != row)
        if moved:
            wrong = f"{moved[0]!r} is token {theirs[moved[0]]}, in {everyone[0].named} {ours[moved[0]]}"
            more = f", and so on for {len(moved)} tokens" if len(moved) > 1 else ""
            raise BadData(wrong + more, where=str(model.named), hint=HINT)


def write_union(folder: Path, aligned: Aligned) -> None:
    """Add the new tokens to the tokenizer in a folder, and look whether they have the ids that are meant.

    Raises:
        BadData: The tokenizer numbers them in another way.
    """
    from tokenizers import Tokenizer

    path = folder / FILE
    content = parse_json(path.read_text(encoding="utf-8"))
    tokens = read_tokens(folder)
    start = max(tokens.values()) + 1
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    content["added_tokens"] += [
        {"id": number, "content": token, **plain} for number, token in enumerate(aligned.added, start=start)
    ]
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    loaded = Tokenizer.from_file(str(path))
    for number, token in enumerate(aligned.added, start=start):
        if loaded.token_to_id(token) != number:
            raise BadData(f"{token!r} does not get the id {number}", where=str(path), hint=ONE)
