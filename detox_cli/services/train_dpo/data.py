"""From files of preferences to the two sides of a training, with everything that was left out counted."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from detox_cli.data.preferences.preference import Preference
from detox_cli.data.preferences.read import Found, read_preferences, with_own_ids
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import split_fraction
from detox_cli.data.where.parse import parse_rule
from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Progress
from detox_cli.services.training.processes import is_first
from detox_cli.services.training.reading import UNUSABLE, open_rejects, seed_of_split, why_nothing
from detox_cli.settings.train_dpo import DpoSettings

ROLES = ("prompt", "chosen", "rejected")


@dataclass(frozen=True)
class Data:
    """The preferences of a run.

    Attributes:
        training: To train on.
        held_out: To measure with.
        counts: What was read, left out by reason, and is used.
        forms: Rows of each form, over all files.
        digest: Hash of both sides.
    """

    training: list[Preference]
    held_out: list[Preference]
    counts: dict[str, int]
    forms: dict[str, int]
    digest: str

    @property
    def languages(self) -> list[str]:
        """The languages that the rows name."""
        return sorted({one.lang for one in (*self.training, *self.held_out) if one.lang})


def read_data(settings: DpoSettings, progress: Progress) -> Data:
    """Read, choose, deduplicate and split the preferences.

    Raises:
        BadData: A file cannot be used, or nothing is left to train on.
        BadSettings: An option about data is not as it should be, or a zip file wants another password.
        Missing: A data set cannot be had.
    """
    progress.stage("reading preferences")
    with open_rejects(settings, listing=is_first()) as rejects:
        files = _read(settings, settings.data, rejects)
        measured = _read(settings, settings.val_file, rejects)
    if rejects.count:
        progress.warn(f"{rejects.count} rows cannot be used and are listed in {rejects.path}")
    dropped = sum((found.left_out for found in files), Counter[str]())
    rows = choose(with_own_ids(files), settings, dropped)
    held = choose(with_own_ids(measured), settings, Counter()) if measured else []
    training, held_out = _sides(rows, held, settings, dropped)
    if not training:
        raise BadData(
            f"no preference is left to train on: {why_nothing(dropped, rejects)}",
            where="--data",
            hint="give more rows",
        )
    counts = {
        "read": sum(sum(found.forms.values()) for found in (*files, *measured)),
        **({UNUSABLE: rejects.count} if rejects.count else {}),
        **dict(dropped),
        "trained on": len(training),
        "held out": len(held_out),
        "held-out prompts": len({one.group for one in held_out}),
        "held-out prompts also trained on": len(
            {one.group for one in held_out} & {one.group for one in training}
        ),
    }
    forms = sum((found.forms for found in files), Counter[str]())
    return Data(training, held_out, counts, dict(forms), digest(training, held_out))


def choose(rows: Iterable[Preference], settings: DpoSettings, dropped: Counter[str]) -> list[Preference]:
    """The rows that the settings want, each once, the right way round; ``dropped`` counts the others."""
    wanted = {code.lower() for code in settings.lang}
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for row in rows:
        prompt, chosen, rejected = row.content
        longest = len(prompt) + max(len(chosen), len(rejected))
        if wanted and row.lang not in wanted:
            dropped["of another language"] += 1
        elif chosen == rejected:
            dropped["equal continuations"] += 1
        elif settings.char_filter and longest > settings.char_filter:
            dropped["longer than --char-filter"] += 1
        elif settings.dedup and row.content in seen:
            dropped["repeated"] += 1
        else:
            seen.add(row.content)
            kept.append(replace(row, chosen=row.rejected, rejected=row.chosen) if settings.swap else row)
    return kept


def _sides(
    rows: list[Preference], held: list[Preference], settings: DpoSettings, dropped: Counter[str]
) -> tuple[list[Preference], list[Preference]]:
    """What is trained on, and what is measured with: at most ``eval_rows``, chosen by their ids."""
    seed = seed_of_split(settings)
    if held:
        groups = {one.group for one in held}
        training = [one for one in rows if one.group not in groups]
        dropped["prompt is in --val-file"] += len(rows) - len(training)
    elif settings.val_group == "row":
        training, held = _by_rows(rows, settings.val_fraction, seed)
    else:
        training, held = _by_prompts(rows, settings.val_fraction, seed)
    limit = settings.eval_rows
    if limit is not None and len(held) > limit:
        dropped["held out, but more than --eval-rows"] += len(held) - limit
        chosen = sorted(held, key=lambda one: split_fraction(one.id, f"measure-{seed}"))[:limit]
        ids = {one.id for one in chosen}
        held = [one for one in held if one.id in ids]
    return training, held


def _by_prompts(
    rows: Sequence[Preference], share: float, seed: int
) -> tuple[list[Preference], list[Preference]]:
    """All preferences of a prompt, and of its translations, fall on one side; a share above 0 gets one."""
    fractions = {one.group: split_fraction(one.group, f"train-dpo-{seed}") for one in rows}
    border = max(share, min(fractions.values(), default=0.0) + 1e-12) if share else 0.0
    held = [one for one in rows if fractions[one.group] < border]
    return [one for one in rows if fractions[one.group] >= border], held


def _by_rows(
    rows: Sequence[Preference], share: float, seed: int
) -> tuple[list[Preference], list[Preference]]:
    order = list(rows)
    random.Random(seed).shuffle(order)
    size = max(1, round(share * len(order))) if share else 0
    return order[size:], order[:size]


def digest(*sides: Sequence[Preference]) -> str:
    """Hash of the texts and languages of both sides."""
    found = [[(*one.content, one.lang) for one in side] for side in sides]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def columns_of_map(given: Sequence[str]) -> dict[str, str]:
    """``prompt=question`` and its like as a dictionary.

    Raises:
        BadSettings: A role is unknown, or chosen or rejected is missing.
    """
    found = dict(word.partition("=")[::2] for word in given)
    if found and (
        not set(found) <= set(ROLES) or not {"chosen", "rejected"} <= set(found) or "" in found.values()
    ):
        hint = "write --map prompt=question,chosen=good,rejected=bad; the prompt may be left out"
        raise BadSettings(f"is {','.join(given)}", where="--map", hint=hint)
    return found


def mix_of(given: Sequence[str]) -> dict[str, float]:
    """``hi:2`` and its like as a dictionary.

    Raises:
        BadSettings: A weight is no number above 0.
    """
    found: dict[str, float] = {}
    for word in given:
        lang, _, weight = word.partition(":")
        try:
            found[lang.lower()] = float(weight)
        except ValueError:
            found[lang.lower()] = 0.0
        if found[lang.lower()] <= 0 or not lang:
            raise BadSettings(f"is {word}", where="--mix", hint="write --mix en:1,hi:2")
    return found


def passes_by_language(rows: Sequence[Preference], mix: Mapping[str, float]) -> tuple[list[int], list[float]]:
    """For a `Mixture`: the number of the language of each row, and the passes over each language.

    Raises:
        BadSettings: A language is given passes that no row has.
    """
    languages = sorted({one.lang or "" for one in rows})
    for lang in mix:
        if lang not in languages:
            raise BadSettings(
                f"no row is in {lang}", where="--mix", hint=f"the languages are {', '.join(languages)}"
            )
    numbers = {lang: number for number, lang in enumerate(languages)}
    return [numbers[one.lang or ""] for one in rows], [mix.get(lang, 1.0) for lang in languages]


def _read(settings: DpoSettings, sources: Sequence[str], rejects: Rejects) -> list[Found]:
    columns = columns_of_map(settings.map)
    rule = parse_rule(settings.where) if settings.where is not None else None
    read: Callable[[int, str], Found] = lambda number, source: read_preferences(  # noqa: E731
        source,
        rejects,
        columns=columns,
        password=settings.password,
        split=settings.split,
        limit=settings.limit,
        rule=rule,
        file=number,
    )
    return [read(number, source) for number, source in enumerate(sources)]
