"""What the command lines read, made once."""

from pathlib import Path

import pytest

from tests.faults.commands import write_inputs


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the inputs; `link_inputs` makes a place of its own from it."""
    place = tmp_path_factory.mktemp("faults") / "inputs"
    write_inputs(place)
    return place
