"""Stage ``score``: how toxic every continuation is, each different text scored once."""

from detox_cli.data.chains.record import ChainRecord
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.synth_chain.stage import Made, Prepared, Records, alive, updated
from detox_cli.services.synth_chain.toxicity import find_toxicity, load_toxicity
from detox_cli.settings.synth_chain import SynthChainSettings

TEXTS_AT_ONCE = 4096
"""Texts scored between two signs of progress."""


def prepare(settings: SynthChainSettings) -> Prepared:
    """Find the scorer."""
    content = find_toxicity(settings)

    def compute(records: Records, journal: Journal | None, progress: Progress) -> Made:
        return score(records, settings, progress)

    return Prepared(
        decisive={"scorer": content}, compute=compute, scorers={"toxicity": " ".join(map(str, content))}
    )


def score(records: Records, settings: SynthChainSettings, progress: Progress) -> Made:
    """The records with the toxicity of every candidate; an empty one has none and stays in its place.

    A candidate that has a score, of a file that was read, keeps it.
    """
    live = alive(records)
    texts = [one.text for record in live for one in record.candidates or () if one.tox is None]
    toxicity = load_toxicity(settings, progress)
    different = list(dict.fromkeys(texts))
    found = toxicity.of(different, progress, "scoring continuations")
    known = dict(zip(different, found, strict=True))
    new = {record.id: _scored(record, known) for record in live}
    scored = [[one.tox for one in record.candidates or () if one.tox is not None] for record in new.values()]
    some = [values for values in scored if values]
    counts = {
        "continuations": sum(len(record.candidates or ()) for record in live),
        "different texts scored": len([text for text in different if text.strip()]),
        "without a score": sum(
            one.tox is None and bool(one.text.strip()) for r in new.values() for one in r.candidates or ()
        ),
    }
    values = {
        "mean toxicity of the continuations": [sum(values) / len(values) for values in some],
        "lowest": [min(values) for values in some],
        "highest": [max(values) for values in some],
    }
    return Made(updated(records, new), counts, values)


def _scored(record: ChainRecord, known: dict[str, float | None]) -> ChainRecord:
    found = [
        one if one.tox is not None else one.model_copy(update={"tox": known[one.text]})
        for one in record.candidates or ()
    ]
    return record.with_(candidates=tuple(found))
