"""Names that ship with the package and can therefore be baked into the scripts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detox_cli.completion.tree import Value
from detox_cli.settings.offers import Role

LISTS = ("lexicon",)
DETOXIFY = ("original", "unbiased", "multilingual", "original-small", "unbiased-small")
ENDINGS: dict[str, Role] = {
    "ForCausalLM": "causal",
    "ForConditionalGeneration": "seq2seq",
    "ForTokenClassification": "spans",
    "Model": "similarity",
}


@dataclass(frozen=True)
class Known:
    """Shipped names: profiles, and bundled models and rows (without ``builtin:``) with what each is for."""

    profiles: tuple[str, ...] = ()
    models: Mapping[str, Role] = field(default_factory=dict)

    def offered(self, value: Value) -> tuple[str, ...]:
        """The words that are offered for ``value``, as they are typed: its own, then what is bundled."""
        bundled = tuple(f"builtin:{name}" for name, role in self.models.items() if role in value.roles)
        if value.kind == "scorer" and "toxicity" in value.roles:
            bundled += (*(f"builtin:{name}" for name in LISTS), *(f"detoxify:{name}" for name in DETOXIFY))
        return (*value.choices, *bundled)


def known_names(package: Path = Path(__file__).parents[1]) -> Known:
    """Look into the package's own folders."""
    configs = sorted((package / "miniatures").glob("*/config.json"))
    models: dict[str, Role] = {file.parent.name: _role(json.loads(file.read_text())) for file in configs}
    samples: dict[str, Role] = {
        file.stem: "sample" for file in (package / "miniatures/samples").glob("*.jsonl")
    }
    return Known(_profiles(package), models | dict(sorted(samples.items())))


def _profiles(package: Path) -> tuple[str, ...]:
    # A checkout keeps the profiles beside the package, an installed wheel inside it.
    folders = (package / "profiles", package.parent / "profiles")
    return tuple(sorted({file.stem for folder in folders for file in folder.glob("*.toml")}))


def _role(config: dict[str, Any]) -> Role:
    """What a model is for: by its architecture, of classifiers by the names of their classes."""
    architecture = str((config.get("architectures") or [""])[0])
    for ending, role in ENDINGS.items():
        if architecture.endswith(ending):
            return role
    return "toxicity" if "toxic" in json.dumps(config.get("id2label")) else "fluency"
