"""The rows of ``synth preferences``: TRL's ``prompt, chosen, rejected``, and where all of it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detox_cli.data.preferences.forms import PROMPT_SOURCE
from detox_cli.services.eval_generation.generations import Scores
from detox_cli.services.synth_preferences.offers import Offer


@dataclass(frozen=True)
class Weighed:
    """A prompt with its continuations and their scores.

    Attributes:
        offer: Prompt and continuations.
        toxicity: By the identity of the scorer.
    """

    offer: Offer
    toxicity: Mapping[str, Scores]


def pair_row(
    one: Weighed, places: tuple[int, int], number: int, written_by: Mapping[str, str]
) -> dict[str, Any]:
    """The row of one pair, the ``number``-th of its prompt from 1."""
    offer, texts = one.offer, one.offer.texts
    chosen, rejected = (texts.samples[place] for place in places)
    scores = {name: [values[place] for place in places] for name, values in one.toxicity.items()}
    means = [mean_of(one, place) for place in places]
    said: dict[str, Any] = {"prompt": texts.read, "chosen": chosen, "rejected": rejected}
    if offer.messages:
        said = {name: [{"role": "assistant", "content": text}] for name, text in said.items()}
        said["prompt"] = list(offer.messages)
    return {
        "id": texts.prompt.id if number == 1 else f"{texts.prompt.id}#{number}",
        "lang": texts.prompt.lang,
        **said,
        "chosen_toxicity": means[0],
        "rejected_toxicity": means[1],
        "scores": scores,
        "chosen_sample": places[0],
        "rejected_sample": places[1],
        "seed": offer.seed,
        PROMPT_SOURCE: texts.prompt.source,
        "model": written_by.get("name"),
        "model_fingerprint": written_by.get("fingerprint"),
    }


def mean_of(one: Weighed, place: int) -> float:
    """The mean over scorers of one continuation's toxicity."""
    values = [scores[place] or 0.0 for scores in one.toxicity.values()]
    return sum(values) / len(values)
