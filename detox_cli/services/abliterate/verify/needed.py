"""Whether a model needs an edit at all: how often it does the task as it is."""

from pydantic import Field

from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.journal import Journal
from detox_cli.services.abliterate.verify import answering
from detox_cli.services.abliterate.verify.inputs import Inputs, read_sentences
from detox_cli.services.abliterate.verify.options import VerifyOptions
from detox_cli.services.abliterate.verify.parts import Parts
from detox_cli.services.abliterate.verify.stages import Model, Stages
from detox_cli.services.abliterate.verify.verification import Frozen
from detox_cli.statistics.bootstrap import Estimate

SILENT = Silent()


class Needed(Frozen):
    """How often a model does the task, and what follows from that."""

    answered: Estimate = Field(description="Share of toxic sentences that it rewrites; Wilson interval.")
    goal: float = Field(description="The share that is enough.")

    @property
    def needed(self) -> bool:
        """Whether the share is below the goal."""
        return self.answered.mean < self.goal

    @property
    def advice(self) -> str:
        """What follows, in one sentence."""
        share = f"it rewrites {self.answered.written('.1%')} of {self.answered.n} toxic sentences"
        if not self.needed:
            return f"{share}, and the goal is {self.goal:.1%}: no edit is needed"
        return (
            f"{share}, below the goal of {self.goal:.1%}; worked examples (synth pairs --num-shots 10) or "
            "another instruction (--prompt detox-en-v2) may be a cheaper cure than an edit"
        )


def needed(
    source: ModelSource,
    options: VerifyOptions,
    goal: float,
    progress: Progress = SILENT,
    *,
    journal: Journal | None = None,
    engine: TransformersEngine | None = None,
) -> Needed:
    """Ask a model to rewrite the sentences of the task; ``verify`` with the same journal does not ask again.

    Args:
        source: The model.
        options: As for ``verify``; ``pairs``, ``limit_pairs`` and how a model is loaded count.
        goal: The share of sentences that has to be rewritten.
        progress: Who listens.
        journal: Keeps the rewrites.
        engine: The model, if it is loaded already.
    """
    inputs = Inputs((), (), (), (), read_sentences(options))
    parts = Parts(inputs, options, Stages(journal), progress)
    rows = parts.task("before", Model(source, options, progress, lent=engine))
    return Needed(answered=answering.answered(rows), goal=goal)
