"""Chains of `builtin:lm` from real prompts, for `benchmarks/cmd.py` to train on.

    python -m benchmarks.chain_data --data $DETOX_DATA -o FOLDER [--filler F] [--fill-mode M] [--detector D]

Reads RealToxicityPrompts (the side for development). More than a third of the prompts is put aside in
FOLDER/test.jsonl, at least 500 toxic and 500 others, to measure what is learnt from the rest. All models are
the bundled ones, unless named; `builtin:toxicity` builds, so another scorer judges: how toxic toxic prompts
are before and after, for those that were filled, and how toxic answers and negatives are.
"""

import argparse
import os
from pathlib import Path

import torch

from detox_cli.data.chains.record import read_records
from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Silent
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.load import load_text_scorer
from detox_cli.services.evaluation_output import markdown
from detox_cli.services.synth_chain.result import SynthChainResult
from detox_cli.services.synth_chain.run import run
from detox_cli.settings.synth_chain import SynthChainSettings
from detox_cli.statistics.bootstrap import mean_interval

PROMPTS, TOXIC_RATIO, TEST_SHARE = 1800, 0.6, 0.36
CONTINUATIONS, FILLS = 25, 8
JUDGE = "builtin:toxicity-multilingual"


def make_chains(
    data: Path,
    folder: Path,
    *,
    filler: str = "builtin:bart",
    detector: str = "attribution:builtin:toxicity",
    mode: str = "auto",
) -> SynthChainResult:
    """The six stages in ``folder``; what is there already is not made again."""
    settings = SynthChainSettings(
        model="builtin:lm",
        prompts=str(data / "rtp" / "prompts.jsonl"),
        output=folder,
        scorer="builtin:toxicity",
        similarity="builtin:similarity",
        detector=detector,
        filler=filler,
        fill_mode=mode,  # type: ignore[arg-type]
        max_samples=PROMPTS,
        toxic_ratio=TOXIC_RATIO,
        test_share=TEST_SHARE,
        num_samples=CONTINUATIONS,
        num_fills=FILLS,
        device="cpu",
    )
    return run(settings, Silent())


def by_another(folder: Path) -> str:
    """Means by a scorer that built nothing, with n and 95 % intervals over prompts, as a table."""
    records = read_records(str(folder / "chains.jsonl"), Rejects(strict=True))
    toxic = [one for one in records if one.toxic]
    answers = [(one.candidates or ())[one.pos].text for one in records if one.pos is not None]
    negatives = [(one.candidates or ())[one.neg[0]].text for one in records if one.neg]
    texts = {
        "toxic prompt": [one.text for one in toxic],
        "the same, filled": [str(one.safe_text) for one in toxic],
        "answer": answers,
        "most toxic negative": negatives,
    }
    scorer = load_text_scorer(JUDGE, device="cpu")
    lines = [f"| toxicity by {JUDGE} | mean | n |", "|---|--:|--:|"]
    for name, some in texts.items():
        figure = mean_interval(score_with_cache(scorer, [text for text in some if text.strip()], None))
        lines.append(f"| {name} | {figure} | {figure.n} |")
    return "\n".join(lines)


def main() -> None:
    """Make the chains and print what each stage did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("DETOX_DATA"))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--filler", default="builtin:bart")
    parser.add_argument("--detector", default="attribution:builtin:toxicity")
    parser.add_argument("--fill-mode", default="auto")
    given = parser.parse_args()
    torch.set_num_threads(1)
    made = make_chains(
        Path(given.data), given.output, filler=given.filler, detector=given.detector, mode=given.fill_mode
    )
    print(markdown(made.tables()))
    print(by_another(given.output))


if __name__ == "__main__":
    main()
