"""Asking for rewrites, and asking again for those that were declined, in rounds that a killed run repeats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from detox_cli.generation.cleaning import clean_output
from detox_cli.generation.quality import quality_flags
from detox_cli.generation.requests import Completion, Engine
from detox_cli.generation.rewrite_refusals import RULES
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.scoring.refusal_classifier import RefusalJudge
from detox_cli.services.answering import answer
from detox_cli.services.synth_pairs.candidates import Candidate, all_flawed
from detox_cli.services.synth_pairs.sources import Source, prompt_of, request_id, requests_for
from detox_cli.services.synth_pairs.work import Work
from detox_cli.settings.synth import SynthPairsSettings


@dataclass(frozen=True)
class Asked:
    """Candidates by source key, and the reasons of the sources that could not be answered, by source id."""

    candidates: dict[str, list[Candidate]]
    faults: dict[str, str]


def ask(
    engine: Engine,
    work: Work,
    settings: SynthPairsSettings,
    judge: RefusalJudge | None,
    journal: Journal | None,
    progress: Progress,
) -> Asked:
    """Candidates of every source; of those whose candidates are all flawed, more in up to ``retries`` rounds.

    What a round asks depends on the answers of the rounds before alone, and all are in the journal: a killed
    run goes through the same rounds.
    """
    asked = {source.id for source in work.sources.values()}
    faults = {name: reason for name, reason in work.faults.items() if name in asked}
    found: dict[str, list[Candidate]] = {}
    wanting = {key: source for key, source in work.sources.items() if source.id not in faults}
    for attempt in range(1, settings.retries + 2):
        if attempt > 1:  # another instruction may be longer than the first, which was tried before
            requests = requests_for(list(wanting.values()), settings, attempt)
            impossible = work.writer.faults(requests, work.sampling)
            wanting = {
                k: source for k, source in wanting.items() if request_id(source, attempt) not in impossible
            }
        if not wanting:
            break
        requests = requests_for(list(wanting.values()), settings, attempt)
        label = "rewriting" if attempt == 1 else f"asking again, attempt {attempt}"
        answers = answer(engine, requests, work.sampling, journal, progress, label)
        fresh = {
            key: candidates_of(answers.completions[name], source.text, settings, attempt)
            for key, source in wanting.items()
            if (name := request_id(source, attempt)) in answers.completions
        }
        for key, candidates in (second_look(fresh, work.sources, judge) if judge else fresh).items():
            found[key] = found.get(key, []) + candidates
        if attempt == 1:
            faults |= answers.faults
        flawed = {key for key in fresh if all_flawed(found[key], settings.retry_on)}
        wanting = {key: source for key, source in wanting.items() if key in flawed}
    in_order = {key: found[key] for key in work.sources if key in found}
    return Asked(in_order, faults)


def candidates_of(
    completion: Completion, source: str, settings: SynthPairsSettings, attempt: int
) -> list[Candidate]:
    """The samples of one completion as candidates, with what their text alone tells."""
    prompt = prompt_of(settings, attempt)
    made = []
    for sample in completion.samples:
        text = clean_output(sample.text, prompt.toxic_label)
        flags = quality_flags(text, source, sample.finish_reason, RULES[settings.refusal_rule])
        made.append(
            Candidate(
                text=text,
                finish_reason=sample.finish_reason,
                tokens=sample.tokens,
                attempt=attempt,
                seed=completion.seed,
                prompt_id=prompt.id,
                flags=tuple(flags),
            )
        )
    return made


def second_look(
    fresh: Mapping[str, Sequence[Candidate]], sources: Mapping[str, Source], judge: RefusalJudge
) -> dict[str, list[Candidate]]:
    """The candidates, flagged where the classifier finds a refusal that the rule has missed."""
    places = [(key, candidate) for key, candidates in fresh.items() for candidate in candidates]
    outputs, given = [one.text for _, one in places], [sources[key].text for key, _ in places]
    refused = judge.refused(outputs, given)
    looked: dict[str, list[Candidate]] = {key: [] for key in fresh}
    for (key, candidate), is_one in zip(places, refused, strict=True):
        if is_one and "refusal" not in candidate.flags:
            candidate = replace(candidate, flags=("refusal", *candidate.flags))
        looked[key].append(candidate)
    return looked
