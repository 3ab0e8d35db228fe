"""Prompts as token ids of one model, and what the model writes after them."""

from collections.abc import Sequence
from dataclasses import dataclass

from detox_cli.data.bundled import SAMPLES
from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.generation.encoding import PromptReader, stop_tokens
from detox_cli.generation.requests import Request, Sampling
from detox_cli.models.loading import Loaded
from detox_cli.models.neurons.reading import Written, written_greedily
from detox_cli.runs.journal import Journal
from detox_cli.settings.probe_prompts import ProbePrompts

OPENINGS = SAMPLES / "openings.jsonl"
UNKNOWN = "und"
AT_ONCE = 64
"""Prompts that are continued between two lines of the journal."""


@dataclass(frozen=True)
class Asked:
    """A prompt that a model can continue: its id, its language, and its token ids."""

    id: str
    lang: str
    ids: tuple[int, ...]


def prompts_of(settings: ProbePrompts, rejects: Rejects) -> list[Prompt]:
    """The prompts that the settings name, or the bundled ones.

    Raises:
        BadData: Nothing can be read, or there is nothing in one of the languages.
    """
    return read_prompts(
        settings.prompts or str(OPENINGS),
        rejects,
        column=settings.text_column,
        password=settings.password,
        split=settings.split,
        languages=settings.languages,
        limit=settings.limit,
    )


def asked_of(loaded: Loaded, prompts: Sequence[Prompt], new_tokens: int, rejects: Rejects) -> list[Asked]:
    """Prompts as the model reads them; those that it cannot continue go to ``rejects``.

    Raises:
        BadData: It can continue none of them.
    """
    reader, sampling = (
        PromptReader(loaded.tokenizer, loaded.model.config),
        Sampling(new_tokens, temperature=0),
    )
    encoded = reader.read([Request(prompt.id, prompt.text, 0) for prompt in prompts])
    kept = []
    for prompt, one in zip(prompts, encoded, strict=True):
        if reason := reader.fault(one, sampling):
            rejects.add(prompt.where, reason, {"id": prompt.id})
        else:
            kept.append(Asked(prompt.id, prompt.lang or UNKNOWN, one.ids))
    if not kept:
        reason = rejects.by_reason.most_common(1)[0][0]
        message = f"the model can continue none of {len(prompts)} prompts: {reason}"
        raise BadData(message, where=prompts[0].where, hint="shorten them")
    return kept


def continued(
    loaded: Loaded, asked: Sequence[Asked], new_tokens: int, batch_tokens: int, journal: Journal | None = None
) -> list[Written]:
    """What the model writes after every prompt, in order; what ``journal`` holds is not written again."""
    ends = stop_tokens(loaded.tokenizer, None, loaded.model.generation_config.eos_token_id)
    records = journal.records() if journal is not None else ()
    found = [Written(tuple(one["prompt"]), tuple(one["answer"]), one["count"]) for one in records]
    while len(found) < len(asked):
        start = len(found) - len(found) % AT_ONCE  # the same company as in a run that was not stopped
        part = [one.ids for one in asked[start : start + AT_ONCE]]
        rows = written_greedily(loaded.model, part, ends, new_tokens, batch_tokens)
        for row in rows[len(found) - start :]:
            found.append(row)
            if journal is not None:
                journal.append({"prompt": row.prompt, "answer": row.answer, "count": row.count})
    return found
