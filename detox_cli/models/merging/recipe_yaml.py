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
    Slice,
)

WITHOUT_EFFECT = ("int8_mask",)
"""Values of mergekit that change how it works, not what comes out."""
SAME = {"scale": "weight"}
"""What ``passthrough`` multiplies a model by is called a scale."""
Known = tuple[str, ...]
"""Names of values that a method reads."""


def read_recipe(content: Any, where: str) -> Recipe:
    """A recipe from what a YAML file of mergekit holds.

    Args:
        content: The parsed file.
        where: Its name, for errors.

    Raises:
        BadData: A key or a method is not known, a value has the wrong form, or parts contradict each other.
    """
    document = dict(_mapping(content, where))
    name = document.pop("merge_method", None)
    if not isinstance(name, str) or name not in METHODS:
        hint = f"known methods: {', '.join(METHODS)}"
        raise BadData(f"merge_method {name!r} is not known", where=where, hint=hint)
    base = document.pop("base_model", None)
    own_base = read_model(base, where) if base is not None else None
    known = OF_A_MODEL if name != "passthrough" else tuple(SAME)
    settings, remarks = _settings(document.pop("parameters", None), (*known, *OF_A_MERGE), where)
    entries, slices, more = _sources(document, known, where)
    inner = document.pop("dtype", None)
    dtype = document.pop("out_dtype", None) or inner
    tokenizer, template = document.pop("tokenizer_source", None), document.pop("chat_template", None)
    if document:
        unknown = ", ".join(sorted(map(str, document)))
        raise BadData(
            f"has keys that cannot be followed: {unknown}",
            where=where,
            hint="take them out, if the merge is right without them",
        )
    if inner is not None and inner != "float32":
        more.append("dtype only sets the type that is written; sums are always in float32")
    method = METHODS[name]
    given = [settings, *(entry.settings for entry in entries), *(own.settings for own in slices)]
    given += [source.settings for own in slices for source in own.sources]
    idle = sorted({value for own in given for value in own} - {*method.uses, *method.needs})
    more += [f"{value} makes no difference to {name}" for value in idle]
    if method.base == "none" and own_base is not None:  # slerp starts at the base
        slices = tuple(_from_base(own, own_base) for own in slices)
        entries.sort(key=lambda entry: entry.model != own_base)
        own_base = None
    return Recipe(
        method,
        tuple(entry for entry in entries if entry.model != own_base),
        own_base,
        settings,
        dtype,
        tokenizer,
        (*remarks, *more),
        slices,
        _template(template, where),
    )


def _sources(
    document: dict[str, Any], known: Known, where: str
) -> tuple[list[Ingredient], tuple[Slice, ...], list[str]]:
    """The models of ``models``, or those of ``slices`` with the slices; and remarks."""
    listed, sliced = document.pop("models", None), document.pop("slices", None)
    if (listed is None) == (sliced is None):
        raise BadData(
            "needs either models or slices",
            where=where,
            hint="list them under models, or layers of them under slices",
        )
    if sliced is not None:
        slices, remarks = _slices(sliced, known, where)
        everyone = {entry.model: Ingredient(entry.model) for own in slices for entry in own.sources}
        return list(everyone.values()), slices, remarks
    entries, remarks, layers = _ingredients(listed, known, where)
    if any(layers):
        raise BadData(
            "layer_range belongs into slices", where=where, hint="list the models under slices, with sources"
        )
    return entries, (), remarks


def _from_base(own: Slice, base: Named) -> Slice:
    both = sorted(zip(own.sources, own.layers, strict=True), key=lambda pair: pair[0].model != base)
    return replace(own, sources=tuple(s for s, _ in both), layers=tuple(r for _, r in both))


def _template(value: Any, where: str) -> str | None:
    """A chat template, or ``auto``; the names of mergekit's own templates mean nothing here."""
    if value is None or (isinstance(value, str) and (value == "auto" or "{" in value)):
        return value
    hint = "write auto, or the template itself"
    raise BadData(f"chat_template {value!r} is no template in Jinja", where=where, hint=hint)


def named_in(text: str) -> Named:
    """A model as recipes write it in one word: ``NAME@REVISION+ADAPTER``."""
    path, _, own = text.partition("+")
    path, _, revision = path.partition("@")
    return Named(path, revision or None, own or None)


