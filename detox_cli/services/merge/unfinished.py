"""A folder beside the output for what is finished of a merge, from which a killed run goes on."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from detox_cli.errors import BadData
from detox_cli.runs.journal import Journal
from detox_cli.runs.output import Claim, State

UNFINISHED = ".merging"


@contextmanager
def unfinished_work(
    claim: Claim, worth_keeping: Callable[[Path, Journal], object]
) -> Iterator[tuple[Path, Journal]]:
    """The folder and the journal of a run; at the end nothing of either is left.

    What is finished stays for the next run of the same command, unless the input is at fault.

    Args:
        claim: On the output.
        worth_keeping: Whether folder and journal hold something that the next run need not do again.
    """
    folder = claim.path.with_name(claim.path.name + UNFINISHED)
    if claim.state is State.FRESH:
        shutil.rmtree(folder, ignore_errors=True)
    keep = False
    try:
        with claim.open_journal() as journal:
            try:
                yield folder, journal
            except BadData:
                raise
            except BaseException:
                keep = bool(worth_keeping(folder, journal))
                raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
            claim.finish()
