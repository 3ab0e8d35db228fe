"""What comes with detox: the bundled models, the profiles, and completion in the shells of this machine."""

from pathlib import Path

from detox_cli import __version__
from detox_cli.completion.places import installed_script, installed_shells
from detox_cli.errors import DetoxError
from detox_cli.models.sources import find_model
from detox_cli.services.doctor.check import Check, State
from detox_cli.settings.profiles import folders, known_profiles, load_profiles

MINIATURES = ("lm", "chat", "bart", "toxicity", "toxicity-multilingual", "similarity", "fluency", "spans")
REINSTALL = "reinstall detox: pip install --force-reinstall --no-deps detox-cli"


def check_bundle() -> list[Check]:
    """Each bundled model, the profiles and each shell."""
    return [
        *(_miniature(f"builtin:{name}") for name in MINIATURES),
        _profiles(),
        *(_completion(shell) for shell in installed_shells()),
    ]


def _miniature(name: str) -> Check:
    """A bundled model is well when its folder is complete and its configuration loads."""
    from transformers import AutoConfig

    try:
        source = find_model(name)
        config = AutoConfig.from_pretrained(source.location, local_files_only=True)
    except DetoxError as error:
        return _check(name, "broken", str(error), REINSTALL)
    except (OSError, ValueError) as error:
        return _check(name, "broken", str(error).splitlines()[0], REINSTALL)
    size = sum(file.stat().st_size for file in Path(source.location).iterdir() if file.is_file())
    return _check(name, "ok", f"{(config.architectures or ['?'])[0]}, {size / 1e6:.1f} MB")


def _profiles() -> Check:
    known = known_profiles()
    searched = ", ".join(str(folder) for folder in folders())
    wrong = [name for name in known if not _readable(name)]
    if wrong:
        return _check("profiles", "note", f"cannot be read: {', '.join(wrong)}", "detox profile check")
    return _check("profiles", "ok", f"{len(known)}, from {searched}")


def _readable(name: str) -> bool:
    try:
        load_profiles([name])
    except DetoxError:
        return False
    return True


def _completion(shell: str) -> Check:
    """Scripts name the version that they were made for, so that an old one is seen."""
    name = f"completion in {shell}"
    advice = f"detox completion {shell} --install"
    path = installed_script(shell)
    if path is None:
        return _check(name, "note", "not installed", advice)
    if f" detox {__version__}" not in path.read_text(encoding="utf-8", errors="replace")[:200]:
        return _check(name, "note", f"{path}, made by another version", advice)
    return _check(name, "ok", str(path))


def _check(name: str, state: State, found: str, advice: str = "") -> Check:
    return Check(part="bundle", name=name, state=state, found=found, advice=advice)
