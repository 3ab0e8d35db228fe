"""What looks at something again and again shows: tables that stay in place, or lines of what has moved."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from detox_cli.services.result import Table

Show = Callable[[list[Table], Sequence[str]], None]
"""Takes all tables, and as lines what is new in them."""


@contextmanager
def looking(*, quiet: bool) -> Iterator[Show]:
    """Give the function that shows a look: tables drawn anew in a terminal, lines elsewhere, on stderr."""
    if quiet:
        yield lambda tables, lines: None
    elif not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda tables, lines: print(*lines, sep="\n", file=sys.stderr, flush=True) if lines else None
    else:
        from detox_cli.output.terminal import in_place

        with in_place() as draw:
            yield lambda tables, lines: draw(tables)
