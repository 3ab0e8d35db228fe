"""Choose who listens to a service, and keep the libraries underneath quiet."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from detox_cli.output.lines import Lines
from detox_cli.output.progress import Progress, Silent

CHATTER = {
    "TRANSFORMERS_VERBOSITY": "error",
    "DATASETS_VERBOSITY": "error",
    "HF_HUB_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TQDM_DISABLE": "1",
}
"""Variables that libraries read when they are imported; what the user set himself stays."""


@contextmanager
def listener(*, quiet: bool = False, verbose: bool = False) -> Iterator[Progress]:
    """Bars in a terminal, lines elsewhere or with ``verbose``, nothing if ``quiet`` or not process 0."""
    if quiet or not is_first_process():
        yield Silent()
    elif sys.stderr.isatty() and not verbose and os.environ.get("TERM") != "dumb":
        from detox_cli.output.terminal import Terminal

        with Terminal() as terminal:
            yield terminal
    else:
        yield Lines(verbose=verbose)


def is_first_process() -> bool:
    """Whether this process speaks for all that ``accelerate launch`` or ``torchrun`` has started."""
    return os.environ.get("RANK", "0") == "0"


def set_up_logging(verbose: bool) -> None:
    """Show the libraries' own messages with ``verbose``, and only what went wrong without it.

    Call it before they are imported.
    """
    if verbose:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s: %(message)s")
        return
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s")
    for name, value in CHATTER.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
