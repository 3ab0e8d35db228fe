"""``detox demo``: toxic sentences in, a trained rewriter and its scores out, with nothing but this package.

Every step is the service that its own command runs, and every file stays in the folder, so what the demo does
can be repeated step by step.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from detox_cli.data.bundled import SAMPLES
from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import split_fraction
from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_file
from detox_cli.scoring.lexicon import BUNDLED, read_lexicon
from detox_cli.services.eval_rewrite import run as eval_rewrite
from detox_cli.services.eval_rewrite.result import EvalRewriteResult
from detox_cli.services.evaluation_output import markdown
from detox_cli.services.generate import run as generate
from detox_cli.services.result import Result, Table
from detox_cli.services.synth_pairs import run as synth_pairs
from detox_cli.services.synth_pairs.result import SynthPairsResult
from detox_cli.services.train_bart import run as train_bart
from detox_cli.settings.demo import DemoSettings
from detox_cli.settings.evaluate import EvalRewriteSettings
from detox_cli.settings.generate import GenerateSettings
from detox_cli.settings.synth import SynthPairsSettings
from detox_cli.settings.train import BartSettings

SILENT = Silent()
SAMPLE = SAMPLES / "pairs.jsonl"


@dataclass(frozen=True)
class Stages:
    """The settings of the four steps; the demo fills in their inputs, outputs and seeds."""

    pairs: SynthPairsSettings
    train: BartSettings
    generate: GenerateSettings
    evaluate: EvalRewriteSettings


class DemoResult(Result):
    """What each step gave."""

    annotator: SynthPairsResult = Field(description="The pairs that the rewriter was trained on.")
    scores: EvalRewriteResult = Field(description="Annotator, rewriter and baselines on the test sources.")
    examples: list[list[str]] = Field(description="Source, annotator, rewriter, reference of test sentences.")
    seconds: float = Field(description="Wall time.")

    def tables(self) -> list[Table]:
        """The sentences side by side, then the scores."""
        columns = ["source", "annotator", "rewriter", "reference"]
        side_by_side = Table(title="Test sentences", columns=columns, rows=[list(e) for e in self.examples])
        return [side_by_side, *self.scores.tables()]


def run(settings: DemoSettings, stages: Stages, progress: Progress = SILENT) -> DemoResult:
    """Split the sentences, write pairs, train, rewrite the test sources, score.

    Raises:
        BadData: The sentences cannot be used, or the annotator wrote nothing to train on.
    """
    began = time.monotonic()
    folder = settings.output
    with Rejects(folder / "rejects.jsonl") as rejects:
        train, test = split(read_pairs(settings.data or str(SAMPLE), rejects, limit=settings.limit), settings)
    for name, part in (("train", train), ("test", test)):
        write_rows(folder / f"{name}.jsonl", [source_row(pair) for pair in part])
    progress.stage(f"an annotator writes neutral versions of {len(train)} sentences")
    written = annotate(settings, stages.pairs, "train", "pairs", progress)
    # One answer: the best of several would be chosen by the scorers that it is then shown with.
    once = stages.pairs.model_copy(update={"num_candidates": 1, "retries": 0, "retry_prompt": None})
    annotate(settings, once, "test", "annotator", progress)
    progress.stage(f"a rewriter learns from {written.usable} usable pairs")
    common = {"seed": settings.seed, "overwrite": settings.overwrite}
    changes = {"pairs": (str(folder / "pairs.jsonl"),), "output": folder / "model", **common}
    train_bart.run(stages.train.model_copy(update=changes), progress)
    progress.stage(f"it rewrites {len(test)} sentences that it has never seen")
    changes = {"model": str(folder / "model"), "input": str(folder / "test.jsonl")}
    changes |= {"output": str(folder / "rewriter.jsonl"), **common}
    generate.run(stages.generate.model_copy(update=changes), progress)
    scores = evaluate(settings, stages, progress)
    examples = side_by_side(settings, test)
    result = DemoResult(
        files=[folder], annotator=written, scores=scores, examples=examples, seconds=time.monotonic() - began
    )
    with atomic_file(folder / "demo.md") as page:
        page.write_text("# detox demo\n\n" + markdown(result.tables()), encoding="utf-8")
    return result


def split(pairs: Sequence[Pair], settings: DemoSettings) -> tuple[list[Pair], list[Pair]]:
    """Training and test rows; equal sources fall on the same side."""
    sides: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in pairs:
        sides[split_fraction(pair.toxic, settings.seed) < settings.test_share].append(pair)
    if not all(sides):
        raise BadData(
            f"{len(pairs)} rows are too few to keep some for the test", where=settings.data, hint="give more"
        )
    return sides


def source_row(pair: Pair) -> dict[str, object]:
    """A row of the input of the steps."""
    return {"id": pair.id, "lang": pair.lang, "toxic": pair.toxic, "references": list(pair.references)}


def annotate(
    settings: DemoSettings, asking: SynthPairsSettings, sources: str, target: str, progress: Progress
) -> SynthPairsResult:
    """Neutral versions of ``sources``.jsonl in ``target``.jsonl."""
    changes = {
        "input": str(settings.output / f"{sources}.jsonl"),
        "output": str(settings.output / f"{target}.jsonl"),
        "seed": settings.seed,
        "overwrite": settings.overwrite,
    }
    result = synth_pairs.run(asking.model_copy(update=changes), progress)
    if not result.usable and target == "pairs":
        raise BadData(
            "the annotator wrote nothing that can be trained on",
            where=str(result.files[0]),
            hint="give more rows with --data, or another --annotator",
        )
    return result


def evaluate(settings: DemoSettings, stages: Stages, progress: Progress) -> EvalRewriteResult:
    """Annotator and rewriter on the test sources, beside the baselines."""
    progress.stage("both are scored beside copying, deleting listed words, and the references")
    folder = settings.output
    changes = {
        "files": (str(folder / "annotator.jsonl"), str(folder / "rewriter.jsonl")),
        "references": str(folder / "test.jsonl"),
        "output": folder / "scores",
        "seed": settings.seed,
        "overwrite": True,  # the same rows give the same scores, and the cache has them
    }
    return eval_rewrite.run(stages.evaluate.model_copy(update=changes), progress)


def side_by_side(settings: DemoSettings, test: Sequence[Pair]) -> list[list[str]]:
    """The first test sentences that the annotator did not refuse, with all versions of them."""
    annotator, rewriter = (outputs(settings.output / f"{name}.jsonl") for name in ("annotator", "rewriter"))
    lexicon = read_lexicon(BUNDLED)
    shown = lexicon.mask if settings.redact else str
    rows = [
        [pair.toxic, annotator[pair.id], rewriter[pair.id], pair.references[0] if pair.references else ""]
        for pair in test[: settings.show]
    ]
    return [[shown(text) for text in row] for row in rows]


def outputs(path: Path) -> Mapping[str, str]:
    """What a step wrote, by row id."""
    rows = read_rows(str(path), Rejects())
    return {row.id: str(row.values.get("neutral") or row.values.get("output") or "") for row in rows}
