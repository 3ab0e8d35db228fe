"""Chains of `builtin:lm` from real prompts, for `benchmarks/cmd.py` to train on.

    python -m benchmarks.chain_data --data $DETOX_DATA -o FOLDER [--filler F] [--fill-mode M] [--detector D]

Reads RealToxicityPrompts (the side for development). More than a third of the prompts is put aside in
FOLDER/test.jsonl, at least 500 toxic and 500 others, to measure what is learnt from the rest. All models are
the bundled ones, unless named; `builtin:toxicity` builds, so another scorer has to judge.
"""

import argparse
import os
from pathlib import Path

import torch

from detox_cli.output.progress import Silent
from detox_cli.services.evaluation_output import markdown
from detox_cli.services.synth_chain.result import SynthChainResult
from detox_cli.services.synth_chain.run import run
from detox_cli.settings.synth_chain import SynthChainSettings

PROMPTS, TOXIC_RATIO, TEST_SHARE = 1800, 0.6, 0.36
CONTINUATIONS, FILLS = 25, 8


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


if __name__ == "__main__":
    main()
