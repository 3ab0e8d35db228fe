"""Versions of what is needed, without importing any of it."""

import platform
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

from packaging.requirements import Requirement

from detox_cli import __version__
from detox_cli.services.doctor.check import Check

DISTRIBUTION = "detox-cli"
EXTRAS = ("vllm", "quantize", "ray", "plots", "languages", "lm-eval")


def check_software() -> list[Check]:
    """Python, detox, each package that it needs, and the extras that a user may want."""
    needed = [Requirement(text) for text in requires(DISTRIBUTION) or []]
    return [
        Check(part="software", name="detox", state="ok", found=__version__),
        Check(part="software", name="python", state="ok", found=platform.python_version()),
        *(_needed(need) for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})),
        *(_extra(extra, needed) for extra in EXTRAS),
    ]


def _needed(need: Requirement) -> Check:
    advice = f"pip install '{need.name}{need.specifier}'"
    found = _version(need.name)
    if found is None:
        return _broken(need.name, "not installed", advice)
    if not need.specifier.contains(found, prereleases=True):
        return _broken(need.name, f"{found}, but {need.specifier} is needed", advice)
    return Check(part="software", name=need.name, state="ok", found=found)


def _extra(extra: str, needed: list[Requirement]) -> Check:
    """An extra is a choice: without it there is no advice, only word of how to get it."""
    parts = [n for n in needed if n.marker and n.marker.evaluate({"extra": extra})]
    parts = [n for n in parts if not n.marker or not n.marker.evaluate({"extra": ""})]
    versions = {part.name: _version(part.name) for part in parts}
    get = f"pip install '{DISTRIBUTION}[{extra}]'"
    if not versions or None in versions.values():
        instead = ", ".join(other for part in parts for other in _other_builds(part.name))
        found = f"{instead}, in its place" if instead else f"not installed; to add it: {get}"
        return Check(part="software", name=f"extra {extra}", state="note", found=found)
    wrong = [
        part for part in parts if not part.specifier.contains(str(versions[part.name]), prereleases=True)
    ]
    found = ", ".join(f"{name} {number}" for name, number in versions.items())
    if wrong:
        return _broken(f"extra {extra}", f"{found}, but {wrong[0]} is needed".split(";")[0], get)
    return Check(part="software", name=f"extra {extra}", state="ok", found=found)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _other_builds(module: str) -> list[str]:
    """Distributions of another name that bring ``module``, such as vLLM's build for CPUs."""
    return [f"{name} {version(name)}" for name in packages_distributions().get(module, [])]


def _broken(name: str, found: str, advice: str) -> Check:
    return Check(part="software", name=name, state="broken", found=found, advice=advice)
