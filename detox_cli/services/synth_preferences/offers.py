"""Texts that are there already, as continuations of prompts from which pairs are made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.data.preferences.forms import form_of, language_of
from detox_cli.data.preferences.preference import group_of
from detox_cli.data.preferences.read import FIRST_ROWS, read_preferences
from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.read import chosen_prompts
from detox_cli.data.reading import Row, columns_of, read_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.generation.prompts import PROMPTS, ShotStyle, rewrite_conversation
from detox_cli.runs.manifest import read_manifest
from detox_cli.services.eval_generation.files import read_generations
from detox_cli.services.eval_generation.generations import Generation
from detox_cli.services.eval_generation.stages import GENERATIONS
from detox_cli.services.synth_pairs.export import list_of
from detox_cli.settings.synth_preferences import SynthPreferencesSettings

CANDIDATES = {"toxic", "candidates"}
"""Columns of ``synth pairs`` with several answers per sentence."""
DECLINED = ("refusal", "empty")
"""Flags of answers that are no rewrites."""
Messages = tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Offer:
    """One prompt with its continuations.

    Attributes:
        texts: The prompt and what continues it.
        given: Whether the first text is the chosen and the second the rejected one.
        messages: The conversation that asked for the texts, where there was one.
        seed: What they were drawn with, where that is known.
        left_out: Texts that the file itself says are none.
    """

    texts: Generation
    given: bool = False
    messages: Messages = ()
    seed: int | None = None
    left_out: int = 0


def read_offers(settings: SynthPreferencesSettings, rejects: Rejects) -> list[Offer]:
    """What is in ``settings.from_file``; its columns tell what they are.

    Raises:
        BadData: Nothing in it can be paired, or there is nothing in one of the languages.
        BadSettings: The password of a zip file is missing or wrong.
    """
    source = str(settings.from_file)
    offers = list(_offers(source, settings, rejects))
    if not offers:
        reason = next(iter(rejects.by_reason), "it is empty")
        raise BadData(
            f"holds nothing that can be paired: {reason}",
            where=source,
            hint="give continuations with scores, several for one prompt",
        )
    prompts = [one.texts.prompt for one in offers]
    kept = {one.id for one in chosen_prompts(prompts, source, settings.languages, settings.limit)}
    return [one for one in offers if one.texts.prompt.id in kept]


def writer_of(source: str) -> dict[str, str]:
    """What wrote the texts of a file, as the run has put it down; nothing where it is not known."""
    path = Path(source)
    manifest = read_manifest(path / GENERATIONS if (path / GENERATIONS).exists() else path) or {}
    found: dict[str, str] = manifest.get("models", {}).get("writer", {})
    return found


def _offers(source: str, settings: SynthPreferencesSettings, rejects: Rejects) -> Iterator[Offer]:
    path = Path(source)
    if (path / GENERATIONS).exists():
        source = str(path / GENERATIONS)
    elif path.is_dir() or path.suffix.lower() == ".zip":
        yield from _preferences(source, settings, rejects)
        return
    columns = columns_of(read_rows(source, Rejects(), split=settings.split, limit=FIRST_ROWS))
    if set(columns) >= CANDIDATES:
        rows = read_rows(source, rejects, split=settings.split)
        yield from (offer for row in rows if (offer := _candidates(row, rejects)))
    elif form_of(columns) is not None:
        yield from _preferences(source, settings, rejects)
    else:
        yield from (Offer(one) for one in read_generations(source, rejects).generations)


def _preferences(source: str, settings: SynthPreferencesSettings, rejects: Rejects) -> Iterator[Offer]:
    found = read_preferences(source, rejects, password=settings.password, split=settings.split)
    for one in found.preferences:
        if not isinstance(one.prompt, str):
            rejects.add(one.where, "its texts are messages, which are not scored", {"id": one.id})
            continue
        origin = one.group if one.group != group_of(one.prompt) else None
        prompt = Prompt(one.id, one.prompt, one.where, one.lang, source=origin)
        yield Offer(Generation(prompt, (str(one.chosen), str(one.rejected))), given=True)


def _candidates(row: Row, rejects: Rejects) -> Offer | None:
    """The answers to one sentence that are rewrites, behind the conversation that asked for them."""
    values = row.values
    fault = text_fault(values.get("toxic"))
    fault = f"column 'toxic' {fault}" if fault else None
    if fault is None and values.get("prompt_id") not in PROMPTS:
        fault = f"its prompt_id is none of {', '.join(PROMPTS)}"
    if fault is not None:
        rejects.add(row.where, fault, dict(values))
        return None
    answers: Sequence[Mapping[str, Any]] = list_of(values.get("candidates"))
    said = [one for one in answers if not set(one.get("flags", ())).intersection(DECLINED)]
    toxic, task = str(values["toxic"]), PROMPTS[str(values["prompt_id"])]
    style: ShotStyle = "inline" if values.get("shot_style") == "inline" else "turns"
    turns = rewrite_conversation(toxic, (), style, task)
    return Offer(
        Generation(
            Prompt(row.id, toxic, row.where, language_of(row)), tuple(str(one["text"]) for one in said)
        ),
        messages=tuple({"role": turn.role, "content": turn.text} for turn in turns),
        left_out=len(answers) - len(said),
    )
