"""Whether the hub answers at all: its clients ask for half a minute before they say that it does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, cast

HUB_TIMEOUT_SECONDS = 10.0


def hub_answers(
    name: str, file: str, revision: str | None = None, kind: Literal["model", "dataset"] = "model"
) -> bool:
    """Whether the hub says anything about a file of a repository, be it that there is none; asked once.

    Raises:
        ValueError: There can be no repository of this name.
    """
    # Work on folders alone does not wait for the hub's client, which loads longer than all else here.
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    try:
        url = hf_hub_url(name, file, repo_type=kind, revision=revision)
        get_hf_file_metadata(url, timeout=HUB_TIMEOUT_SECONDS)
    except HfHubHTTPError:
        return True
    except no_answer():
        return False
    return True


def no_answer() -> tuple[type[Exception], ...]:
    """What the hub's client raises where it gets none: the errors of its HTTP library, and the system's."""
    from huggingface_hub.errors import HfHubHTTPError

    return cast(tuple[type[Exception], ...], HfHubHTTPError.__bases__)


@contextmanager
def without_hub() -> Iterator[None]:
    """Let the clients take what is on this machine, and ask nobody."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