def read_model(value: Any, where: str) -> Named:
    """A model as recipes write it: in one word, or a mapping of mergekit.

    Raises:
        BadData: It names none, or says something of it that cannot be followed.
    """
    if isinstance(value, str):
        named = named_in(value)
    else:
        fields = dict(_mapping(value, f"{where}: model"))
        inner, adapter = fields.pop("model", None), fields.pop("lora", None)
        named = Named(*_place(inner, where)) if isinstance(inner, Mapping) else read_model(inner, where)
        if adapter is not None:
            own, revision = _place(adapter, where) if isinstance(adapter, Mapping) else (str(adapter), None)
            named = replace(named, adapter=own)
            fields |= {"revision of lora": revision} if revision is not None else {}
        if fields:
            wrong = f"a model has keys that cannot be followed: {', '.join(map(str, fields))}"
            raise BadData(wrong, where=where, hint="take them out, if the merge is right without them")
    if not named.model:
        raise BadData("names no model", where=where, hint="write model: NAME")
    return named


def _place(fields: Mapping[str, Any], where: str) -> tuple[str, str | None]:
    """The path and the revision of mergekit's longer form."""
    path, revision = fields.get("path"), fields.get("revision")
    if not isinstance(path, str) or set(fields) - {"path", "revision"}:
        raise BadData(
            "a model in several words has a path, and perhaps a revision",
            where=where,
            hint="write model: NAME@REVISION+ADAPTER",
        )
    return path, revision


def _ingredients(listed: Any, known: Known, where: str) -> tuple[list[Ingredient], list[str], list[Any]]:
    """Models with their values, remarks, and the layers of each where they are given."""
    if not isinstance(listed, list) or not listed:
        raise BadData("names no models", where=where, hint="list them, each as - model: NAME")
    entries: list[Ingredient] = []
    remarks: list[str] = []
    layers: list[Any] = []
    for number, item in enumerate(listed, start=1):
        place = f"{where}: model {number}"
        fields = dict(_mapping(item, place))
        own, more = _settings(fields.pop("parameters", None), known, place)
        entries.append(Ingredient(read_model(fields.pop("model", None), place), own))
        layers.append(fields.pop("layer_range", None))
        remarks += more
        if fields:
            raise BadData(
                f"has keys that cannot be followed: {', '.join(sorted(fields))}",
                where=place,
                hint="take them out, if the merge is right without them",
            )
    return entries, remarks, layers


def _slices(listed: Any, known: Known, where: str) -> tuple[tuple[Slice, ...], list[str]]:
    """The layers of the result, slice by slice, and remarks."""
    if not isinstance(listed, list) or not listed:
        raise BadData("slices is no list", where=where, hint="list them, each with its sources")
    found, remarks = [], []
    for number, item in enumerate(listed, start=1):
        place = f"{where}: slice {number}"
        fields = dict(_mapping(item, place))
        sources, more, ranges = _ingredients(fields.pop("sources", None), known, place)
        settings, also = _settings(fields.pop("parameters", None), (*known, *OF_A_MERGE), place)
        remarks += more + also
        if fields:
            raise BadData(
                f"has keys that cannot be followed: {', '.join(sorted(fields))}",
                where=place,
                hint="take them out, if the merge is right without them",
            )
        layers = tuple(_layers(own, place) for own in ranges)
        if len({last - first for first, last in layers}) != 1:
            raise BadData(
                "takes more layers of one model than of another",
                where=place,
                hint="give all sources of a slice equally many layers",
            )
        found.append(Slice(tuple(sources), layers, settings))
    return tuple(found), remarks


def _layers(value: Any, where: str) -> tuple[int, int]:
    whole = isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) for v in value)
    if not whole or not 0 <= value[0] < value[1]:
        hint = "write [first, one after the last], counted from 0"
        raise BadData(f"layer_range {value!r} names no layers", where=where, hint=hint)
    return value[0], value[1]


def _settings(content: Any, known: Known, where: str) -> tuple[Settings, list[str]]:
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
            found[SAME.get(name, name)] = _setting(name, value, where)
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
    raise BadData(
        f"{name} is neither a number, nor numbers, nor a list with filters: {value!r}",
        where=where,
        hint="write a number, such as weight: 0.5",
    )


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadData("should be a mapping", where=where, hint="write names with values, as for mergekit")
    return value
