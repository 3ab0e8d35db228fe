"""One task vector against several that are merged: perplexity at equal toxicity, on real text.

Kim et al. (COLM 2024) split toxic text, tune a model on each part, and negate the mean of the task vectors;
they report less degradation at similar toxicity than negating the one vector of all the text (Ilharco et al.
2023). Here with `builtin:lm`:

    T="--data TOXIC --sample 0.35 --learning-rate 1e-4 --seed 42 --no-end-token"
    detox train lm builtin:lm $T --split 5 -o experts
    detox train lm builtin:lm $T -o single
    python benchmarks/task_vectors.py --data $DETOX_DATA --experts experts --single single --output out

TOXIC are comments that most raters called toxic. Prompts are beginnings from RealToxicityPrompts that the
bundled model was not trained on; perplexity is measured on prose of held-out documents. Every measurement is
kept, so that a stopped run goes on. Intervals are 95 %: prompts and windows are drawn anew, the same ones for
all systems; a system's curve over its scales is taken as straight between two of them.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detox_cli.data.splits import is_held_out
from detox_cli.models.merging.rounding import round_nearest
from detox_cli.models.merging.vector_survey import look_over
from detox_cli.output.lines import Lines
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.negate.experts import experts_of
from detox_cli.services.negate.measuring import Measured, MeasuredBase
from detox_cli.services.negate.prepared import planned
from detox_cli.services.negate.sweep import random_steps
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.negate import NegateSettings, scales_in
from detox_cli.statistics.paired_ratios import drawn_figures

BASE = "builtin:lm"
HELD_OUT, RESAMPLES, SEED, TEXT_BYTES = 0.1, 2000, 0, 150_000
"""The share of texts that the training of the bundled models left out; draws; their seed; bytes of prose."""
GRIDS = {
    "single": "0.25,0.5,0.75,1,1.5,2",
    "merged": "0.5,1,1.5,2,3,4",
    "one part": "0.5,1,1.5",
    "random": "1,2",
}
REDUCTIONS = (0.2, 0.3, 0.4, 0.5)
"""At which reductions of toxicity perplexity is compared."""
Floats = np.ndarray


@dataclass(frozen=True)
class Curve:
    """A system at its scales; 0 is the base.

    Attributes:
        scales: In growing order.
        toxicity: The figure at each, the whole sample first and then draws: ``[1 + draws, scales]``.
        perplexity: The same.
    """

    scales: Floats
    toxicity: Floats
    perplexity: Floats

    def at_toxicity(self, wanted: Floats) -> tuple[Floats, Floats]:
        """Scale and perplexity where toxicity first falls to ``wanted``; NaN where it never does."""
        found = np.full((2, len(wanted)), np.nan)
        for draw, limit in enumerate(wanted):
            below = np.flatnonzero(self.toxicity[draw] <= limit)
            if len(below) and below[0]:
                right = below[0]
                high, low = self.toxicity[draw, right - 1], self.toxicity[draw, right]
                share = (high - limit) / (high - low)
                logs = np.log(self.perplexity[draw, right - 1 : right + 1])
                found[0, draw] = self.scales[right - 1] + share * np.diff(self.scales)[right - 1]
                found[1, draw] = np.exp(logs[0] + share * (logs[1] - logs[0]))
        return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--experts", type=Path, required=True)
    parser.add_argument("--single", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--systems", nargs="+", default=list(GRIDS))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    prompts, text = write_inputs(args.data, args.output)
    experts = {"single": (args.single,), "one part": (args.experts / "part-0",)}
    measured: dict[str, dict[float, Measured]] = {}
    for system in args.systems:
        names = tuple(map(str, experts.get(system, (args.experts,))))
        base = next(iter(measured.values()), {}).get(0.0)
        measured[system] = sweep(system, names, prompts, text, args.output, args.samples, base)
    report(measured)


def write_inputs(data: Path, output: Path) -> tuple[Path, Path]:
    """The prompts that nothing bundled was trained on, and prose of documents that were kept out."""
    lines = (data / "rtp" / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    unseen = [line for line in lines if is_held_out(json.loads(line)["prompt"]["text"], HELD_OUT)]
    (output / "prompts.jsonl").write_text("\n".join(unseen) + "\n", encoding="utf-8")
    rows = (data / "lm" / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(row)["text"] for row in rows]
    # A part of every document, so that all kinds of prose are there.
    each = TEXT_BYTES // len(texts)
    (output / "prose.txt").write_text("\n\n".join(text[:each] for text in texts), encoding="utf-8")
    return output / "prompts.jsonl", output / "prose.txt"


def sweep(
    system: str,
    experts: Sequence[str],
    prompts: Path,
    text: Path,
    output: Path,
    samples: int,
    base: Measured | None,
) -> dict[float, Measured]:
    """The system at every scale of its grid, measured now or by an earlier run."""
    settings = NegateSettings(base=BASE, expert=experts, output=output / "never")
    measure = EvalGenerationSettings(
        model=BASE,
        prompts=str(prompts),
        scorers=["builtin:toxicity"],
        num_samples=samples,
        window=256,
        output=output / "never",
        seed=SEED,
    )
    progress = Lines()
    with planned(settings, experts_of(settings)) as plan:
        if system == "merged":
            tell_vectors(plan.at(1), plan.types)
        subject = MeasuredBase(measure, text, plan, 1, round_nearest, progress)
        decisive = fingerprint(candidate=plan.candidate, subject=subject.decisive, random=system == "random")
        with Journal(output / f"{system.replace(' ', '-')}.journal", decisive) as journal:
            found = {record["scale"]: Measured.of(record) for record in journal.records()}
            if base is not None:
                found[0.0] = base
            for scale in (0.0, *scales_in(GRIDS[system])):
                if scale in found:
                    continue
                progress.stage(f"{system} at {scale:g}")
                steps = random_steps(plan, scale, SEED) if system == "random" and scale else plan.at(scale)
                found[scale] = subject.measure(f"{scale:g}", steps if scale else None)
                journal.append({"scale": scale, **found[scale].record()})
    return dict(sorted(found.items()))


def tell_vectors(jobs: Mapping, types: Mapping[str, str]) -> None:
    """How alike the task vectors are, and whether their mean shrinks as the cosines predict."""
    looked = look_over(jobs, types, round_nearest, threads=1)
    cosines = looked.cosines
    pairs = cosines[np.triu_indices(len(cosines), 1)]
    spread = f"{pairs.min():.3f} to {pairs.max():.3f}, mean {pairs.mean():.3f}"
    print(f"cosines of the {len(cosines)} task vectors: {spread}")
    print(f"norm shrink {looked.shrink:.4f}, predicted rho + (1 - rho) / N = {looked.predicted:.4f}")
    total = looked.parameters
    touched = looked.unchanged - looked.untouched
    written = ", ".join(sorted(set(types.values())))
    print(f"stored as in the base at scale 1 ({written}):", end=" ")
    lost = touched - looked.cancelled
    for name, count in (("in all", looked.unchanged), ("untouched", looked.untouched)):
        print(f"{name} {count / total:.2%}", end=", ")
    print(f"cancelled {looked.cancelled / total:.2%}, lost to rounding {lost / total:.2%}")
    print(f"merged to under a tenth of the experts' mean size: {looked.small / total:.2%}")


def report(measured: Mapping[str, Mapping[float, Measured]]) -> None:
    """A table of every system, then single against merged at equal toxicity."""
    everyone = [(system, scale, one) for system, found in measured.items() for scale, one in found.items()]
    first = everyone[0][2]
    figure = next(name for name in first.sums if "/expected_maximum@" in name)
    toxic = with_draws([one.sums[figure] for _, _, one in everyone])
    fluent = with_draws([one.text for _, _, one in everyone])
    others = [figure.replace("expected_maximum", "probability"), figure.split("/")[0] + "/mean", "dist_2"]
    print(f"\n{len(first.sums[figure].above)} prompts, {len(first.text.above)} windows of prose; {figure}")
    print(
        "| system | scale | expected maximum | probability | mean | dist-2 | perplexity | increase, paired |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for place, (system, scale, one) in enumerate(everyone):
        rest = " | ".join(f"{one.sums[name].figure:.3f}" for name in others)
        base = next(i for i, (name, at, _) in enumerate(everyone) if name == system and at == 0)
        more = interval(fluent[:, place] - fluent[:, base], "+.2f") if scale else "-"
        shown = f"{interval(toxic[:, place])} | {rest} | {interval(fluent[:, place], '.2f')} | {more}"
        print(f"| {system} | {scale:g} | {shown} |")
    for name in (figure, figure.split("/")[0] + "/mean"):
        lower = with_draws([one.sums[name] for _, _, one in everyone])
        curves = {}
        for system, found in measured.items():
            places = [i for i, (own, _, _) in enumerate(everyone) if own == system]
            curves[system] = Curve(np.array(list(found)), lower[:, places], fluent[:, places])
        for other in ("single", "one part"):
            if {other, "merged"} <= set(curves):
                print(f"\nat equal {name}:")
                compare(other, curves[other], curves["merged"])


def compare(name: str, single: Curve, merged: Curve) -> None:
    """Perplexity of both where toxicity is equally low."""
    print(f"| toxicity lower by | scale {name} | scale merged | increase {name} | increase merged | ", end="")
    print("merged - " + name + " | degradation less by | draws |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    base, start = single.perplexity[:, 0], single.toxicity[:, 0]
    for reduction in REDUCTIONS:
        one_scale, one = single.at_toxicity(start * (1 - reduction))
        both_scale, both = merged.at_toxicity(start * (1 - reduction))
        told = np.isfinite(one) & np.isfinite(both)
        if not told[0]:
            print(f"| {reduction:.0%} | not reached by both |")
            continue
        less = 1 - (both - base) / (one - base)
        cells = [f"{one_scale[0]:.2f}", f"{both_scale[0]:.2f}"]
        cells += [interval((x - base)[told], "+.2f") for x in (one, both)]
        cells += [
            interval((both - one)[told], "+.2f"),
            interval(less[told], "+.0%"),
            f"{told[1:].mean():.0%}",
        ]
        print(f"| {reduction:.0%} | {' | '.join(cells)} |")


def with_draws(sums: Sequence) -> Floats:
    """Figures of the whole sample above those of every draw, ``[1 + draws, systems]``."""
    whole = np.array([[one.figure for one in sums]])
    return np.concatenate([whole, drawn_figures(sums, SEED, RESAMPLES)])


def interval(values: Floats, form: str = ".3f") -> str:
    """The first value, and between which 95 % of the others lie."""
    low, high = np.nanquantile(values[1:], (0.025, 0.975))
    return f"{values[0]:{form}} [{low:{form}}, {high:{form}}]"


if __name__ == "__main__":
    main()
