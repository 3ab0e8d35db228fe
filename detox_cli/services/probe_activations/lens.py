"""Figures of the logit lens: at each layer, how likely toxic words are, before and after, beside chance."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from detox_cli.models.directions import Floats
from detox_cli.models.lens.lens import LogitLens
from detox_cli.models.lens.reading import FIGURES, Seen, read_through
from detox_cli.models.lens.words import WordTokens, word_tokens
from detox_cli.models.neurons.reading import Written
from detox_cli.output.progress import Progress
from detox_cli.scoring.lexicon import BUNDLED, Lexicon, read_lexicon
from detox_cli.services.probe.opened import Opened
from detox_cli.services.probe.steps import Steps
from detox_cli.services.probe_activations.figures import Drawing
from detox_cli.services.probe_activations.lens_result import LensPlace, LensResult, TokenPlace
from detox_cli.settings.probe_activations import ProbeActivationsSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.clusters import Ratio

NEIGHBOURS = 20
"""Tokens that are as likely after the last block as a chosen one, from which chance draws in its place."""
EXPONENTIAL = ("rank", "written", "written_rank")
OF_WRITTEN = ("written", "written_rank")


def lexicon_of(settings: ProbeActivationsSettings) -> Lexicon | None:
    """The words that the lens follows, if it is asked for.

    Raises:
        BadData: The list is empty or no text. Missing: there is no such list.
    """
    if not settings.logit_lens:
        return None
    return read_lexicon(settings.lens_words or BUNDLED, None if settings.lens_words else "lexicon_en.txt")


def seen_through(
    settings: ProbeActivationsSettings,
    lexicon: Lexicon,
    opened: Mapping[str, Opened],
    texts: Sequence[Written],
    steps: Steps,
    progress: Progress,
) -> tuple[WordTokens, dict[str, Seen]]:
    """Read what the model wrote through the lens, once for each model; what is read already is kept.

    Args:
        settings: Of the run.
        lexicon: The words to follow.
        opened: ``before``, and ``same`` for the tuned model.
        texts: What the first one wrote.
        steps: What is done already.
        progress: Listens.
    """
    words = word_tokens(lexicon, opened["before"].loaded.tokenizer)
    found = {}
    for role, one in opened.items():
        lens = LogitLens(one.model, one.vectors.neurons.anatomy)

        def read(lens: LogitLens = lens, name: str = one.loaded.source.name) -> dict[str, Tensor]:
            with progress.task(f"{name} through the lens", len(texts)) as task:
                return asdict(read_through(lens, texts, words.ids, settings.batch_tokens, task.advance))

        found[role] = Seen(**steps.tensors(f"lens-{role}", read))
    return words, found


@dataclass(frozen=True)
class LensFigures:
    """What both models show, and the bootstrap.

    Attributes:
        words: The chosen tokens.
        seen: ``before`` and, of a tuned model on the same tokens, ``same``.
        units: To which prompt each text belongs.
        draw: The bootstrap.
        random: How many sets of other tokens are drawn.
    """

    words: WordTokens
    seen: Mapping[str, Seen]
    units: Sequence[str]
    draw: Drawing
    random: int

    def result(self, name: str) -> LensResult:
        """Everything; ``name`` is that of the list of words."""
        places = self._names()
        return LensResult(
            name=name,
            tokens=len(self.words.ids),
            words=self.words.words,
            of=self.words.of,
            places=[self._place(number, place) for number, place in enumerate(places)],
            trajectories=self._trajectories(places),
        )

    def _names(self) -> list[str]:
        return ["embedding", *map(str, range(len(self.seen["before"].probability) - 1))]

    def _place(self, number: int, name: str) -> LensPlace:
        """One place: figures of either model, the change of the mass, and chance."""
        told = {role: self._figures(one, number) for role, one in self.seen.items()}
        change = self._change(number)
        mass = self._beside(number, {"before": 1.0}, told["before"]["mass"])
        moved = self._beside(number, {"same": 1.0, "before": -1.0}, change)
        given = told["before"] | {f"{key}_same": one for key, one in told.get("same", {}).items()}
        return LensPlace(
            place=name,
            by_chance=mass and mass[0],
            p=mass and mass[1],
            change=change,
            change_by_chance=moved and moved[0],
            p_change=moved and moved[1],
            **given,
        )

    def _figures(self, one: Seen, place: int) -> dict[str, Estimate]:
        counts = {True: one.written.numpy(), False: one.counts.numpy()}
        ratios = {
            name: Ratio(
                one.figures[:, place, column].numpy(),
                counts[name in OF_WRITTEN],
                share=name in ("first", "settled"),
                exponential=name in EXPONENTIAL,
            )
            for column, name in enumerate(FIGURES)
        }
        return self.draw.ratios(ratios, self.units)

    def _change(self, place: int) -> Estimate | None:
        if "same" not in self.seen:
            return None
        before, same = (self.seen[role].figures[:, place, 0].numpy() for role in ("before", "same"))
        ratio = Ratio(same - before, self.seen["before"].counts.numpy())
        return self.draw.ratios({"mass": ratio}, self.units)["mass"]

    def _beside(
        self, place: int, signs: Mapping[str, float], own: Estimate | None
    ) -> tuple[Estimate, float] | None:
        """The figure of sets by chance, mean and 95 %; and the share as far from that mean as ours."""
        if own is None or not len(self._sets):
            return None
        whole = sum(sign * self.seen[role].probability[place].numpy() for role, sign in signs.items())
        found = np.asarray(whole)[self._sets].sum(axis=1)
        centre = float(found.mean())
        hits = int((np.abs(found - centre) >= abs(own.mean - centre)).sum())
        low, high = np.quantile(found, (0.025, 0.975))
        return Estimate(centre, float(low), float(high), len(found)), (1 + hits) / (1 + len(found))

    @cached_property
    def _sets(self) -> NDArray[np.intp]:
        return sets_by_chance(
            self.seen["before"].probability[-1].numpy(), self.words.ids, self.random, self.draw.seed
        )

    def _trajectories(self, places: Sequence[str]) -> list[TokenPlace]:
        before, after = self.seen["before"], self.seen.get("same")
        counts = before.counts.numpy()
        sums = before.single.numpy()
        ratios = {(k, place): Ratio(sums[:, place, k], counts) for place, k in np.ndindex(sums.shape[1:])}
        own = self.draw.ratios(ratios, self.units)
        changes: Mapping[tuple[int, int], Estimate] = {}
        if after is not None:
            moved = after.single.numpy() - sums
            both = {(k, place): Ratio(moved[:, place, k], counts) for place, k in np.ndindex(moved.shape[1:])}
            changes = self.draw.ratios(both, self.units)
        order = np.argsort(-sums[:, -1].sum(axis=0), kind="stable")
        return [
            TokenPlace(
                token=self.words.texts[k],
                id=self.words.ids[k],
                place=name,
                probability=own[k, place],
                change=changes.get((k, place)),
            )
            for k in order.tolist()
            for place, name in enumerate(places)
        ]


def sets_by_chance(likely: Floats, chosen: Sequence[int], count: int, seed: int) -> NDArray[np.intp]:
    """Sets of tokens that are as likely as the chosen ones, each drawn near one of them: ``[count, K]``.

    Args:
        likely: The mean probability of every token after the last block, ``[words]``.
        chosen: K tokens; none of them is drawn, and no other one twice in a set.
        count: How many sets; none where there are too few other tokens.
        seed: Of the draws.
    """
    taken = set(chosen)
    order = [int(token) for token in np.argsort(-likely, kind="stable") if int(token) not in taken]
    if len(order) < NEIGHBOURS + len(chosen):
        return np.zeros((0, len(chosen)), dtype=np.intp)
    falling = -likely[order]
    generator = np.random.default_rng(seed)
    found = np.zeros((count, len(chosen)), dtype=np.intp)
    for row in found:
        used: set[int] = set()
        for column, token in enumerate(chosen):
            middle = int(np.searchsorted(falling, -likely[token]))
            reach = NEIGHBOURS + len(used)
            first = max(0, min(middle - reach // 2, len(order) - reach))
            pool = [place for place in range(first, first + reach) if place not in used]
            place = int(generator.choice(pool))
            used.add(place)
            row[column] = order[place]
    return found
