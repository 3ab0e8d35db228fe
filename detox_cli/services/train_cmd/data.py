"""From a folder of chains to the two sides of a training, with everything that was left out counted."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detox_cli.data.chains.record import ChainRecord, read_records
from detox_cli.data.chains.serialise import WrittenChain, answer_id, road_of, serialise
from detox_cli.data.chains.stored import stored_template
from detox_cli.data.chains.template import ChainTemplate, find_template
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import split_fraction
from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Progress
from detox_cli.services.train_cmd.published import is_published, read_published
from detox_cli.services.training.processes import is_first
from detox_cli.services.training.reading import UNUSABLE, open_rejects, seed_of_split, why_nothing
from detox_cli.settings.train_cmd import CmdSettings

CHAINS = "chains.jsonl"
"""What the last stage of ``detox synth chain`` writes."""
DEFAULT_TEMPLATE = "cmd-v3-code"


@dataclass(frozen=True)
class Lesson:
    """One chain to learn.

    Attributes:
        chains: With the answer to learn, and after it those with answers that it should not end in.
        tail: What stands after the answers.
        toxic: Whether the prompt takes the road of toxic ones.
    """

    chains: tuple[WrittenChain, ...]
    tail: str
    toxic: bool


@dataclass(frozen=True)
class Data:
    """The chains of a run.

    Attributes:
        training: To train on.
        held_out: To measure with; no prompt is on both sides.
        template: Their form.
        counts: What was read, left out by reason, and is used.
        digest: Hash of both sides.
    """

    training: list[Lesson]
    held_out: list[Lesson]
    template: ChainTemplate
    counts: dict[str, int]
    digest: str


def read_data(settings: CmdSettings, progress: Progress) -> Data:
    """Read the chains, write them in their form and split them by prompt.

    Raises:
        BadData: The file cannot be used, or nothing is left to train on.
        BadSettings: There is no such template, or the options do not fit the file.
    """
    progress.stage("reading chains")
    dropped: Counter[str] = Counter()
    path = place_of(settings.data)
    with open_rejects(settings, listing=is_first()) as rejects:
        if is_published(path):
            template = find_template(settings.template or DEFAULT_TEMPLATE)
            lessons = _published(settings, path, template, rejects)
        else:
            records = read_records(path, rejects)
            template = template_of(settings, records)
            lessons = lessons_of(records, template, settings.mode, dropped, rejects)
        read = rejects.count + sum(dropped.values()) + len(lessons)
    if rejects.count:
        progress.warn(f"{rejects.count} rows cannot be used and are listed in {rejects.path}")
    lessons = lessons[: settings.limit]
    training, held_out = split(lessons, settings)
    if not training:
        raise BadData(
            f"no chain is left to train on: {why_nothing(dropped, rejects)}",
            where=path,
            hint="give more chains",
        )
    counts = {
        "read": read,
        **({UNUSABLE: rejects.count} if rejects.count else {}),
        **dict(dropped),
        "trained on": len(training),
        "held out": len(held_out),
    }
    return Data(training, held_out, template, counts, digest(training, held_out))


def place_of(data: str) -> str:
    """The file of chains: a folder of ``detox synth chain`` holds it under its own name.

    Raises:
        BadData: The folder has none.
        BadSettings: It is stdin, which cannot be read by a second process or looked into first.
    """
    if data == "-":
        raise BadSettings("chains are not read from stdin", where="--data -", hint="write them to a file")
    folder = Path(data)
    if not folder.is_dir():
        return data
    path = folder / CHAINS
    if not path.is_file():
        hint = "finish it with detox synth chain, or name a file"
        raise BadData(f"there is no {CHAINS}", where=data, hint=hint)
    return str(path)


def template_of(settings: CmdSettings, records: Sequence[ChainRecord]) -> ChainTemplate:
    """The form that was asked for, else that of the folder or of the records, else the published one."""
    if settings.template is not None:
        return find_template(settings.template)
    folder = Path(settings.data)
    stored = stored_template(folder) if folder.is_dir() else None
    if stored is not None:
        return stored
    written = {record.chain.template for record in records if record.chain is not None}
    if len(written) > 1:
        hint = f"choose with --template; the rows name {', '.join(sorted(written))}"
        raise BadSettings("the chains have several forms", where="--data", hint=hint)
    return find_template(next(iter(written), DEFAULT_TEMPLATE))


def lessons_of(
    records: Sequence[ChainRecord],
    template: ChainTemplate,
    mode: str,
    dropped: Counter[str],
    rejects: Rejects,
) -> list[Lesson]:
    """The chains of records; what was dropped before is counted, what cannot be written is rejected.

    Args:
        records: As the stages have left them.
        template: The form.
        mode: ``chain``, ``direct``, or ``both``: a chain for toxic prompts, a direct answer to the others.
        dropped: Counts by reason.
        rejects: Takes records that lack something.
    """
    found = []
    for record in records:
        if record.dropped is not None:
            dropped[record.dropped] += 1
            continue
        direct = mode == "direct" or (mode == "both" and not record.toxic)
        try:
            found.append(_lesson(record, template, direct))
        except BadData as fault:
            rejects.add(record.id, str(fault), record.row())
    return found


def _lesson(record: ChainRecord, template: ChainTemplate, direct: bool) -> Lesson:
    chains = [serialise(record, template, direct=direct)]
    if record.pos is not None:
        chains += [serialise(record, template, candidate=place, direct=direct) for place in record.neg]
    # The encoder tells what it leaves out by id.
    named = tuple(replace(chain, id=answer_id(record.id, number)) for number, chain in enumerate(chains))
    road = road_of(record, template, answered=record.pos is not None, direct=direct)
    return Lesson(named, template.parts(road)[-1][0], record.toxic)


def _published(settings: CmdSettings, path: str, template: ChainTemplate, rejects: Rejects) -> list[Lesson]:
    if settings.mode != "chain":
        hint = "leave out --mode, or make the data with detox synth chain"
        raise BadSettings("this file has its chains as text", where="--mode", hint=hint)
    return [Lesson(row.chains, row.tail, row.toxic) for row in read_published(path, template, rejects)]


def split(lessons: Sequence[Lesson], settings: CmdSettings) -> tuple[list[Lesson], list[Lesson]]:
    """All chains of a prompt fall on one side; a share above 0 holds out at least one prompt of several."""
    seed = f"train-cmd-{seed_of_split(settings)}"
    fractions = [split_fraction(one.chains[0].text, seed) for one in lessons]
    share = settings.val_fraction
    border = max(share, min(fractions, default=0.0) + 1e-12) if share and len(set(fractions)) > 1 else share
    sides: tuple[list[Lesson], list[Lesson]] = ([], [])
    for lesson, fraction in zip(lessons, fractions, strict=True):
        sides[fraction < border].append(lesson)
    return sides


def digest(*sides: Sequence[Lesson]) -> str:
    """Hash of the texts of both sides."""
    found = [[[(c.prompt, c.completion, c.context) for c in one.chains] for one in side] for side in sides]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()
