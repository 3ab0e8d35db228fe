"""Prompts of several sets in batches of similar length, padded so that no model notices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from detox_cli.errors import BadData


@dataclass(frozen=True)
class Prompt:
    """One prompt: its set (by number and name), its place in the set, and its token ids."""

    which: int
    name: str
    place: int
    ids: tuple[int, ...]

    @property
    def where(self) -> str:
        """For messages; prompts count from 1."""
        return f"{self.name} prompt {self.place + 1}"


def all_prompts(prompts: Mapping[str, Sequence[Sequence[int]]]) -> list[Prompt]:
    """Every prompt of every set, the longest first, so that a lack of memory shows at once.

    Raises:
        BadData: A set or a prompt is empty.
    """
    if empty := [name for name, rows in prompts.items() if not rows]:
        raise BadData(f"the {empty[0]} set has no prompts", hint="give some")
    rows = [
        Prompt(which, name, place, tuple(ids))
        for which, (name, listed) in enumerate(prompts.items())
        for place, ids in enumerate(listed)
    ]
    if bad := next((row for row in rows if not row.ids), None):
        raise BadData("is empty", where=bad.where, hint="leave it out")
    return sorted(rows, key=lambda row: -len(row.ids))


def next_batch(waiting: Sequence[Prompt], batch_tokens: int, kept: int = 0) -> list[Prompt]:
    """The first prompts of ``waiting``, as many as fit a budget of tokens with padding, at least one.

    Args:
        waiting: The longest first.
        batch_tokens: The budget.
        kept: What every row costs beyond its own tokens.
    """
    return list(waiting[: max(1, batch_tokens // (len(waiting[0].ids) + kept))])


def without_prefix(prompts: Sequence[Prompt], length: int) -> list[Prompt]:
    """Prompts without their first tokens."""
    return [replace(prompt, ids=prompt.ids[length:]) for prompt in prompts] if length else list(prompts)


@dataclass(frozen=True)
class Batch:
    """Token ids of some prompts, padded at the end.

    A causal model cannot look ahead, so what a prompt's own tokens give does not depend on the padding after
    them: no mask is needed, and positions count from the first token as they do alone.

    Attributes:
        prompts: Whose they are.
        ids: ``[rows, longest]``.
        places: Indices of the last P tokens of every row, ``[rows, P]``; 0 where a row has none.
        present: Whether a row has them, ``[rows, P]``.
    """

    prompts: tuple[Prompt, ...]
    ids: torch.Tensor
    places: torch.Tensor
    present: torch.Tensor

    def rows_of(self, which: int) -> list[int]:
        """The rows of a set."""
        return [row for row, prompt in enumerate(self.prompts) if prompt.which == which]

    def ends(self, stream: torch.Tensor) -> torch.Tensor:
        """The stream ``[rows, longest, d]`` at the last P tokens of every row, ``[rows, P, d]``, else 0."""
        rows = torch.arange(len(self.prompts), device=stream.device)[:, None]
        taken = stream[rows, self.places.to(stream.device)]
        return taken if bool(self.present.all()) else _blank(taken, self.present.to(stream.device))


def make_batch(prompts: Sequence[Prompt], positions: int, device: torch.device) -> Batch:
    """Pad prompts into a batch on a device."""
    longest = max(len(prompt.ids) for prompt in prompts)
    filler = prompts[0].ids[0]
    rows = [[*prompt.ids, *[filler] * (longest - len(prompt.ids))] for prompt in prompts]
    lengths = torch.tensor([len(prompt.ids) for prompt in prompts])
    places = lengths[:, None] + torch.arange(-positions, 0)
    ids = torch.tensor(rows, device=device)
    return Batch(tuple(prompts), ids, places.clamp(min=0), places >= 0)


def _blank(streams: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    return streams.masked_fill(~present[..., None], 0)
