"""From a configuration and the names and shapes of tensors to the anatomy of a model; no weight is read."""

import re
from collections.abc import Mapping

from detox_cli.errors import BadData
from detox_cli.models.anatomy.blocks import read_block
from detox_cli.models.anatomy.families import FAMILIES
from detox_cli.models.anatomy.family import Config, Family
from detox_cli.models.anatomy.given import anatomy_of_targets, candidates
from detox_cli.models.anatomy.parts import Anatomy, Block, Gain, Writer

Shapes = Mapping[str, tuple[int, ...]]

# Trunk of the text model -> what stands before the name of its head.
TRUNKS = {
    "model.language_model.": "",
    "language_model.model.": "language_model.",
    "model.decoder.": "",
    "decoder.": "",
    "model.": "",
    "transformer.": "",
    "gpt_neox.": "",
    "backbone.": "",
    "": "",
}
WIDTHS = ("hidden_size", "n_embd", "d_model")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "layers_block_type")
NEITHER_WRITES_NOR_HIDES = re.compile(r".*(norm|ln_f|rotary|inv_freq|embed_positions\.weights)\w*(\.\w+)?")
NAME_WRITERS = "name what writes to the residual stream: --targets REGEX"


def read_anatomy(config: Config, shapes: Shapes, targets: str | None = None) -> Anatomy:
    """Find every residual writer of a decoder-only model.

    Args:
        config: ``config.json`` as a dictionary, or ``model.config.to_dict()``.
        shapes: Shape of every tensor by name, from the headers of a checkpoint or a ``state_dict``.
        targets: For a family that is not in the table: a regular expression that names the writers, all of
            them Linear weights ``[out, in]``, their biases and the token embedding.

    Raises:
        BadData: The family is unknown, or a tensor, a layer or an expert is missing, left over or misshapen.
    """
    text = text_config(config)
    width = int(_first(text, WIDTHS))
    kind = str(text.get("model_type", ""))
    if targets is not None:
        return anatomy_of_targets(kind, width, shapes, targets, is_tied(config, False))
    family = FAMILIES.get(kind)
    if family is None:
        raise BadData(
            f"the family {kind or '(none named)'} is not known; candidates: {candidates(shapes, width)}",
            hint=NAME_WRITERS,
        )
    if reason := family.refuse(text):
        raise BadData(f"a {kind} like this cannot be edited: {reason}", hint="name another model")
    return _read(kind, family, text, width, shapes, is_tied(config, family.tied))


def text_config(config: Config) -> Config:
    """The part of a configuration that describes the language model."""
    return {**config["text_config"]} if isinstance(config.get("text_config"), Mapping) else config


def is_tied(config: Config, default: bool) -> bool:
    """Whether a configuration says that the head is the token embedding."""
    inner = text_config(config).get("tie_word_embeddings", default)
    return bool(config.get("tie_word_embeddings", inner))


def _read(kind: str, family: Family, text: Config, width: int, shapes: Shapes, tied: bool) -> Anatomy:
    trunk = _trunk(family, shapes)
    heads = [TRUNKS[trunk] + head for head in family.heads]
    head = next((name for name in heads if name in shapes), heads[0])
    blocks, later = _blocks(family, trunk, text, width, shapes)
    embeddings = _embeddings(family, trunk, width, shapes, head if tied else None)
    known = {*(w.name for w in embeddings), *(g.name for w in embeddings for g in w.gains), *later, *heads}
    known |= {head.replace("weight", "bias") for head in heads} | {trunk + name for name in family.aside}
    rest = [n for n in shapes if n not in known and not n.startswith(f"{trunk}{family.blocks}.")]
    odd = [n for n in rest if n.startswith(trunk) and not NEITHER_WRITES_NOR_HIDES.fullmatch(n)]
    if odd:
        raise BadData(
            f"a {kind} holds what its family does not: {', '.join(sorted(odd)[:5])}", hint=NAME_WRITERS
        )
    norm = trunk + family.norm
    return Anatomy(
        family=kind,
        width=width,
        trunk=trunk,
        embeddings=embeddings,
        blocks=blocks,
        norm=norm if f"{norm}.weight" in shapes else None,
        head=head,
        tied=tied,
        embedding_scale=family.scale(text),
        beside=(*later, *(n for n in rest if not n.startswith(trunk))),
    )


def _first(config: Config, keys: tuple[str, ...]) -> int:
    for key in keys:
        if isinstance(config.get(key), int):
            return int(config[key])
        if isinstance(config.get(key), list):
            return len(config[key])
    raise BadData(
        f"the configuration has none of {', '.join(keys)}",
        where="config.json",
        hint="name a language model with a whole config.json",
    )


def _trunk(family: Family, shapes: Shapes) -> str:
    for trunk in TRUNKS:
        if any(name.startswith(f"{trunk}{family.blocks}.0.") for name in shapes):
            return trunk
    found = ", ".join(sorted(shapes)[:5]) or "nothing"
    raise BadData(f"no tensor of a first layer ({family.blocks}.0); found: {found}", hint=NAME_WRITERS)


def _blocks(
    family: Family, trunk: str, text: Config, width: int, shapes: Shapes
) -> tuple[tuple[Block, ...], list[str]]:
    """All blocks, and the tensors of layers beyond the last (such as those that predict further tokens)."""
    start, count = f"{trunk}{family.blocks}.", _first(text, LAYERS)
    parts: dict[int, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        index, _, rest = name.removeprefix(start).partition(".")
        if name.startswith(start) and index.isdigit():
            parts.setdefault(int(index), {})[rest] = shape
    if missing := [str(i) for i in range(count) if i not in parts]:
        raise BadData(f"layers without a tensor: {', '.join(missing)} of {count}", hint=NAME_WRITERS)
    blocks = tuple(read_block(family, text, i, f"{start}{i}", width, parts[i]) for i in range(count))
    return blocks, [f"{start}{i}.{n}" for i in sorted(parts) if i >= count for n in parts[i]]


def _embeddings(
    family: Family, trunk: str, width: int, shapes: Shapes, tied_head: str | None
) -> tuple[Writer, ...]:
    """What writes before the first block; a tied model may store its table under the name of its head."""
    norm = f"{trunk}{family.embedding_norm}" if family.embedding_norm else None
    table = f"{trunk}{family.embedding}.weight"
    if table not in shapes and tied_head in shapes:
        table = str(tied_head)
    gains = (Gain(f"{norm}.weight", centred=True),) if norm else ()
    wanted = [Writer(table, None, "embedding", (), -1, gains=gains)]
    if family.positions:
        wanted.append(Writer(f"{trunk}{family.positions}.weight", None, "positions", (), -1))
    if norm:
        wanted.append(Writer(f"{norm}.bias", None, "embedding", (), -1, bias=True))
    for writer in wanted:
        if shapes.get(writer.name, ())[-1:] != (width,):
            found = shapes.get(writer.name, "nothing")
            raise BadData(f"{writer.name} should end in {width} columns, found is {found}", hint=NAME_WRITERS)
    return tuple(Writer(w.name, None, w.kind, shapes[w.name], -1, w.bias, gains=w.gains) for w in wanted)
