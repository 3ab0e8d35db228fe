"""Settings of ``detox doctor``."""

from typing import Annotated

from pydantic import Field, PositiveFloat

from detox_cli.settings.base import Flag, Section


class DoctorSettings(Section):
    """``detox doctor``: what works on this machine."""

    timeout: Annotated[PositiveFloat, Flag(metavar="SECONDS")] = Field(
        3.0, description="How long to wait for the model hub."
    )
