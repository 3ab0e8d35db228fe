"""Names that ship with the package and can therefore be baked into the scripts."""

import json
from dataclasses import dataclass
from pathlib import Path

LISTS = ("lexicon",)
DETOXIFY = ("original", "unbiased", "multilingual", "original-small", "unbiased-small")


@dataclass(frozen=True)
class Known:
    """Shipped names: profiles, bundled language models and bundled scorers (without ``builtin:``)."""

    profiles: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    scorers: tuple[str, ...] = ()

    @property
    def model_names(self) -> tuple[str, ...]:
        """Model names as they are typed."""
        return tuple(f"builtin:{name}" for name in self.models)

    @property
    def scorer_names(self) -> tuple[str, ...]:
        """Complete scorer specs as they are typed; those that go on after the colon are not among them."""
        return (*(f"builtin:{n}" for n in (*self.scorers, *LISTS)), *(f"detoxify:{n}" for n in DETOXIFY))


def known_names(package: Path = Path(__file__).parents[1]) -> Known:
    """Look into the package's own folders."""
    generators: list[str] = []
    scorers: list[str] = []
    for config in sorted((package / "miniatures").glob("*/config.json")):
        target = generators if _generates(config) else scorers
        target.append(config.parent.name)
    return Known(_profiles(package), tuple(generators), tuple(scorers))


def _profiles(package: Path) -> tuple[str, ...]:
    # A checkout keeps the profiles beside the package, an installed wheel inside it.
    folders = (package / "profiles", package.parent / "profiles")
    return tuple(sorted({file.stem for folder in folders for file in folder.glob("*.toml")}))


def _generates(config: Path) -> bool:
    architectures = json.loads(config.read_text()).get("architectures") or [""]
    return str(architectures[0]).endswith(("ForCausalLM", "ForConditionalGeneration"))
