"""Tasks of lm-evaluation-harness (an extra), run on the model that is loaded already."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from detox_cli.errors import BadData, Missing
from detox_cli.models.loading import Loaded
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.ranking import Z95

YAML = (".yaml", ".yml")


def check_tasks(names: Sequence[str]) -> None:
    """See that tasks can be run; no data and no model is loaded.

    Raises:
        Missing: lm-evaluation-harness is not installed, or there is no such task or file.
        BadData: A file names no task.
    """
    if not names:
        return
    if find_spec("lm_eval") is None:
        hint = "pip install 'detox-cli[lm-eval]', or leave --lm-eval out"
        raise Missing("--lm-eval needs lm-evaluation-harness", hint=hint)
    for name in names:
        if Path(name).suffix in YAML and not Path(name).is_file():
            raise Missing("there is no such file", where=f"--lm-eval {name}", hint="name a task or its file")
    _tasks(names)


def task_figures(
    loaded: Loaded, names: Sequence[str], seed: int
) -> tuple[dict[str, Estimate], list[dict[str, Any]]]:
    """Every metric of every task as ``TASK/METRIC``, with what the harness says of it.

    The interval is 1.96 of the harness's standard errors to both sides; a metric without one has an
    interval of no width.

    Args:
        loaded: The model; what is on it, such as an adapter, is in effect.
        names: Of tasks, or files of tasks.
        seed: Of the harness's own draws.

    Raises:
        Missing: There is no such task, or its data cannot be had. BadData: A task gives nothing.
    """
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    tasks, manager = _tasks(names)
    model = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=8)
    draws = {f"{kind}_random_seed": seed for kind in ("numpy", "torch", "fewshot")}
    try:
        told = simple_evaluate(
            model, tasks=tasks, task_manager=manager, log_samples=False, random_seed=seed, **draws
        )
    except (ConnectionError, FileNotFoundError) as error:  # what the data's library raises
        hint = "fetch it once where there is a network; the cache of the Hub is used then"
        raise Missing(f"the data of a task cannot be had: {error}", where="--lm-eval", hint=hint) from error
    if not told:
        raise BadData(
            "lm-evaluation-harness gave no result", where="--lm-eval", hint="look at what it wrote above"
        )
    return figures_of(told)


def _tasks(names: Sequence[str]) -> tuple[list[str], Any]:
    """The tasks' own names, and what finds them."""
    from lm_eval.tasks import TaskManager

    files = [Path(name) for name in names if Path(name).suffix in YAML]
    manager = TaskManager(include_path=[str(path.parent) for path in files] or None)
    tasks = [_task_of(Path(name)) if Path(name).suffix in YAML else name for name in names]
    if unknown := [task for task in tasks if task not in manager.all_tasks]:
        raise Missing(f"there is no task {unknown[0]!r}", where="--lm-eval", hint="see `lm-eval ls tasks`")
    return tasks, manager


def figures_of(told: Mapping[str, Any]) -> tuple[dict[str, Estimate], list[dict[str, Any]]]:
    """The results of the harness as figures, and as rows."""
    figures, rows = {}, []
    for task, values in told["results"].items():
        counts = told.get("n-samples", {}).get(task, {})
        n = int(values.get("sample_len") or counts.get("effective") or 0)
        for key, value in values.items():
            metric, _, kind = key.partition(",")
            if not kind or metric.endswith("_stderr") or not isinstance(value, int | float):
                continue
            error = values.get(f"{metric}_stderr,{kind}")
            width = Z95 * error if isinstance(error, int | float) else 0.0
            name = metric if kind == "none" else f"{metric}:{kind}"
            figures[f"{task}/{name}"] = Estimate(float(value), value - width, value + width, n)
            rows.append({"id": f"{task}/{name}", "value": float(value), "stderr": width / Z95, "n": n})
    return figures, rows


def _task_of(file: Path) -> str:
    """The name of the task in a file, read as text since such files hold references to functions."""
    for line in file.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key == "task" and value.strip():
            return value.strip().strip("'\"")
    raise BadData("names no task", where=str(file), hint="give it a line such as 'task: name'")
