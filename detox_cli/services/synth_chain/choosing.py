"""Which prompts become chains: toxic and safe ones by the seed, none of a test set, none twice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.splits import is_held_out, source_key, split_fraction
from detox_cli.settings.synth_chain import SynthChainSettings


@dataclass(frozen=True)
class Weighed:
    """A prompt and how toxic it is; ``None`` where nobody could say."""

    prompt: Prompt
    toxicity: float | None
    is_toxic: bool | None


@dataclass(frozen=True)
class Sides:
    """The prompts of both sides of the split, and how many are on neither, by reason."""

    train: list[Prompt]
    test: list[Prompt]
    left_out: Counter[str]


def sides_of(prompts: Sequence[Prompt], settings: SynthChainSettings, barred: set[str]) -> Sides:
    """Put the share aside that is to test the model, and leave out what is excluded or there already.

    A text falls on the same side however it is cased or punctuated, so none is on both.
    """
    train: list[Prompt] = []
    test: list[Prompt] = []
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    for prompt in prompts:
        key = source_key(prompt.text)
        if key in barred:
            left_out["excluded"] += 1
        elif key in seen:
            left_out["said before"] += 1
        else:
            side = test if is_held_out(prompt.text, settings.test_share, _seed(settings, "test")) else train
            side.append(prompt)
        seen.add(key)
    return Sides(train, test, left_out)


def chosen(weighed: Sequence[Weighed], settings: SynthChainSettings) -> list[Weighed]:
    """The prompts to use, in their order: of toxic and safe ones as many as there may be, by the seed.

    Prompts without a score are all kept; they are dropped with that reason.
    """
    most = round(settings.max_samples * settings.toxic_ratio)
    caps = {True: most, False: settings.max_samples - most}
    kept: set[str] = {one.prompt.id for one in weighed if one.is_toxic is None}
    for side, cap in caps.items():
        some = [one.prompt for one in weighed if one.is_toxic is side]
        some.sort(key=lambda prompt: (split_fraction(prompt.text, _seed(settings, "choice")), prompt.id))
        kept |= {prompt.id for prompt in some[:cap]}
    return [one for one in weighed if one.prompt.id in kept]


def weigh(prompt: Prompt, toxicity: float | None, threshold: float) -> Weighed:
    """Whether a prompt is toxic: by its score, else by what its data set says."""
    if toxicity is not None:
        return Weighed(prompt, toxicity, toxicity >= threshold)
    return Weighed(prompt, None, None if prompt.stratum is None else prompt.stratum == "toxic")


def _seed(settings: SynthChainSettings, what: str) -> str:
    return f"{settings.seed} chain {what}"
