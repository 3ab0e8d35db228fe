"""Recipes as mergekit writes them, read as they are; what cannot be followed is refused by name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from detox_cli.errors import BadData
from detox_cli.models.merging.methods import METHODS
from detox_cli.models.merging.recipe import (
    OF_A_MERGE,
    OF_A_MODEL,
    Ingredient,
    Named,
    Part,
    Recipe,
    Setting,
    Settings,
)

WITHOUT_EFFECT = ("int8_mask",)
"""Values of mergekit that change how it works, not what comes out."""


def read_recipe(content: Any, where: str) -> Recipe:
    """A recipe from what a YAML file of mergekit holds.

    Args:
        content: The parsed file.
        where: Its name, for errors.

    Raises:
        BadData: A key or a method is not known, a value has the wrong form, or parts contradict each other.
    """
    document = _mapping(content, where)
    content = dict(document)
    name = content.pop("merge_method", None)
    if name not in METHODS:
        hint = f"known methods: {', '.join(METHODS)}"
        raise BadData(f"merge_method {name!r} is not known", where=where, hint=hint)
    base = content.pop("base_model", None)
    own_base = read_model(base, where) if base is not None else None
    settings, remarks = _settings(content.pop("parameters", None), (*OF_A_MODEL, *OF_A_MERGE), where)
    entries, more, shared = _entries(content, where)
    inner = content.pop("dtype", None)
    dtype = content.pop("out_dtype", None) or inner
    tokenizer = content.pop("tokenizer_source", None)
    if content:
        unknown = ", ".join(sorted(map(str, content)))
        raise BadData(f"has keys that cannot be followed: {unknown}", where=where)
    if inner is not None and inner != "float32":
        remarks.append("dtype only sets the type that is written; sums are always in float32")
    method = METHODS[name]
    models = tuple(entry for entry in entries if entry.model != own_base or method.base == "none")
    if method.base == "none" and own_base is not None:
        models = tuple(sorted(models, key=lambda entry: entry.model != own_base))  # slerp starts at the base
        own_base = None
    return Recipe(method, models, own_base, {**settings, **shared}, dtype, tokenizer, tuple(remarks + more))


def read_model(value: Any, where: str) -> Named:
    """A model as recipes write it: ``NAME@REVISION+ADAPTER``, or a mapping of mergekit."""
    if isinstance(value, str):
        path, _, own = value.partition("+")
        path, _, revision = path.partition("@")
        return Named(path, revision or None, own or None)
    fields = _mapping(value, f"{where}: model")
    inner, adapter = fields.get("model"), fields.get("lora")
    if isinstance(inner, Mapping):
        named = Named(str(inner.get("path")), inner.get("revision"))
    else:
        named = read_model(inner, where)
    if adapter is not None:
        named = replace(named, adapter=str(adapter["path"] if isinstance(adapter, Mapping) else adapter))
    return named


def _entries(content: dict[str, Any], where: str) -> tuple[list[Ingredient], list[str], Settings]:
    """The models of ``models`` or of one slice that covers all layers; remarks; values of the slice."""
    listed, slices = content.pop("models", None), content.pop("slices", None)
    if (listed is None) == (slices is None):
        raise BadData("needs either models or slices", where=where)
    shared: Settings = {}
    if slices is not None:
        listed, shared = _only_slice(slices, where)
    if not isinstance(listed, list) or not listed:
        raise BadData("models is no list", where=where)
    entries: list[Ingredient] = []
    remarks: list[str] = []
    for number, item in enumerate(listed, start=1):
        place = f"{where}: model {number}"
        fields = dict(_mapping(item, place))
        own, more = _settings(fields.pop("parameters", None), OF_A_MODEL, place)
        entries.append(Ingredient(read_model(fields.pop("model", None), place), own))
        remarks += more
        if fields:
            raise BadData(f"has keys that cannot be followed: {', '.join(sorted(fields))}", where=place)
    return entries, remarks, shared


def _only_slice(slices: Any, where: str) -> tuple[list[Any], Settings]:
    """The sources of a slice, if there is one and it takes the same layers of every model, from the first."""
    if not isinstance(slices, list) or len(slices) != 1:
        raise BadData("stacks layers of several slices, which is not built", where=where)
    fields = dict(_mapping(slices[0], where))
    sources = fields.pop("sources", None)
    if not isinstance(sources, list):
        raise BadData("a slice has no sources", where=where)
    sources = [dict(_mapping(source, where)) for source in sources]
    ranges = {tuple(source.pop("layer_range", None) or ()) for source in sources}
    if len(ranges) != 1 or next(iter(ranges))[:1] not in ((), (0,)):
        raise BadData("takes other layers of one model than of another, which is not built", where=where)
    settings, _ = _settings(fields.pop("parameters", None), (*OF_A_MODEL, *OF_A_MERGE), where)
    return sources, settings


def _settings(content: Any, known: tuple[str, ...], where: str) -> tuple[Settings, list[str]]:
    """Values by name, and remarks on those without effect."""
    found: dict[str, Setting] = {}
    remarks = []
    for name, value in _mapping(content or {}, f"{where}: parameters").items():
        if name in WITHOUT_EFFECT:
            remarks.append(f"{name} saves memory in mergekit and has no effect here")
        elif name not in known:
            hint = f"known here: {', '.join(known)}"
            raise BadData(f"parameter {name} cannot be followed", where=where, hint=hint)
        else:
            found[name] = _setting(name, value, where)
    return found, remarks


def _setting(name: str, value: Any, where: str) -> Setting:
    """A number, a gradient, or a list of these with filters."""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        parts = []
        for item in value:
            (inner,) = _setting(name, item.get("value"), where)
            chosen = item.get("filter")
            parts.append(Part(inner.value, None if chosen in (None, "*") else str(chosen)))
        return tuple(parts)
    if isinstance(value, bool | int | float):
        return (Part(value),)
    if isinstance(value, list) and value and all(isinstance(v, int | float) for v in value):
        return (Part(tuple(float(v) for v in value)),)
    raise BadData(f"{name} is neither a number, nor numbers, nor a list with filters: {value!r}", where=where)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadData("should be a mapping", where=where)
    return value
