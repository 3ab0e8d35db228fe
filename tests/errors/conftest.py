"""Cases are done in the process, and told with one line and a way out."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from detox_cli.errors import DetoxError
from tests.conftest import Outcome
from tests.errors.case import Case, written


@pytest.fixture
def told(
    detox: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Case], None]:
    """Do what a case says in an empty folder, and look at what comes of it."""

    def tell(case: Case) -> None:
        monkeypatch.chdir(tmp_path)
        written(tmp_path, case.files)
        if isinstance(case.done, str):
            outcome = detox(*shlex.split(case.done))
            code, lines = outcome.code, outcome.err.splitlines()
            problem = " ".join(line for line in lines if line.startswith("error: "))
            assert case.said in problem, outcome.err
            assert "Traceback" not in outcome.err
            assert "hint: " in outcome.err
        else:
            with pytest.raises(DetoxError) as caught:
                case.done()
            code, problem = caught.value.exit_code, str(caught.value)
            assert case.said in problem and caught.value.hint
        assert code == case.code

    return tell
