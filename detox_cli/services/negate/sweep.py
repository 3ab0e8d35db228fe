"""Candidates one after the other, in memory: measured, remembered, chosen from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import isinf
from pathlib import Path

from detox_cli.models.merging.methods.linear import LINEAR
from detox_cli.models.merging.plan import plan_merge
from detox_cli.models.merging.random_step import random_step
from detox_cli.models.merging.recipe import Ingredient, Part, Recipe
from detox_cli.models.merging.recipe_yaml import read_model
from detox_cli.models.merging.tensor import Job
from detox_cli.output.progress import Progress, Task
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.measured_model import Measured
from detox_cli.services.merge.opening import open_models
from detox_cli.services.merge.prepared import stamps
from detox_cli.services.merge.recipe import written_model
from detox_cli.services.negate.choice import WITHOUT_BUDGET, Option, choose, search
from detox_cli.services.negate.compare import candidates_of
from detox_cli.services.negate.measuring import MeasuredBase
from detox_cli.services.negate.prepared import Planned, base_of
from detox_cli.services.negate.result import Sweep
from detox_cli.settings.negate import AUTO, NegateSettings

RANDOM = "random"
Jobs = Mapping[str, Job]


@dataclass
class Swept:
    """What has been measured so far, here and by earlier runs of the same command.

    Attributes:
        subject: What is measured.
        planned: Base and experts.
        journal: Keeps every measurement.
        progress: Listens.
        found: All measurements by name.
        used: The names that this run asked for, in order.
        task: Counts measurements.
    """

    subject: MeasuredBase
    planned: Planned
    journal: Journal
    progress: Progress
    found: dict[str, Measured] = field(default_factory=dict)
    used: dict[str, float | None] = field(default_factory=dict)
    task: Task | None = None

    def __post_init__(self) -> None:
        for record in self.journal.records():
            self.found[record["key"]] = Measured.of(record)

    def at(self, scale: float) -> Measured:
        """The measurement of a scale; 0 is the base."""
        name = f"{scale:g}"
        if scale:
            return self._of(name, name, scale, f"scale {name}", lambda: self.planned.at(scale))
        return self._of(name, name, scale, "the base", lambda: None)

    def control(self, name: str, key: str, jobs: Callable[[], Jobs]) -> Measured:
        """The measurement of something that is no candidate; ``key`` says what it was measured with."""
        return self._of(name, f"{name}\0{key}", None, f"the control {name}", jobs)

    def _of(
        self, name: str, key: str, scale: float | None, what: str, jobs: Callable[[], Jobs | None]
    ) -> Measured:
        if key not in self.found:
            self.progress.stage(f"measuring {what}")
            measured = self.subject.measure(name, jobs())
            self.journal.append({"key": key, **measured.record()})
            self.found[key] = measured
            if self.task is not None:
                self.task.advance()
        self.used.setdefault(key, scale)
        return self.found[key]


def sweep_journal(output: Path) -> Path:
    """Where the measurements are until the model is written: ``OUTPUT.sweep.journal``."""
    return output.with_name(output.name + ".sweep.journal")


def sweep(settings: NegateSettings, subject: MeasuredBase, planned: Planned, progress: Progress) -> Sweep:
    """Measure the base and every candidate, choose, and measure the controls of the chosen one.

    Raises:
        BadData: Numbers are not finite, or a control is another kind of model.
        BadSettings: The journal of another sweep lies at the output.
    """
    path = sweep_journal(settings.output)
    decisive = fingerprint(candidate=planned.candidate, subject=subject.decisive)
    with open_sweep(path, decisive, settings.overwrite) as journal, ExitStack() as stack:
        controls = _whole_models(settings, planned, stack)
        swept = Swept(subject, planned, journal, progress)
        figure = subject.toxicity
        asked = {0.0, *settings.scales} if settings.scale != AUTO else None
        known = sum(f"{scale:g}" in swept.found for scale in asked or ())
        with progress.task("measurements", len(asked) if asked else None, known) as swept.task:
            base = swept.at(0)
            budget = settings.budget(base.text.figure)
            for scale in _scales(settings, swept, budget):
                swept.at(scale)
        swept.task = None
        options = [_option(one, scale, figure) for one, scale in _candidates(swept) if scale]
        taken = choose(options, _option(base, 0.0, figure), budget, settings.rule)
        if taken is not None:
            _controls(settings, swept, taken.scale, controls)
        measured = [swept.found[key] for key in swept.used]
        scales = {one.name: scale for one, scale in _candidates(swept)}
        rows = candidates_of(
            measured,
            scales,
            figure,
            budget,
            f"{taken.scale:g}" if taken else None,
            settings.seed,
            subject.counting.resamples,
        )
    return Sweep(
        figure=figure,
        rule=settings.rule,
        budget=None if isinf(budget) else budget,
        allowed=_allowed(settings),
        text=Path(subject.text_name).name,
        prompts=len(subject.asked.prompts),
        prompt_set=Path(subject.prompts_name).name,
        samples=subject.protocol.samples,
        protocol=subject.protocol.name,
        scorers=dict(subject.tools.identities),
        candidates=sorted(rows, key=lambda one: (one.scale is None, one.scale or 0.0)),
    )


@contextmanager
def open_sweep(path: Path, decisive: str, overwrite: bool) -> Iterator[Journal]:
    """The journal of a sweep; one of another sweep is only replaced with ``overwrite``.

    A sweep that fails before its first measurement leaves none.
    """
    if overwrite and path.exists():
        with path.open("rb") as file:
            if decisive.encode() not in file.readline():
                path.unlink()
    with Journal(path, decisive) as journal:
        try:
            yield journal
        except BaseException:
            if not len(journal):
                journal.close()
                path.unlink(missing_ok=True)
            raise


def _scales(settings: NegateSettings, swept: Swept, budget: float) -> Iterable[float]:
    if settings.scale != AUTO:
        return settings.scales
    if isinf(budget):
        return WITHOUT_BUDGET
    return search(lambda scale: swept.at(scale).text.figure <= budget)


def _candidates(swept: Swept) -> list[tuple[Measured, float]]:
    return [(swept.found[key], scale) for key, scale in swept.used.items() if scale is not None]


def _option(one: Measured, scale: float, figure: str) -> Option:
    return Option(scale, one.sums[figure].figure, one.text.figure)


def _whole_models(
    settings: NegateSettings, planned: Planned, stack: ExitStack
) -> dict[str, tuple[str, Jobs]]:
    """The controls that are models, opened before anything is measured: what each is, and its tensors."""
    found = {}
    base = planned.base.weights
    for name in settings.control:
        if name != RANDOM:
            control = Ingredient(read_model(written_model(name), "--control"), {"weight": (Part(1.0),)})
            recipe = Recipe(LINEAR, (control,), base_of(settings))
            models = open_models(recipe, stack)
            weights = [model.weights for model in models.models]
            jobs = plan_merge(recipe, weights, base, base, settings.seed).jobs
            found[name] = fingerprint(files=stamps(models)), jobs
    return found


def _controls(
    settings: NegateSettings, swept: Swept, scale: float, models: Mapping[str, tuple[str, Jobs]]
) -> None:
    for name in settings.control:
        if name == RANDOM:
            key, steps = (
                f"{scale:g} {settings.seed}",
                partial(random_steps, swept.planned, scale, settings.seed),
            )
            swept.control(RANDOM, key, steps)
        else:
            key, jobs = models[name]
            swept.control(Path(name).name, key, partial(dict, jobs))


def random_steps(planned: Planned, scale: float, seed: int) -> Jobs:
    """In place of every tensor's step one that is as long, in a direction by chance."""
    return {tensor: random_step(job, seed) for tensor, job in planned.at(scale).items()}


def _allowed(settings: NegateSettings) -> str:
    given = settings.max_ppl_increase
    return given if given == "none" or given.endswith("%") else f"{given} points"
