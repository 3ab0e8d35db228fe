"""What is refused before anything is read."""

from pathlib import Path

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.weights import find_bitsandbytes
from detox_cli.scoring.load import find_text_scorers
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.load import find_scorers, scorers_instead, scorers_of
from detox_cli.services.abliterate.recipe import named_by_hand
from detox_cli.settings.abliterate import AbliterateSettings

DIRECTION = "direction.safetensors"


def check(settings: AbliterateSettings) -> None:
    """Raise ``BadSettings`` if settings contradict each other."""
    steps = {
        "--measure-only": settings.measure_only,
        "--choose-only": settings.choose_only,
        "--verify": settings.verify is not None,
    }
    given = [name for name, wanted in steps.items() if wanted]
    if len(given) > 1:
        raise BadSettings(f"{' and '.join(given)} exclude each other", hint="give one of them")
    if settings.measure_only and settings.direction is not None:
        raise BadSettings("--direction is what --measure-only would write", hint="give one of them")
    if settings.adapter and settings.tied == "edit":
        raise BadSettings("an adapter cannot edit a head", where="--tied", hint="use skip or untie")
    if settings.adapter and "norm-preserving" in settings.mode:
        raise BadSettings("an adapter cannot keep norms", where="--adapter", hint="write the weights instead")
    by_hand = named_by_hand(settings)
    if settings.search and by_hand:
        raise BadSettings("nothing is searched at a named place", where="--search", hint="give one of them")
    if settings.search and set(settings.mode) == {"affine"}:
        raise BadSettings(
            "affine removal has no strengths to search",
            where="--search",
            hint="leave it out, or choose another --mode",
        )
    if settings.blockwise:
        _check_blockwise(settings, by_hand)


def _check_blockwise(settings: AbliterateSettings, by_hand: bool) -> None:
    """Nothing that needs the whole model in memory can be asked for."""
    if settings.contrast == "task" or (settings.filter and settings.contrast != "toxicity"):
        raise BadSettings(
            "a model that is read block by block cannot be asked anything",
            where="--blockwise",
            hint="add --no-filter, and use another contrast than task",
        )
    if not settings.measure_only and not by_hand:
        raise BadSettings(
            "candidates are tried on a model in memory",
            where="--blockwise",
            hint="add --measure-only, or name a place with --position and --layer",
        )
    if not settings.measure_only and set(settings.parts) != {"residues"}:
        raise BadSettings(
            "only residues can be verified without a model in memory",
            where="--blockwise",
            hint="add --parts residues",
        )


def find_needed(settings: AbliterateSettings) -> None:
    """See, before any work, that what the last steps need can be had: scorers, and the library of fewer bits.

    Raises:
        BadSettings: A scorer's name is wrong.
        Missing: A scorer's model, or bitsandbytes, is not there.
    """
    if settings.measure_only:
        return
    by_answers = settings.contrast == "toxicity" and settings.verify is None and not named_by_hand(settings)
    verified = () if settings.choose_only else settings.parts
    if "task" in verified:
        find_scorers(DETOX, scorers_instead(settings))
    elif by_answers:
        find_text_scorers([scorers_of(DETOX, scorers_instead(settings))["sta"]])
    if {"refusals", "safe"}.intersection(verified) and settings.refusal_scorer is not None:
        find_text_scorers([settings.refusal_scorer])
    if verified and settings.quantize is not None:
        find_bitsandbytes()


def direction_file(path: Path | None) -> Path | None:
    """The file that ``--direction`` names, itself or by its folder.

    Raises:
        BadData: It is not there.
    """
    if path is None:
        return None
    file = path / DIRECTION if path.is_dir() else path
    if not file.is_file():
        raise BadData("there is no such direction file", where=str(file), hint="check --direction")
    return file
