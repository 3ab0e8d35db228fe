"""One layer: every tensor in it is a known writer, or known not to write; anything else is an error."""

import re
from collections.abc import Mapping

from detox_cli.errors import BadData
from detox_cli.models.anatomy.family import AXES, DIMENSIONS, Config, Family, Site
from detox_cli.models.anatomy.parts import Block, Gain, ValueMatrix, Writer

Shapes = Mapping[str, tuple[int, ...]]

# Modules and parameters of blocks that read from the stream, or only scale, route and position.
READERS = frozenset(
    {
        *("q_proj", "k_proj", "v_proj", "qkv_proj", "query_key_value", "c_attn", "q_attn", "Wqkv"),
        *(
            "q_a_proj",
            "q_b_proj",
            "kv_a_proj_with_mqa",
            "kv_b_proj",
            "sinks",
            "attn",
            "attention",
            "masked_bias",
        ),
        *("gate_proj", "up_proj", "gate_up_proj", "gate_up_proj_bias", "input_linear", "w1", "w3"),
        *("c_fc", "fc1", "fc_in", "dense_h_to_4h", "beta", "alpha_p", "alpha_n", "eps"),
        *("gate", "router", "layer", "shared_expert_gate", "e_score_correction_bias", "expert_bias"),
        *("per_expert_scale", "per_layer_input_gate", "layer_scalar"),
        *("in_proj", "conv1d", "x_proj", "dt_proj", "A_log", "D", "dt_bias", "inv_freq"),
    }
)
READERS_INSIDE = ("router.proj.weight", "router.scale", "conv.conv.weight", "conv.conv.bias")
ROUTERS = re.compile(r"(.*\.)?(router|gate|experts)(\..*)?")
EXPERT_COUNTS = ("num_local_experts", "num_experts", "n_routed_experts")
MIXERS = frozenset({"attention", "mixer"})
MLPS = frozenset({"mlp", "expert", "shared_expert"})
OTHER = "name another model: this one is not built as its family is, or its folder is not whole"


def read_block(family: Family, config: Config, index: int, path: str, width: int, shapes: Shapes) -> Block:
    """The writers of one block, whose tensors are given by names relative to it.

    Raises:
        BadData: The block lacks a mixer or an MLP, an expert is missing, or it holds a tensor that the family
            does not have.
    """
    writers = [w for site in family.sites for w in _writers(family, site, index, width, shapes)]
    _check_experts(config, path, writers, shapes)
    kinds = {w.kind for w in writers if not w.bias}
    complete = kinds & (MIXERS | MLPS) if family.one_per_block else kinds & MIXERS and kinds & MLPS
    found = {w.name for w in writers} | {g.name for w in writers for g in w.gains}
    left_over = sorted(name for name in shapes if name not in found and not _is_reader(name))
    if left_over or not complete:
        lack = (
            "holds tensors that its family does not have" if left_over else "lacks its attention or its MLP"
        )
        listed = ", ".join(left_over or sorted(shapes))
        raise BadData(f"{lack}: {listed[:300]}", where=path, hint=OTHER)
    if absent := [g.name for w in writers for g in w.gains if g.name not in shapes]:
        raise BadData(f"the norm after a writer is missing: {absent[0]}", where=path, hint=OTHER)
    full = [_with_path(w, path) for w in writers]
    values = [_values(family, w, path, shapes) for w in writers if w.kind in MLPS and not w.bias]
    return Block(index, path, tuple(full), tuple(values))


def _writers(family: Family, site: Site, index: int, width: int, shapes: Shapes) -> list[Writer]:
    present = [name for name in site.gains if name[0] != "?" or f"{name[1:]}.weight" in shapes]
    gains = tuple(Gain(f"{name.removeprefix('?')}.weight", family.gain_offset) for name in present)
    writers = []
    for name, expert in _matches(site.weight, shapes):
        axis, shape = AXES[site.layout], shapes[name]
        if len(shape) != DIMENSIONS[site.layout] or shape[axis] != width:
            raise BadData(
                f"{name} should be {site.layout} with a stream of {width}, found is {list(shape)}", hint=OTHER
            )
        writers.append(Writer(name, index, site.kind, shape, axis, False, expert, gains))
    for name, expert in _matches(site.bias, shapes):
        if shapes[name][-1:] != (width,):
            raise BadData(f"{name} should end in {width} columns, found is {list(shapes[name])}", hint=OTHER)
        writers.append(Writer(name, index, site.kind, shapes[name], -1, True, expert, gains))
    return writers


def _matches(pattern: str, shapes: Shapes) -> list[tuple[str, int | None]]:
    """Tensors of a name, with the number of the expert where the name has a place for it."""
    if "*" not in pattern:
        return [(pattern, None)] if pattern in shapes else []
    expression = re.compile(re.escape(pattern).replace(r"\*", r"(\d+)"))
    found: list[tuple[str, int | None]] = [
        (name, int(m[1])) for name in shapes if (m := expression.fullmatch(name))
    ]
    return sorted(found, key=lambda pair: pair[1] or 0)


def _check_experts(config: Config, path: str, writers: list[Writer], shapes: Shapes) -> None:
    """Every expert of the configuration must be there, in one fused tensor or in its own."""
    weights = [w for w in writers if w.kind == "expert" and not w.bias]
    if not weights:
        if routers := [name for name in shapes if ROUTERS.fullmatch(name)]:
            raise BadData(f"has a router but no experts: {', '.join(routers[:4])}", where=path, hint=OTHER)
        return
    expected = next((int(config[key]) for key in EXPERT_COUNTS if config.get(key)), None)
    if expected is None:
        raise BadData(
            f"the configuration has none of {', '.join(EXPERT_COUNTS)}", where="config.json", hint=OTHER
        )
    fused = [w.shape[0] for w in weights if w.expert is None]
    found = fused[0] if len(fused) == 1 == len(weights) else None
    own = [w.expert for w in weights if w.expert is not None]
    if found != expected and own != list(range(expected)):
        listed = ", ".join(w.name for w in weights[:4])
        raise BadData(
            f"{expected} experts are configured, {found or len(own)} are there: {listed}",
            where=path,
            hint=OTHER,
        )


def _is_reader(name: str) -> bool:
    leaf = name.removesuffix(".weight").removesuffix(".bias").rsplit(".", 1)[-1]
    inside = name.endswith(READERS_INSIDE)
    return inside or leaf in READERS or "norm" in leaf or leaf.startswith(("ln_", "in_proj_"))


def _with_path(writer: Writer, path: str) -> Writer:
    gains = tuple(Gain(f"{path}.{g.name}", g.offset, g.centred) for g in writer.gains)
    return Writer(
        f"{path}.{writer.name}",
        writer.block,
        writer.kind,
        writer.shape,
        writer.axis,
        writer.bias,
        writer.expert,
        gains,
    )


def _values(family: Family, writer: Writer, path: str, shapes: Shapes) -> ValueMatrix:
    site = next(s for s in family.sites if (writer.name, writer.expert) in _matches(s.weight, shapes))
    stem = writer.name if site.parameter else writer.name.removesuffix(".weight")
    holder = f"{stem.rpartition('.')[0]}." if "." in stem else ""
    names = [f"{holder}{key}{'' if site.parameter else '.weight'}" for key in site.keys]
    if absent := [name for name in names if name not in shapes]:
        raise BadData(f"the keys of a down-projection are missing: {absent[0]}", where=path, hint=OTHER)
    full = [f"{path}.{name}" for name in names]
    return ValueMatrix(_with_path(writer, path), full[0] if len(full) > 1 else None, full[-1])
