"""Which layers get an adapter, and which must not."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn
from transformers.pytorch_utils import Conv1D

from detox_cli.errors import BadSettings
from detox_cli.models.merging.adapted import STORED_ON_THEIR_SIDE
from detox_cli.services.training.lora import LoraShape
from detox_cli.settings.train_dpo import DpoSettings

ATTENTION = re.compile(r"attn|attention|mixer")
DEFAULT_SHAPE = "64"


def lora_shape(settings: DpoSettings) -> LoraShape:
    """Rank, alpha and dropout. Raises ``BadSettings`` if they are none."""
    return LoraShape.read(settings.lora or DEFAULT_SHAPE)


def adapter_config(settings: DpoSettings, model: Any) -> Any:
    """What peft is told.

    Raises:
        BadSettings: A target is no layer of the model, the embedding that is also the head, or the head; or
            the trained adapter could not be folded.
    """
    chosen = targets_of(model, settings.target)
    refuse_head(model, chosen)
    turned = {isinstance(model.get_submodule(name), Conv1D) for name in chosen} == {True}
    if settings.dora and settings.merge and model.config.model_type in STORED_ON_THEIR_SIDE:
        hint = "leave out --dora, or add --no-merge"
        message = f"such an adapter cannot be folded into a {model.config.model_type}"
        raise BadSettings(message, where="--dora", hint=hint)
    return replace(
        lora_shape(settings).config(settings.model),
        target_modules=short_names(model, chosen),
        use_rslora=settings.rslora,
        use_dora=settings.dora,
        fan_in_fan_out=turned,
    )


def targets_of(model: Any, wanted: Sequence[str]) -> list[str]:
    """The full names of the layers that are meant by ``all-linear``, ``mlp``, ``attn``, names and patterns.

    Raises:
        BadSettings: One of them means no layer.
    """
    layers = _layers(model)
    head = model.get_output_embeddings()
    linear = [n for n, m in layers.items() if not isinstance(m, nn.Embedding) and m is not head]
    attention = [name for name in linear if ATTENTION.search(name.rsplit(".", 1)[0])]
    groups = {
        "all-linear": linear,
        "attn": attention,
        "mlp": [name for name in linear if name not in attention and re.search(r"\.\d+\.", name)],
    }
    found: list[str] = []
    for word in wanted:
        own = groups.get(word)
        if own is None:
            own = [name for name in layers if _means(word, name)]
        if not own:
            names = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in layers}))
            raise BadSettings(
                f"{word} is no layer of the model", where="--target", hint=f"its layers: {names}"
            )
        found += own
    return list(dict.fromkeys(found))


def refuse_head(model: Any, chosen: Sequence[str]) -> None:
    """Raise ``BadSettings`` for an adapter on the head, or on an embedding that is also the head.

    Such an embedding would be changed on its way in while training, and on both ways once it is folded. An
    adapter on the head itself is one that TRL does not train.
    """
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    for name in chosen:
        layer = model.get_submodule(name)
        if layer is head:
            hint = "leave it out; all-linear is every other layer"
            raise BadSettings(f"{name} is the output head, which is not trained", where="--target", hint=hint)
        if layer is table and head is not None and head.weight is table.weight:
            raise BadSettings(
                f"{name} is token embedding and output head in one: trained as one and folded as both",
                where="--target",
                hint="leave it out; all-linear is every other layer",
            )


def short_names(model: Any, chosen: Sequence[str]) -> list[str]:
    """The last parts of the names where these mean just the chosen layers, else the names in full."""
    last = {name.rsplit(".", 1)[-1] for name in chosen}
    meant = [name for name in _layers(model) if name.rsplit(".", 1)[-1] in last]
    return sorted(last) if set(meant) == set(chosen) else sorted(chosen)


def _layers(model: Any) -> dict[str, nn.Module]:
    """Every layer that can have an adapter."""
    kinds = (nn.Linear, Conv1D, nn.Embedding)
    return {name: module for name, module in model.named_modules() if isinstance(module, kinds)}


def _means(word: str, name: str) -> bool:
    if word.startswith("re:"):
        return re.fullmatch(word[3:], name) is not None
    return name == word or name.endswith(f".{word}")
