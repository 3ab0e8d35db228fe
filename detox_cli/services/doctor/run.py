"""What works on this machine: every part looked at on its own, so that one broken part hides no other."""

from collections.abc import Callable, Iterable

from detox_cli.errors import DetoxError, Missing
from detox_cli.output.progress import Progress, Silent
from detox_cli.services.doctor.check import Check, Part
from detox_cli.services.result import ROWS, AtHand, Result, Table
from detox_cli.settings.doctor import DoctorSettings

TITLES: dict[Part, str] = {
    "software": "software",
    "machine": "machine",
    "hub": "model hub",
    "bundle": "what comes with detox",
}
COLUMNS = ["state", "what", "found"]
REINSTALL = "reinstall detox with all that it needs: pip install --force-reinstall detox-cli"
SILENT = Silent()


class Diagnosis(Result):
    """All checks, in the order in which they were made."""

    checks: list[Check]

    def tables(self) -> list[Table]:
        """One table per part."""
        return [Table(title=title, columns=COLUMNS, rows=self._rows(part)) for part, title in TITLES.items()]

    def _rows(self, part: Part) -> list[list[str]]:
        return [[c.state, c.name, c.found] for c in self.checks if c.part == part]

    def headline(self) -> str:
        """``ok``, or the names of what is broken."""
        return ", ".join(self._broken()) or "ok"

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """How to mend what is broken, then what could be better."""
        steps = [c for c in self.checks if c.advice]
        steps.sort(key=lambda check: check.state != "broken")
        return list(dict.fromkeys(c.advice for c in steps))

    def problem(self) -> DetoxError | None:
        """A broken part stops some command."""
        if not (broken := self._broken()):
            return None
        return Missing(f"some commands cannot work here: {', '.join(broken)}", hint=self.next_steps()[0])

    def _broken(self) -> Iterable[str]:
        return [check.name for check in self.checks if check.state == "broken"]


def run(settings: DoctorSettings, progress: Progress = SILENT) -> Diagnosis:
    """Look at everything. Takes a few seconds, most of them to import torch."""
    progress.stage("looking at the software")
    checks = _look("software", _software)
    progress.stage("looking at the machine")
    checks += _look("machine", _machine)
    progress.stage("looking at the model hub")
    checks += _look("hub", lambda: _hub(settings.timeout))
    progress.stage("looking at what comes with detox")
    checks += _look("bundle", _bundle)
    return Diagnosis(checks=checks)


def _look(part: Part, checks: Callable[[], list[Check]]) -> list[Check]:
    """The checks of a part, or the one finding that a package which they use cannot be imported."""
    try:
        return checks()
    except ImportError as error:
        found = f"cannot be looked at: {error}"
        return [Check(part=part, name=TITLES[part], state="broken", found=found, advice=REINSTALL)]


# Imported here, so that a package that is missing spoils one part only.
def _software() -> list[Check]:
    from detox_cli.services.doctor.software import check_software

    return check_software()


def _machine() -> list[Check]:
    from detox_cli.services.doctor.machine import check_machine

    return check_machine()


def _hub(timeout: float) -> list[Check]:
    from detox_cli.services.doctor.hub import check_hub

    return check_hub(timeout)


def _bundle() -> list[Check]:
    from detox_cli.services.doctor.bundle import check_bundle

    return check_bundle()
