"""A search for the least of two numbers, trial by trial, in a journal from which a killed one goes on."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError
from detox_cli.runs.journal import Journal

Sampler = Literal["tpe", "nsga"]
Params = Mapping[str, Any]
RANDOM_TRIALS = 10
POPULATION = 20


class Trial(BaseModel):
    """One trial of a search.

    A pruned one was given up before it had seen everything; its values are those that it had by then.
    """

    model_config = ConfigDict(frozen=True)

    number: int = Field(description="From 0, in the order in which they were tried.")
    state: Literal["complete", "pruned", "failed"] = Field(description="How it ended.")
    params: dict[str, Any] = Field(description="What was tried.")
    values: list[float] = Field(default=[], description="Refusals left, and divergence on answers.")
    note: str = Field(default="", description="Why it was pruned, or what went wrong.")
    memory: dict[str, Any] = Field(default={}, description="What the sampler noted about it.", repr=False)


class Pruned(Exception):
    """A trial that is not worth going on with.

    Args:
        values: What it has come to so far.
        why: The reason.
    """

    def __init__(self, values: Sequence[float], why: str) -> None:
        super().__init__(why)
        self.values = list(values)


Objective = Callable[[Params, Sequence[Trial]], Sequence[float]]
"""Two numbers, less is better, of what is to be tried, given all trials before; may raise anything."""


def optimise(
    space: Mapping[str, Any],
    first: Sequence[Params],
    objective: Objective,
    trials: int,
    *,
    sampler: Sampler = "tpe",
    seed: int = 0,
    journal: Journal | None = None,
    done: Callable[[Trial], None] = lambda _: None,
) -> list[Trial]:
    """Try points of a space, the given ones first and then those that a sampler of Optuna proposes.

    The sampler is seeded anew for every trial, by its number, and told of all trials before; so what it
    proposes depends on nothing else, and a search that was killed and continued is one that was not.

    Args:
        space: Name -> distribution of Optuna.
        first: What to try first.
        objective: What to minimise. Whatever it raises makes that trial a failed one, and no more.
        trials: How many in all, those of earlier runs included.
        sampler: ``tpe`` (Bergstra et al., NeurIPS 2011) or ``nsga`` (NSGA-II, Deb et al., 2002).
        seed: Of the sampler.
        journal: Keeps every trial; those in it are not tried again.
        done: Told every trial, also those of the journal.

    Raises:
        DetoxError: Not one trial came to a value.
    """
    optuna = _optuna()
    study = optuna.create_study(directions=["minimize", "minimize"])
    found: list[Trial] = []
    for record in () if journal is None else journal.records():
        found.append(Trial.model_validate(record))
        study.add_trial(_frozen(optuna, found[-1], space))
        done(found[-1])
    while len(found) < trials:
        study.sampler = _sampler(optuna, sampler, seed + len(found))
        if len(found) < len(first):
            study.enqueue_trial(dict(first[len(found)]))
        asked = study.ask(dict(space))
        trial = _tried(asked.params, objective, found)
        trial = trial.model_copy(update={"memory": study.trials[-1].system_attrs})
        failed = trial.state == "failed"
        study.tell(asked, **({"state": optuna.trial.TrialState.FAIL} if failed else {"values": trial.values}))
        found.append(trial)
        if journal is not None:
            journal.append(trial.model_dump(mode="json"))
        done(trial)
    if not any(trial.values for trial in found):
        raise DetoxError(
            f"all {len(found)} trials failed, the last with: {found[-1].note}",
            hint="try other modes, or leave --search out",
        )
    return found


def _tried(params: Params, objective: Objective, before: Sequence[Trial]) -> Trial:
    number = len(before)
    try:
        values = [float(value) for value in objective(params, before)]
    except Pruned as pruned:
        return Trial(
            number=number, state="pruned", params=dict(params), values=pruned.values, note=str(pruned)
        )
    except Exception as error:  # of whatever kind: one trial must not cost the others
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        return Trial(number=number, state="failed", params=dict(params), note=reason)
    return Trial(number=number, state="complete", params=dict(params), values=values)


def _frozen(optuna: Any, trial: Trial, space: Mapping[str, Any]) -> Any:
    state = optuna.trial.TrialState.FAIL if trial.state == "failed" else optuna.trial.TrialState.COMPLETE
    return optuna.trial.create_trial(
        state=state,
        values=trial.values or None,
        params=trial.params,
        distributions=dict(space),
        system_attrs=trial.memory,
    )


def _sampler(optuna: Any, name: Sampler, seed: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a keyword is new
        if name == "nsga":
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=RANDOM_TRIALS)


def _optuna() -> Any:
    import optuna  # an extra, looked for by whoever starts a search

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
