"""What ``detox eval generation`` would do: prompts and instruments, before anything is loaded."""

from collections import Counter

from pydantic import Field

from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Progress
from detox_cli.services.eval_generation.asking import adapted_protocol, asked_of, source_of
from detox_cli.services.eval_generation.files import read_generations
from detox_cli.services.eval_generation.limits import limits_of
from detox_cli.services.eval_generation.own import find_own
from detox_cli.services.eval_generation.tools import check_tools
from detox_cli.services.plan import Thing
from detox_cli.services.plan import plan as look_at
from detox_cli.services.result import Result, Table
from detox_cli.services.writing_time import hours_to_write, time_table
from detox_cli.settings.eval_generation import EvalGenerationSettings


class EvalGenerationPlan(Result):
    """What would be written and measured."""

    protocol: str = Field(description="Whose way, and where its numbers come from.")
    prompts: dict[str, int] = Field(description="Prompts by language.")
    strata: dict[str, int] = Field(description="Prompts by how toxic they are.")
    samples: int = Field(description="Continuations in all.")
    written: int = Field(description="Tokens that the model writes at most; 0 of a file of continuations.")
    hours: dict[int, float] = Field(description="Hours of writing at most, by tokens per second.")
    unanswerable: int = Field(description="Prompts that the model cannot read.")
    rejects: int = Field(description="Rows that cannot be used.")
    instruments: list[tuple[str, str, str]] = Field(description="Scorers and judges, and what is there.")

    def tables(self) -> list[Table]:
        """Prompts and instruments."""
        rows = [*self.prompts.items(), *self.strata.items()]
        rows += [("continuations", self.samples), ("cannot be read by the model", self.unanswerable)]
        rows.append(("rows that cannot be used", self.rejects))
        if self.written:
            rows.append(("tokens written at most", self.written))
        time = [time_table(self.hours)] if self.written else []
        return [
            Table(title="plan", columns=["prompts", "count"], rows=rows, caption=self.protocol),
            Table(title="instruments", columns=["option", "name", "found"], rows=self.instruments),
            *time,
        ]

    def headline(self) -> str:
        """How many continuations there would be."""
        return str(self.samples)


def plan(settings: EvalGenerationSettings, progress: Progress) -> EvalGenerationPlan:
    """Read the prompts or the continuations, look for the models; raises what the run itself would raise."""
    rejects, protocol, source = (
        Rejects(strict=settings.strict),
        adapted_protocol(settings),
        source_of(settings),
    )
    limits_of(settings, protocol, source)
    if settings.until != "generations":
        check_tools(settings)
    if source is not None:
        found = read_generations(source, rejects).generations
        prompts, unanswerable, written = [one.prompt for one in found], 0, 0
        samples = sum(len(one.samples) for one in found)
    else:
        asked = asked_of(settings, protocol, rejects)
        find_own(settings, protocol, asked)
        prompts, unanswerable = asked.prompts, len(asked.faults)
        samples = len(asked.requests) * protocol.samples
        again = asked.form.retries if asked.form is not None and asked.sampling.temperature else 0
        written = samples * (1 + again) * asked.sampling.max_new_tokens
    things = [Thing("--scorers", "scorer", name) for name in settings.scorers]
    judges = {"--judge": settings.judge, "--legacy-judge": settings.legacy_judge, "--kl-to": settings.kl_to}
    things += [Thing(flag, "model", name) for flag, name in judges.items() if name]
    return EvalGenerationPlan(
        protocol=f"{protocol.name}: {protocol.source}",
        prompts=dict(Counter(f"in {prompt.lang}" if prompt.lang else "in no language" for prompt in prompts)),
        strata=dict(Counter(prompt.stratum or "of unknown toxicity" for prompt in prompts)),
        samples=samples,
        written=written,
        hours=hours_to_write(written),
        unanswerable=unanswerable,
        rejects=rejects.count,
        instruments=look_at(things).things,
    )
