"""``-`` for stdin and stdout: refused before any work where it would mean nothing, or two things."""

from collections.abc import Iterator

from detox_cli.commands._dry_run import WRITTEN
from detox_cli.errors import BadSettings
from detox_cli.settings.base import Section
from detox_cli.settings.fields import flag_of, option_name, ordered_fields
from detox_cli.settings.offers import OFFERS

STREAM = "-"
READ = ("rows", "sample")
"""What is read from stdin, by the word in ``Flag.complete``."""
SHOWN = ("rows", "page")
"""What goes to stdout, where it is the output of the command and not something beside it."""


def refuse_streams(settings: Section) -> None:
    """Look at every setting that names a file or a folder.

    Raises:
        BadSettings: ``-`` stands for something that is no stream, or stdin would be read twice.
    """
    read: list[str] = []
    for name, option, offer in _streams(settings):
        if name in WRITTEN:
            if name != "output" or offer not in SHOWN:
                raise BadSettings("is not written to stdout", where=f"{option} -", hint="name a place for it")
        elif offer not in READ:
            raise BadSettings("is not read from stdin", where=f"{option} -", hint="say where it lies")
        else:
            read.append(option)
    if len(read) > 1:
        both = " and ".join(read)
        raise BadSettings("stdin (-) can be read only once", where=both, hint="name a file for the others")


def _streams(settings: Section) -> Iterator[tuple[str, str, str]]:
    """Name, option and offer of each value that is ``-``, or ``NAME=-`` where files may have a name."""
    for name, field in ordered_fields(type(settings)):
        offer, value = flag_of(field).complete, getattr(settings, name)
        if offer is None or OFFERS[offer].kind not in ("file", "folder"):
            continue
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if str(item) == STREAM or (offer in READ and str(item).endswith(f"={STREAM}")):
                yield name, option_name(name, field), offer
