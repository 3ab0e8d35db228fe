"""Load the scorers of a suite: the published ones, or those that the user puts in their place."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from detox_cli.errors import BadSettings, Missing
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.batching import BATCH_TOKENS
from detox_cli.scoring.comet import load_comet
from detox_cli.scoring.load import find_scorer, load_pair_scorer, load_text_scorer
from detox_cli.scoring.protocol import PairScorer, TextScorer
from detox_cli.scoring.spec import parse_spec
from detox_cli.scoring.suites.panel import FluencyOfTriples, Panel
from detox_cli.scoring.suites.suite import Suite

S = TypeVar("S")


def scorers_of(suite: Suite, instead: Mapping[str, str | None]) -> dict[str, str]:
    """The scorer's name for each of ``sta``, ``sim``, ``fl`` that needs one.

    Raises:
        Missing: The suite has no scorer that can be loaded, and none is put in its place.
    """
    names: dict[str, str] = {}
    for measure, slot in suite.slots.items():
        name = instead.get(measure) or slot.spec
        if slot.kind == "formula":
            continue
        if name is None:
            raise Missing(
                f"suite {suite.name}, {measure.upper()}: {slot.lacking}",
                hint=f"name another, --{measure} hf:ORG/MODEL or a folder (J is then not the published one), "
                "or use --suite detox",
            )
        names[measure] = name
    return names


def load_panel(
    suite: Suite,
    instead: Mapping[str, str | None],
    *,
    device: str = "auto",
    batch_tokens: int = BATCH_TOKENS,
    cache: ScoreCache | None = None,
) -> Panel:
    """The scorers of ``suite``, some of them replaced.

    Args:
        suite: Which suite.
        instead: Scorer names by ``sta``, ``sim``, ``fl``; ``None`` for the suite's own.
        device: ``auto`` takes a GPU if there is one.
        batch_tokens: Padded tokens in one batch.
        cache: Where scores are kept.

    Raises:
        Missing: A scorer's model is not there; the message names the suite, the measure and the ways out.
        BadSettings: A scorer's name or class is wrong.
    """
    names = scorers_of(suite, instead)

    def text(spec: str) -> TextScorer:
        return load_text_scorer(spec, device=device, batch_tokens=batch_tokens)

    def pair(spec: str) -> PairScorer:
        return load_pair_scorer(spec, device=device, batch_tokens=batch_tokens)

    panel = Panel(
        sta=_load(suite, "sta", names, text),
        sim=_load(suite, "sim", names, pair),
        cache=cache,
    )
    if "fl" in names:
        comet = parse_spec(names["fl"]).kind == "comet"
        fl = _load(suite, "fl", names, _triples) if comet else _load(suite, "fl", names, text)
        panel = replace(panel, fl=fl)
    panel.check()
    return panel


class NamesScorers(Protocol):
    """Whatever may name scorers in place of those of a suite."""

    @property
    def sta(self) -> str | None:
        """Of toxicity."""

    @property
    def sim(self) -> str | None:
        """Of similarity."""

    @property
    def fl(self) -> str | None:
        """Of fluency."""


def scorers_instead(options: NamesScorers) -> dict[str, str | None]:
    """The scorers that are named in place of those of a suite, by measure; ``None`` keeps the suite's."""
    return {"sta": options.sta, "sim": options.sim, "fl": options.fl}


def find_scorers(suite: Suite, instead: Mapping[str, str | None]) -> None:
    """See, before long work begins, that the models of a suite's scorers can be had; none is loaded.

    Args:
        suite: Which suite.
        instead: As for `load_panel`.

    Raises:
        Missing: A scorer's model is not there; the message names the suite, the measure and the ways out.
        BadSettings: A scorer's name is wrong.
    """
    names = scorers_of(suite, instead)
    for measure in names:
        _load(suite, measure, names, find_scorer)


def _triples(spec: str) -> FluencyOfTriples:
    return FluencyOfTriples(load_comet(parse_spec(spec).target))


def _load(suite: Suite, measure: str, names: Mapping[str, str], load: Callable[[str], S]) -> S:
    """Load one scorer, and say in an error what it was wanted for."""
    name = names[measure]
    bundled = "--profile offline" if suite.name == "detox" else "--suite detox --profile offline"
    try:
        return load(name)
    except Missing as error:
        raise Missing(
            f"suite {suite.name} measures {measure.upper()} with {name}: {error}",
            hint=f"name a local folder, --{measure} hf:FOLDER#LABEL, or use {bundled}",
        ) from error
    except BadSettings as error:
        raise BadSettings(str(error), where=f"--{measure} {name}", hint=error.hint) from error
