"""``detox doctor``: what works on this machine, and how to make the rest work."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.doctor import DoctorSettings


@command(
    "doctor",
    DoctorSettings,
    examples=[
        "detox doctor",
        "detox doctor --offline",
        "detox doctor --json | jq '.checks[] | select(.state != \"ok\")'",
    ],
)
def doctor(settings: DoctorSettings, progress: Progress) -> Result:
    """Check versions, devices, the model hub and what is bundled; say how to mend what is wrong."""
    from detox_cli.services.doctor import run as service

    return service.run(settings, progress)
