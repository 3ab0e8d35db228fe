"""No error without a test that makes it; the exceptions are listed with their reasons."""

from pathlib import Path

import pytest

from tests.conftest import NOTES
from tests.errors.sites import exempt, sites, unproduced

NARROWED = ("keyword", "markexpr", "lf", "deselect", "ignore", "ignore_glob")


def test_what_is_listed_is_there() -> None:
    gone = exempt() - {site.name for site in sites()}
    assert not gone, f"take out of unproduced.txt: {sorted(gone)}"


def test_every_error_says_what_to_do() -> None:
    """Or is several problems in one, a limit that the user set, or told again in other words."""
    bare = {site.name for site in sites() if not site.has_hint}
    told_otherwise = {
        "detox_cli.explain",
        "detox_cli.generation.server_client",
        "detox_cli.services.profiles",
    }
    assert not [
        name for name in sorted(bare) if name.split()[0] not in told_otherwise and ".problem " not in name
    ]


def test_every_error_is_produced(request: pytest.FixtureRequest) -> None:
    """The last test of a run of all; see the collection hook in tests/conftest.py."""
    config = request.config
    everything = {Path(word).resolve() for word in config.args} == {Path(__file__).parents[1]}
    narrowed = any(config.getoption(name, None) for name in NARROWED)
    if not everything or narrowed or request.session.testsfailed:
        pytest.skip("only after a run of all tests")
    untold = [str(site) for site in unproduced(config.stash[NOTES]) if site.name not in exempt()]
    assert not untold, "no test makes these errors:\n" + "\n".join(untold)
