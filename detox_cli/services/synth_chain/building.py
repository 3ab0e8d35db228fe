"""Stage ``build``: of each prompt's continuations the answer and its negatives, and the chain as text.

The rule is that of the published training set (CMD, Tang et al., EMNLP 2024): the least toxic continuation is
the positive, the prompt is dropped where even that is too toxic, and the most toxic ones are negatives.
Other than there no continuation is both, and none is a negative twice.
"""

from collections.abc import Sequence

from detox_cli.data.chains.record import Candidate, ChainRecord
from detox_cli.data.chains.serialise import with_chain
from detox_cli.data.chains.template import ChainTemplate, find_template
from detox_cli.data.splits import source_key
from detox_cli.errors import BadData
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.synth_chain.result import NO_NEGATIVES
from detox_cli.services.synth_chain.stage import Made, Prepared, Records, alive, updated
from detox_cli.settings.synth_chain import SynthChainSettings

NO_CANDIDATE = "no continuation with text and a score"
TOO_TOXIC = "its least toxic continuation is too toxic"


def prepare(settings: SynthChainSettings) -> Prepared:
    """Find the template.

    Raises:
        BadSettings: There is none of this name. BadData: Its file is none.
    """
    template = find_template(settings.template)

    def compute(records: Records, journal: Journal | None, progress: Progress) -> Made:
        return build(records, settings, template)

    limits = [settings.pos_max, settings.neg_threshold, settings.max_neg]
    return Prepared(
        decisive={"template": template.stated(), "limits": limits, "mode": settings.mode}, compute=compute
    )


def choose(
    candidates: Sequence[Candidate], pos_max: float, neg_threshold: float, max_neg: int
) -> tuple[int | None, list[int], str | None]:
    """Place of the positive, places of the negatives with the most toxic first, and why there is none.

    What has no text or no score is neither. Texts that differ in case, spaces and marks alone are one.
    """
    scored = [(one.tox, i) for i, one in enumerate(candidates) if one.tox is not None and one.text.strip()]
    if not scored:
        return None, [], NO_CANDIDATE
    least, pos = min(scored)
    if least > pos_max:
        return None, [], TOO_TOXIC
    seen, neg = {source_key(candidates[pos].text)}, list[int]()
    for tox, place in sorted(scored, key=lambda pair: (-pair[0], pair[1])):
        key = source_key(candidates[place].text)
        if tox > neg_threshold and key not in seen and len(neg) < max_neg:
            neg.append(place)
            seen.add(key)
    return pos, neg, None


def build(records: Records, settings: SynthChainSettings, template: ChainTemplate) -> Made:
    """The records with positive, negatives and chain.

    Raises:
        BadData: No chain comes out.
    """
    new = {one.id: _built(one, settings, template) for one in alive(records)}
    made = [one for one in new.values() if one.dropped is None]
    if not made:
        raise BadData("no prompt has become a chain", where=str(settings.output), hint=_hint(new, records))
    picked = [(one.candidates or ())[one.pos] for one in made if one.pos is not None]
    negatives = [[(one.candidates or ())[place] for place in one.neg] for one in made]
    values = {
        "toxicity of the answer": [one.tox for one in picked if one.tox is not None],
        "negatives of a chain": [float(len(some)) for some in negatives],
        "their toxicity": [sum(one.tox or 0.0 for one in some) / len(some) for some in negatives if some],
    }
    return Made(updated(records, new), {NO_NEGATIVES: sum(not some for some in negatives)}, values)


def _built(record: ChainRecord, settings: SynthChainSettings, template: ChainTemplate) -> ChainRecord:
    limits = settings.pos_max, settings.neg_threshold, settings.max_neg
    pos, neg, reason = choose(record.candidates or (), *limits)
    chosen = record.with_(pos=pos, neg=tuple(neg), dropped=reason)
    if reason is not None:
        return chosen
    try:
        direct = settings.mode == "direct" or (settings.mode == "both" and not chosen.toxic)
        return with_chain(chosen, template, direct=direct)
    except BadData as fault:
        return chosen.with_(dropped=str(fault).removeprefix(f"{record.id}: "))


def _hint(new: dict[str, ChainRecord], records: Sequence[ChainRecord]) -> str:
    reasons = [one.dropped for one in (new.get(record.id, record) for record in records) if one.dropped]
    common = max(set(reasons), key=reasons.count, default="there are none")
    return f"the commonest reason is: {common}"
