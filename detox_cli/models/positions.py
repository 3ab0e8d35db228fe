"""At which tokens a model is changed while it writes: all, those it has written, or the last of a pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

Positions = Literal["all", "generated", "last"]


class Passes:
    """Tells which positions of a pass are meant. With a cache a step reads one token, behind what is kept.

    Args:
        positions: ``all`` is every token; ``generated`` those that the model has written; ``last`` the token
            after which the next one is chosen, so also the prompt's last. Prompts have to be padded on the
            left, and read whole in one pass.
    """

    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self._step = False

    def chosen(self, length: int) -> slice | None:
        """Which of ``length`` positions of this pass are meant; ``None`` for none of them."""
        if self.positions == "last":
            return slice(length - 1, length)
        return slice(0, length) if self.positions == "all" or self._step else None

    @contextmanager
    def watched(self, model: Any) -> Iterator[None]:
        """Look at every pass of a model while the context lasts."""
        handle = model.register_forward_pre_hook(self._enters, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def _enters(self, _model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        cache = kwargs.get("past_key_values")
        self._step = cache is not None and ids.shape[1] == 1 and int(cache.get_seq_length()) > 0
