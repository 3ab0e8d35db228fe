"""Errors of other libraries in our words: what is wrong, and what to do."""

import errno
from collections.abc import Callable
from typing import Any

from detox_cli.errors import BadData, BadSettings, DetoxError, Missing

OFFLINE_WAYS = "give a local folder instead, or use `--profile offline`, which needs no download"

EXTRAS = {
    "vllm": "vllm",
    "ray": "ray",
    "matplotlib": "plots",
    "optuna": "search",
    "bitsandbytes": "quantize",
    "py3langid": "languages",
    "lm_eval": "lm-eval",
}
"""The extra of this package that brings a library."""


def explain(error: Exception) -> DetoxError:
    """The error in our words; one that nobody foresaw keeps its own, and says how to see more.

    Classes are compared by name, so that this imports none of the libraries.
    """
    if hasattr(error, "format_message"):
        return _usage(error)
    for kind in type(error).__mro__:
        known = FOREIGN.get(f"{kind.__module__}.{kind.__qualname__}") or FOREIGN.get(kind.__qualname__)
        if known:
            return known(error)
    text = first_line(error) or "no message"
    return DetoxError(f"{type(error).__name__}: {text}", hint="add --debug to see where it happened")


def first_line(error: BaseException) -> str:
    """The first line of an error's message that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def _usage(error: Any) -> DetoxError:
    """Words on the command line that make no sense."""
    path = error.ctx.command_path if getattr(error, "ctx", None) else "detox"
    return BadSettings(error.format_message(), hint=f"see `{path} --help`")


def _template(error: Any) -> DetoxError:
    """A template that the model brings, and that fails or reaches for what its sandbox does not give."""
    return BadData(
        f"the chat template of the model fails: {first_line(error)}",
        hint="compare it with the template of the model that it was made from",
    )


def _out_of_memory(error: Any) -> DetoxError:
    return DetoxError(
        "out of memory",
        hint="use smaller batches (--batch-size, --batch-tokens), --dtype bfloat16, or another --device",
    )


def _gated(error: Any) -> DetoxError:
    return Missing(
        f"the model is gated: {first_line(error)}",
        hint="accept its terms on its page and run `hf auth login`, or " + OFFLINE_WAYS,
    )


def _not_found(error: Any) -> DetoxError:
    return Missing(f"not found on the hub: {first_line(error)}", hint="check the name, or " + OFFLINE_WAYS)


def _unreachable(error: Any) -> DetoxError:
    return Missing(f"the model hub cannot be reached: {first_line(error)}", hint=OFFLINE_WAYS)


def _not_installed(error: Any) -> DetoxError:
    name = (error.name or "").partition(".")[0]
    if name == "detox_cli":
        return Missing(
            f"this installation of detox lacks a part: {error.name}",
            hint="install it again: pip install --force-reinstall --no-deps detox-cli",
        )
    extra = EXTRAS.get(name)
    hint = f"pip install 'detox-cli[{extra}]'" if extra else f"pip install {name}" if name else None
    return Missing(f"a library is missing: {first_line(error)}", hint=hint)


def _not_importable(error: Any) -> DetoxError:
    """A library that is there and does not load: of another version, or without what it is linked against."""
    name = (error.name or "").partition(".")[0]
    hint = f"pip install --upgrade {name}" if name else "install or update what it names; see `detox doctor`"
    return Missing(f"a library cannot be imported: {first_line(error)}", hint=hint)


def _os_error(error: Any) -> DetoxError:
    place = str(error.filename) if error.filename is not None else None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DetoxError(
            "the disk is full",
            where=place,
            hint="free some space; the same command continues or starts again",
        )
    if isinstance(error, FileNotFoundError):
        return BadData("there is no such file", where=place, hint="check the path")
    hint = "check its permissions" if isinstance(error, PermissionError) else None
    return DetoxError(error.strerror or first_line(error) or type(error).__name__, where=place, hint=hint)


def _encoding(error: Any) -> DetoxError:
    return BadData(f"not UTF-8 text (byte {error.start})", hint="save the file as UTF-8")


def _invalid(error: Any) -> DetoxError:
    lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False)]
    return BadSettings.several(lines, hint="correct these values")


FOREIGN: dict[str, Callable[[Any], DetoxError]] = {
    "OutOfMemoryError": _out_of_memory,
    "builtins.MemoryError": _out_of_memory,
    "GatedRepoError": _gated,
    "RepositoryNotFoundError": _not_found,
    "RevisionNotFoundError": _not_found,
    "EntryNotFoundError": _not_found,
    "LocalEntryNotFoundError": _unreachable,
    "OfflineModeIsEnabled": _unreachable,
    "httpx.ConnectError": _unreachable,
    "httpx.ConnectTimeout": _unreachable,
    "httpx2.ConnectError": _unreachable,
    "httpx2.ConnectTimeout": _unreachable,
    "builtins.ModuleNotFoundError": _not_installed,
    "builtins.ImportError": _not_importable,
    "builtins.UnicodeDecodeError": _encoding,
    "builtins.OSError": _os_error,
    "ValidationError": _invalid,
    "jinja2.exceptions.TemplateError": _template,
}
