"""Under what licence a model is, as its own card says; what that means for text that it writes."""

from pathlib import Path
from typing import Any

from detox_cli.models.sources import ModelSource


def model_licence(source: ModelSource) -> str | None:
    """The licence in the front matter of the model's ``README.md``, such as ``llama3.1`` or ``apache-2.0``.

    ``None`` if there is no card, or none that can be had from here, or it names no licence.
    """
    card = _card(source)
    if card is None:
        return None
    from huggingface_hub import metadata_load  # the hub's client, which a model without a card does not need

    try:
        stated: dict[str, Any] = metadata_load(card) or {}
    except Exception:  # whatever is wrong with the YAML of a card that somebody wrote by hand
        return None
    named = stated.get("license")
    if named == "other":
        named = stated.get("license_name") or named
    if isinstance(named, list):
        named = ", ".join(map(str, named))
    return str(named) if named else None


def licence_remark(licence: str | None) -> str | None:
    """What a user of the model's output has to know about its licence, in one sentence."""
    if licence is None:
        return "the licence of the model is not known from its card; rows say null"
    plain = licence.lower().replace("-", "").replace("_", "")
    if plain in ("llama2", "llama3"):
        return f"{licence}: its licence does not allow its output to be used to improve other language models"
    if plain.startswith("llama"):
        return f"{licence}: a model trained on its output has to carry 'Llama' at the beginning of its name"
    return None


def _card(source: ModelSource) -> Path | None:
    if source.kind != "hub":
        path = Path(source.location) / "README.md"
        return path if path.is_file() else None
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(source.location, "README.md", revision=source.revision))
    except Exception:  # no card, no network, no access: in each case it is not known
        return None
