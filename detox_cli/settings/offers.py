"""What Tab offers for the value of an option, by the word in ``Flag.complete``."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["nothing", "choice", "file", "folder", "profile", "model", "scorer"]
Role = Literal["causal", "seq2seq", "toxicity", "fluency", "similarity", "spans", "sample"]
"""What a bundled model is for; ``sample`` are rows."""


@dataclass(frozen=True)
class Offer:
    """A kind of thing; of files the suffixes that are shown first; the roles of what is bundled."""

    kind: Kind
    suffixes: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()


ROWS = ("jsonl", "json", "csv", "tsv", "txt", "parquet", "zip")
TENSORS = ("safetensors", "pt", "pth", "bin", "ckpt")
ENCODERS: tuple[Role, ...] = ("toxicity", "fluency", "similarity", "spans")

OFFERS = {
    "file": Offer("file"),
    "rows": Offer("file", ROWS),
    "sample": Offer("file", ROWS, ("sample",)),
    "text": Offer("file", ("txt", "md", "jsonl", "json", "csv", "tsv", "parquet")),
    "settings": Offer("file", ("toml",)),
    "form": Offer("file", ("toml", "json")),
    "recipe": Offer("file", ("yaml", "yml")),
    "template": Offer("file", ("jinja", "jinja2", "j2", "txt")),
    "page": Offer("file", ("html",)),
    "picture": Offer("file", ("png", "svg", "pdf")),
    "weights": Offer("file", TENSORS),
    "neurons": Offer("file", ("json", "pkl", "pickle", *TENSORS)),
    "folder": Offer("folder"),
    "detector": Offer("folder"),
    "profile": Offer("profile"),
    "model": Offer("model", roles=("causal", "seq2seq")),
    "causal": Offer("model", roles=("causal",)),
    "seq2seq": Offer("model", roles=("seq2seq",)),
    "encoder": Offer("model", roles=ENCODERS),
    "any model": Offer("model", roles=("causal", "seq2seq", *ENCODERS)),
    "scorer": Offer("scorer", roles=("toxicity",)),
    "similarity": Offer("scorer", roles=("similarity",)),
    "fluency": Offer("scorer", roles=("fluency",)),
}
"""Each word that a field may name, for the fields of all sections."""

SETS = ("rtp", "bold")
"""Prompts that are named, not files."""
DETECTORS = ("builtin:spans", "builtin:lexicon")
TARGETS = ("all-linear", "mlp", "attn")
CHAINS = ("chat", "cmd-v3-code", "cmd-v3-paper", "detox-cot-v1", "json", "plain", "special-tokens")
"""The bundled forms of chains."""
