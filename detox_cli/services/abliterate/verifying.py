"""From settings to what is verified, and from its figures to the card."""

import hashlib
import sys
from collections.abc import Iterator

from detox_cli.data.splits import text_key
from detox_cli.errors import BadData
from detox_cli.runs.card import Figure
from detox_cli.services.abliterate.contrast.contrasts import Contrast
from detox_cli.services.abliterate.verify.inputs import read_sentences
from detox_cli.services.abliterate.verify.options import Limits, Part, VerifyOptions
from detox_cli.services.abliterate.verify.verification import Verification
from detox_cli.settings.abliterate import AbliterateSettings
from detox_cli.statistics.bootstrap import Estimate

NOTHING: frozenset[Part] = frozenset()


def options_of(
    settings: AbliterateSettings, contrast: Contrast | None = None, without: frozenset[Part] = NOTHING
) -> VerifyOptions:
    """What is measured of the edited model, on the prompts that were held out."""
    return VerifyOptions(
        positive=tuple(p.prompt for p in contrast.positive.test) if contrast else (),
        negative=tuple(p.prompt for p in contrast.negative.test) if contrast else (),
        system=settings.system,
        safe=settings.safe,
        text=settings.text,
        limit_pairs=settings.task_rows,
        sentences=task_sentences(settings, contrast),
        new_tokens=settings.new_tokens,
        parts=frozenset(settings.parts) - without,
        limits=Limits(settings.max_kl, settings.max_ppl_increase, settings.min_joint, settings.max_refusals),
        keep_answers=settings.keep_answers,
        refusal_scorer=settings.refusal_scorer,
        quantize=settings.quantize,
        sta=settings.sta,
        sim=settings.sim,
        fl=settings.fl,
        targets=settings.targets,
        tied=settings.tied,
        rounding=settings.rounding,
        device=settings.device,
        dtype=settings.dtype,
        batch_tokens=settings.batch_tokens,
        trust_remote_code=settings.trust_remote_code,
        chat_template=settings.chat_template,
    )


def task_sentences(settings: AbliterateSettings, contrast: Contrast | None) -> tuple[str, ...]:
    """The toxic sentences that the task is measured on; none that the direction was measured or chosen with.

    Raises:
        BadData: None is left.
    """
    own = settings.pairs if settings.contrast == "task" else None
    file = settings.task_pairs or own
    sides = (contrast.positive, contrast.negative) if contrast else ()
    used = {text_key(prompt.text) for side in sides for prompt in (*side.train, *side.val)}
    found = read_sentences(VerifyOptions(pairs=file, limit_pairs=sys.maxsize))
    unused = [sentence for sentence in found if text_key(sentence) not in used]
    if not unused:
        raise BadData(
            f"the direction was measured on all of its {len(found)} sentences",
            where=file or "the bundled pairs",
            hint="name another file with --task-pairs",
        )
    return tuple(unused[: settings.task_rows])


def digest_of(options: VerifyOptions) -> str:
    """A name for the sentences of the task, so that parts on others are not taken for parts on these."""
    return hashlib.sha256("\0".join(options.sentences).encode()).hexdigest()[:12]


def figures_of(found: Verification) -> Iterator[Figure]:
    """The figures for a card."""

    def figure(name: str, value: Estimate, data: str) -> Figure:
        return Figure(name, value.mean, value.low, value.high, value.n, data)

    for side, answers in found.refusals.items():
        yield figure(f"declined, {side}", answers.refused, "held-out prompts")
        yield figure(f"empty, loop or filler, {side}", answers.degenerate, "held-out prompts")
    for side, answers in found.safe.items():
        yield figure(f"declined though safe, {side}", answers.refused, "prompts that only sound dangerous")
    for side, task in found.task.items():
        yield figure(f"rewritten, {side}", task.answered, "toxic sentences")
        for name, value in task.scores.items():
            yield figure(f"{name} (suite detox), {side}", value, "toxic sentences, rewritten ones")
        yield figure(f"J (suite detox), not rewritten is 0, {side}", task.joint, "toxic sentences")
    if found.kl is not None:
        yield figure("KL(base || edited), first tokens, nats", found.kl, "held-out harmless prompts")
    if found.kl_answered is not None:
        yield figure("KL, where the base answers", found.kl_answered, "held-out harmless prompts")
    for side, value in found.perplexity.items():
        yield figure(f"perplexity, {side}", value, "whole texts")
