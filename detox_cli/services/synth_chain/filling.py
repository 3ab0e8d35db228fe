"""Asking a filler in rounds until something of what it writes passes the gates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detox_cli.data.chains.record import ChainRecord
from detox_cli.generation.requests import Completion, Engine, Request, Sampling
from detox_cli.generation.seeds import row_seed
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.answering import answer
from detox_cli.services.engine import Writer
from detox_cli.services.synth_chain.fillers import LONG, Filler
from detox_cli.services.synth_chain.gates import Gates, Tries, Try
from detox_cli.settings.synth_chain import SynthChainSettings

UNREADABLE = "too long for the filler, or empty"


@dataclass(frozen=True)
class Asking:
    """A filler and how it is asked.

    Attributes:
        writer: The model, found.
        filler: The way of asking.
        settings: How often, and how tokens are chosen.
    """

    writer: Writer
    filler: Filler
    settings: SynthChainSettings

    def sampling(self, records: Sequence[ChainRecord]) -> Sampling:
        """How tokens are chosen: the limit is the highest of all; what exceeds its own is found later."""
        settings = self.settings
        return Sampling(
            max_new_tokens=max(self.filler.limit(record) for record in records),
            temperature=settings.fill_temperature,
            top_p=settings.fill_top_p,
            specials=self.filler.specials,
        )

    def requests(self, records: Sequence[ChainRecord], attempt: int) -> dict[str, Request]:
        """One request per prompt, by its id; every attempt has seeds of its own."""
        again = [attempt] if attempt > 1 else []
        return {
            record.id: Request(
                record.id if attempt == 1 else f"{record.id} (attempt {attempt})",
                self.filler.prompt(record),
                seed=row_seed(self.settings.seed, "fill", record.id, *again),
                samples=self.settings.num_fills if self.settings.fill_temperature else 1,
            )
            for record in records
        }

    def tries(self, record: ChainRecord, completion: Completion) -> list[Try]:
        """What was written for a prompt, with what the texts alone tell; the same text once."""
        limit, found = self.filler.limit(record), dict[str, Try]()
        for sample in completion.samples:
            one = self.filler.read(record, sample)
            free = one.paraphrase and self.settings.accept_paraphrase
            fault = None if free else LONG if sample.tokens > limit + 1 else one.fault
            text = sample.text if fault else one.text
            found.setdefault(text, Try(text, fault))
        return list(found.values())


def fill_all(
    asking: Asking,
    engine: Engine,
    records: Sequence[ChainRecord],
    gates: Gates,
    journal: Journal | None,
    progress: Progress,
) -> Tries:
    """The tries of every prompt, scored; while none is accepted, more in up to ``fill_retries`` rounds.

    What a round asks depends on the answers of the rounds before alone, and all of these are in the journal:
    a killed run goes through the same rounds.
    """
    by_id = {record.id: record for record in records}
    sampling = asking.sampling(records)
    faults = asking.writer.faults(list(asking.requests(records, 1).values()), sampling)
    found: Tries = {name: [Try("", UNREADABLE)] for name in faults}
    wanting = [record for record in records if record.id not in faults]
    retries = asking.settings.fill_retries if asking.settings.fill_temperature else 0
    for attempt in range(1, retries + 2):
        if not wanting:
            break
        label = "filling masks" if attempt == 1 else f"filling again, attempt {attempt}"
        requests = asking.requests(wanting, attempt)
        answers = answer(engine, list(requests.values()), sampling, journal, progress, label)
        fresh = {
            name: asking.tries(by_id[name], answers.completions[request.id])
            for name, request in requests.items()
            if request.id in answers.completions
        }
        for name, tries in gates.passed(fresh, {name: by_id[name].text for name in fresh}).items():
            found[name] = found.get(name, []) + tries
        wanting = [record for record in wanting if not any_accepted(found.get(record.id, []))]
    return {record.id: found.get(record.id, []) for record in records}


def any_accepted(tries: Sequence[Try]) -> bool:
    """Whether one of them has passed."""
    return any(one.fault is None for one in tries)


def reason_of(tries: Sequence[Try], order: Mapping[str, int]) -> str:
    """Why a prompt is dropped: the fault of the try that came furthest through the gates."""
    faults = [one.fault for one in tries if one.fault is not None]
    return max(faults, key=lambda fault: order.get(fault, -1), default=UNREADABLE)
