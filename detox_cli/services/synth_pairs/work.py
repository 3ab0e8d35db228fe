"""Everything that decides what ``synth pairs`` writes, found before a model's weights are loaded."""

from dataclasses import asdict, dataclass
from typing import Any

from detox_cli.data.lines import shown_name
from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.generation.prompts import PROMPTS
from detox_cli.generation.requests import Sampling
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import fingerprint
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.synth_pairs.filters import filters_on
from detox_cli.services.synth_pairs.scores import find_named_scorers, scorer_names, scoring_wanted
from detox_cli.services.synth_pairs.shots import choose_shots, excluded_keys
from detox_cli.services.synth_pairs.sources import LeftOut, Source, requests_for, sources_of, wanted_pairs
from detox_cli.settings.synth import SynthPairsSettings

DECISIVE = (
    "num_candidates",
    "refusal_rule",
    "refusal_threshold",
    "retries",
    "retry_on",
    "retry_prompt",
    "drop",
    "min_toxicity",
    "min_chrf",
    "max_chrf",
    "min_length",
    "max_length",
    "min_sta",
    "min_sim",
    "min_fl",
    "min_j",
    "min_toxicity_drop",
)
"""The settings that decide the rows beyond what the first requests hold."""


@dataclass(frozen=True)
class Work:
    """What is to be done.

    Attributes:
        pairs: The rows of the input that are asked about.
        left_out: Rows that are not asked about, each with the reason.
        sources: The different sentences, by source key.
        faults: Why sentences cannot be answered, by source id.
        sampling: How tokens are chosen.
        writer: The model.
        licence: The model's, as far as its card tells.
        fingerprint: Of everything that decides the output.
    """

    pairs: list[Pair]
    left_out: list[LeftOut]
    sources: dict[str, Source]
    faults: dict[str, str]
    sampling: Sampling
    writer: Writer
    licence: str | None
    fingerprint: str


def prepare(settings: SynthPairsSettings, rejects: Rejects, progress: Progress) -> Work:
    """Read the sentences and the examples, find the model, and form the requests."""
    read = read_pairs(
        settings.input,
        rejects,
        toxic_column=settings.text_column,
        need_reference=False,
        split=settings.split,
        limit=settings.limit,
        toxic_flag="--text-column",
    )
    barred = excluded_keys(settings, rejects)
    pairs, left_out = wanted_pairs(read, settings, barred)
    writer = find_writer(settings)
    sources = sources_of(pairs, choose_shots(settings, pairs, barred, rejects, progress))
    requests = requests_for(list(sources.values()), settings)
    sampling = Sampling(
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
    )
    decisive = fingerprint(
        command="synth pairs",
        requests=map(asdict, requests),
        rows=((pair.id, pair.toxic, pair.references, pair.lang) for pair in pairs),
        left_out=((pair.id, reason) for pair, reason in left_out),
        sampling=asdict(sampling),
        writer=writer.decisive,
        **deciding(settings),
    )
    faults = writer.faults(requests, sampling)
    if len(faults) == len(requests):
        raise BadData(
            f"none of {len(faults)} sentences can be answered: {next(iter(faults.values()))}",
            where=shown_name(settings.input),
            hint="correct the sentences, or choose another model",
        )
    return Work(pairs, left_out, sources, faults, sampling, writer, writer.licence, decisive)


def deciding(settings: SynthPairsSettings) -> dict[str, Any]:
    """The settings that decide the rows, the instruction of a retry, and the scorers' content."""
    values = {name: getattr(settings, name) for name in DECISIVE}
    again = PROMPTS[settings.retry_prompt].fingerprint if settings.retry_prompt else None
    find_named_scorers(settings)
    scorers = {measure: scorer_content(name) for measure, name in scorer_names(settings).items()}
    switches = [DETOX.edition if scoring_wanted(settings) else None, filters_on(settings)]
    return {"settings": values, "retry": again, "scorers": scorers, "switches": switches}
