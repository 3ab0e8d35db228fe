"""``detox profile``: list, show, check and copy profiles."""

from pathlib import Path
from typing import Annotated

import typer

from detox_cli.commands._shared import plain_command
from detox_cli.services.result import Result
from detox_cli.settings.base import Flag

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A profile's name or file.", show_default=False),
    Flag(complete="profile"),
]


@plain_command(examples=["detox profile list", "detox profile list --json"])
def list_profiles() -> Result:
    """List the profiles that can be named, and where they are."""
    from detox_cli.services import profiles

    return profiles.list_profiles()


@plain_command(examples=["detox profile show offline"])
def show(name: Name) -> Result:
    """Print a profile with everything that it extends."""
    from detox_cli.services import profiles

    return profiles.show_profile(name)


@plain_command(examples=["detox profile check", "detox profile check ./mine.toml"])
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Profiles; all if none."),
        Flag(complete="profile"),
    ] = None,
) -> Result:
    """Check every value of profiles, whatever command it is for."""
    from detox_cli.services import profiles

    return profiles.check_profiles(names or [])


@plain_command(examples=["detox profile copy offline ./profiles/mine.toml", "detox profile copy fsdp.yaml"])
def copy(
    name: Name,
    target: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Where to; your own folder of profiles if left out."),
        Flag(complete="settings"),
    ] = None,
) -> Result:
    """Copy a profile to where you can edit it.

    So are fsdp.yaml, zero2.yaml and zero3.yaml, configurations with which accelerate launch splits a model.
    """
    from detox_cli.services import profiles

    return profiles.copy_profile(name, target)
