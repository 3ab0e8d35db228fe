"""One process at a time works on an output, and only on one that it may write."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from detox_cli.errors import DetoxError
from detox_cli.runs.atomic import may_only_be_read

PATIENCE = 0.2
"""Seconds: whoever only looks whether an output is held (`is_held`) holds it for a moment."""
_HELD: list[Path] = []
_ANNOUNCED: dict[Path, bool] = {}
"""What this process holds for a whole command, and whether work on it has begun."""


@contextmanager
def announced(path: str | Path) -> Iterator[None]:
    """Hold ``path`` from before a command has loaded anything, so that whoever looks sees that it runs.

    `output_lock` finds it held by its own process and goes on. If no work begins, nothing stays behind,
    neither the lock nor a folder that was made for it. Where nothing may be written nothing is held: what
    stands there may be finished, and the work says what it cannot write.

    Raises:
        DetoxError: Another process works on this output.
    """
    named, path = str(path), Path(path).absolute()
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        with ExitStack() as stack:
            with suppress(OSError):
                stack.enter_context(_hold(path, named))
                _ANNOUNCED[path] = False
                stack.callback(_ANNOUNCED.pop, path)
            yield
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def output_lock(path: str | Path) -> Iterator[bool]:
    """Hold ``path`` against other processes; the system lets go of it if this one is killed.

    The lock is an empty file ``.NAME.lock`` beside the output, removed at the end. What stands in a folder
    that may only be read is not held, which is told as ``False``: nothing can be done there but to read.

    Raises:
        DetoxError: Another process holds it, or nothing is there and the folder cannot be written to.
    """
    named, path = str(path), Path(path).absolute()  # so that the place where one stands has a name as well
    if path in _ANNOUNCED:
        _ANNOUNCED[path] = True
        yield True
        return
    with ExitStack() as stack:
        held = True
        try:
            stack.enter_context(_hold(path, named))
        except OSError as error:
            if not may_only_be_read(path) or not is_there(path):
                message = f"cannot be written: {error.strerror}"
                raise DetoxError(message, where=named, hint="choose another output") from None
            held = False
        yield held


@contextmanager
def _hold(path: Path, named: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE)
    try:
        lock.acquire(poll_interval=PATIENCE / 10)
    except Timeout:
        raise _in_use(named) from None
    _HELD.append(path)
    try:
        yield
    finally:
        _HELD.remove(path)
        # Removed while it is held: whoever opened it meanwhile sees that its name is gone and tries again.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


def has_begun(path: Path) -> bool:
    """Whether work on an output that this process holds has begun, or was only announced."""
    return _ANNOUNCED.get(path, True)


def refuse_unwritable(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise what writing would, before hours of work: the place is closed, or what is there and is to go is.

    What is there and is to stay may be finished. Whoever takes it (`runs.output.claim_output`) finds out.

    Raises:
        DetoxError: The folder of this output may not be written to, or the output itself may not.
    """
    place = Path(path).absolute()
    if is_there(place) and not overwrite:
        return
    if may_only_be_read(place) or (place.exists() and not os.access(place, os.W_OK)):
        raise unwritable(path)


def unwritable(path: str | Path) -> DetoxError:
    """The error of an output in a place that may only be read."""
    message = "cannot be written: it may only be read"
    return DetoxError(message, where=str(path), hint="choose another output, or allow to write there")


def is_there(path: Path) -> bool:
    """Whether anything is at ``path``; an empty folder is nothing."""
    return path.exists() and not (path.is_dir() and os.access(path, os.R_OK) and not any(path.iterdir()))


def _in_use(named: str) -> DetoxError:
    message, hint = (
        "another process is working on this output",
        "wait until it has ended, or choose another output",
    )
    return DetoxError(message, where=named, hint=hint)


def held_within(path: str | Path) -> Path | None:
    """The output that this process has begun last, of those at ``path`` or inside it."""
    path = Path(path).absolute()
    return next((held for held in reversed(_HELD) if held == path or path in held.parents), None)


def is_held(path: str | Path) -> bool:
    """Whether any process works on the output at ``path``, as far as the locks of its folder are shared."""
    path = Path(path).absolute()
    place = path.with_name(f".{path.name}.lock")
    if not place.exists():
        return False
    lock = FileLock(place, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:  # a folder that may be read and not written: nobody could hold it from here either
        return False
    lock.release()
    return False
