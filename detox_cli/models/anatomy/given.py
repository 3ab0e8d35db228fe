"""Families that are not in the table: what could be edited, and anatomies from given targets."""

import re
from collections.abc import Mapping

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy, Block, Writer

Shapes = Mapping[str, tuple[int, ...]]

NUMBER = re.compile(r"\.(\d+)\.")


def candidates(shapes: Shapes, width: int) -> str:
    """Names of weights that could be Linear layers back to the stream, with ``*`` for numbers, once each."""
    could = [n for n, s in shapes.items() if n.endswith(".weight") and len(s) >= 2 and width in s[-2:]]
    return ", ".join(dict.fromkeys(NUMBER.sub(".*.", name) for name in could)) or "none"


def anatomy_of_targets(kind: str, width: int, shapes: Shapes, targets: str, tied: bool) -> Anatomy:
    """An anatomy of what a regular expression finds (``re.search`` in full names).

    Every weight is taken for a Linear layer ``[out, in]``, a table of tokens is named ``embed…`` or ``wte``.

    Raises:
        BadData: Nothing matches, a match cannot be such a layer, or a block has no match.
    """
    try:
        expression = re.compile(targets)
    except re.error as error:
        raise BadData(f"the targets are no regular expression: {error}", hint="escape dots as \\.") from error
    writers = [_writer(name, shapes[name], width) for name in shapes if expression.search(name)]
    if not writers:
        raise BadData(
            f"no tensor matches the targets; candidates: {candidates(shapes, width)}",
            hint="write what the names of the tensors hold: --targets REGEX",
        )
    found = {w.block: [v for v in writers if v.block == w.block] for w in writers if w.block is not None}
    count = 1 + max((int(m[1]) for name in shapes if (m := NUMBER.search(name))), default=-1)
    if missing := [str(i) for i in range(count) if i not in found]:
        raise BadData(f"layers without a target: {', '.join(missing)}", hint="widen the regular expression")
    blocks = tuple(Block(i, _path(found[i][0].name), tuple(found[i]), ()) for i in range(count))
    embeddings = tuple(w for w in writers if w.block is None)
    return Anatomy(kind, width, "", embeddings, blocks, None, "lm_head.weight", tied)


def _writer(name: str, shape: tuple[int, ...], width: int) -> Writer:
    number = NUMBER.search(name)
    if len(shape) == 1 and shape == (width,):
        return Writer(name, int(number[1]) if number else None, "mlp", shape, -1, bias=True)
    if number is None and re.search(r"embed|wte", name) and shape[-1] == width:
        return Writer(name, None, "embedding", shape, -1)
    if number is None or len(shape) != 2 or shape[0] != width:
        raise BadData(
            f"{name} {list(shape)} is no Linear weight [{width}, in] of a block", hint="narrow the targets"
        )
    return Writer(name, int(number[1]), "mlp", shape, -2)


def _path(name: str) -> str:
    number = NUMBER.search(name)
    return name[: number.end() - 1] if number else ""
