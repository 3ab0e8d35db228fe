"""Asking a filler in rounds until something of what it writes passes the gates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detox_cli.data.chains.record import ChainRecord
from detox_cli.generation.encoding import context_length
from detox_cli.generation.requests import Completion, Engine, Request, Sampling
from detox_cli.generation.seeds import row_seed
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.answering import answer
from detox_cli.services.engine import Writer
from detox_cli.services.synth_chain.fillers import LONG, Filler
from detox_cli.services.synth_chain.gates import Gates, Tries, Try
from detox_cli.services.writers import LocalWriter
from detox_cli.settings.synth_chain import SynthChainSettings

UNREADABLE = "too long for the filler, or empty"
BAND = 8
"""Prompts whose answers may differ by less than this many tokens are asked together."""


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

    def bands(self, records: Sequence[ChainRecord]) -> dict[int, list[ChainRecord]]:
        """The prompts by the tokens that their answers may have, rounded up; few first.

        Asked band by band, a long prompt keeps no short one waiting for answers that have run on; and one
        that asks for more than an encoder-decoder can write gets what that can.
        """
        config = self.writer.config if isinstance(self.writer, LocalWriter) else None
        context = context_length(config) if config is not None and self.writer.encoder_decoder else None
        found: dict[int, list[ChainRecord]] = {}
        for record in records:
            limit = -(-self.filler.limit(record) // BAND) * BAND
            found.setdefault(limit if context is None else min(limit, context - 1), []).append(record)
        return dict(sorted(found.items()))

    def sampling(self, limit: int) -> Sampling:
        """How tokens are chosen in a band."""
        return Sampling(
            max_new_tokens=limit,
            temperature=self.settings.fill_temperature,
            top_p=self.settings.fill_top_p,
            specials=self.filler.specials,
        )

    def faults(self, records: Sequence[ChainRecord]) -> list[str]:
        """The ids of the prompts that the filler cannot read."""
        return [
            name
            for limit, some in self.bands(records).items()
            for name in self.writer.faults(list(self.requests(some, 1).values()), self.sampling(limit))
        ]

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
    by_id, unreadable = {record.id: record for record in records}, asking.faults(records)
    found: Tries = {name: [Try("", UNREADABLE)] for name in unreadable}
    wanting = [record for record in records if record.id not in found]
    retries = asking.settings.fill_retries if asking.settings.fill_temperature else 0
    for attempt in range(1, retries + 2):
        answers = _answers(asking, engine, wanting, attempt, journal, progress)
        fresh = {name: asking.tries(by_id[name], completion) for name, completion in answers.items()}
        for name, tries in gates.passed(fresh, {name: by_id[name].text for name in fresh}).items():
            found[name] = found.get(name, []) + tries
        wanting = [record for record in wanting if not any_accepted(found.get(record.id, []))]
    return {record.id: found.get(record.id, []) for record in records}


def _answers(
    asking: Asking,
    engine: Engine,
    records: Sequence[ChainRecord],
    attempt: int,
    journal: Journal | None,
    progress: Progress,
) -> dict[str, Completion]:
    """What the filler writes in one round, by the ids of the prompts."""
    what = "filling masks" if attempt == 1 else f"filling again, attempt {attempt}"
    found: dict[str, Completion] = {}
    for limit, some in asking.bands(records).items():
        requests = asking.requests(some, attempt)
        label = f"{what}, up to {limit} tokens"
        answers = answer(engine, list(requests.values()), asking.sampling(limit), journal, progress, label)
        for name, request in requests.items():
            if request.id in answers.completions:
                found[name] = answers.completions[request.id]
    return found


def any_accepted(tries: Sequence[Try]) -> bool:
    """Whether one of them has passed."""
    return any(one.fault is None for one in tries)


def reason_of(tries: Sequence[Try], order: Mapping[str, int]) -> str:
    """Why a prompt is dropped: the fault of the try that came furthest through the gates."""
    faults = [one.fault for one in tries if one.fault is not None]
    return max(faults, key=lambda fault: order.get(fault, -1), default=UNREADABLE)
