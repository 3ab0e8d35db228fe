"""Long sequences that are small: items made when they are asked for, prompts as what tells them apart."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, overload

from detox_cli.generation.batching import common_length
from detox_cli.generation.encoding import Encoded

T = TypeVar("T")


class Made(Sequence[T]):
    """``count`` items, each made anew by ``make(place)`` whenever it is asked for, and kept by nobody.

    ``make`` has to give the same item every time. With a ``make`` that can be pickled, so can this.
    """

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        places = range(self._count)[place]
        return self._make(places) if isinstance(places, int) else [self._make(one) for one in places]


def packed(prompts: Iterable[Encoded]) -> Made[Encoded]:
    """The prompts, in four bytes for each token that follows what a prompt has in common with the first.

    A tuple of token ids takes nine times as much for each, and prompts with worked examples are mostly these.
    """
    store = _Store(prompts)
    return Made(len(store.shared), store.prompt)


class _Store:
    """Token ids of all prompts in one array; of each its end there, and what it has of the first prompt."""

    def __init__(self, prompts: Iterable[Encoded]) -> None:
        self.first: tuple[int, ...] = ()
        self.own, self.ends, self.shared, self.stop = array("i"), array("q", [0]), array("i"), array("i")
        self.stops: dict[tuple[str, ...], int] = {}
        for prompt in prompts:
            self._add(prompt)
        self.texts = list(self.stops)

    def _add(self, prompt: Encoded) -> None:
        if not self.shared:
            self.first = prompt.ids
        shared = common_length(self.first, prompt.ids)
        self.shared.append(shared)
        self.own.extend(prompt.ids[shared:])
        self.ends.append(len(self.own))
        self.stop.append(self.stops.setdefault(prompt.stop, len(self.stops)))

    def prompt(self, place: int) -> Encoded:
        own = self.own[self.ends[place] : self.ends[place + 1]]
        return Encoded((*self.first[: self.shared[place]], *own), self.texts[self.stop[place]])
