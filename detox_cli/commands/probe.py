"""``detox probe``: look inside a model."""

from collections.abc import Sequence

from detox_cli.commands._lent import lent
from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.probe_activations import ProbeActivationsSettings
from detox_cli.settings.probe_diff import ProbeDiffSettings
from detox_cli.settings.probe_intervene import ProbeInterveneSettings
from detox_cli.settings.probe_predict_transfer import ProbePredictTransferSettings
from detox_cli.settings.probe_retrieval import ProbeRetrievalSettings
from detox_cli.settings.probe_train import ProbeTrainSettings
from detox_cli.settings.probe_vectors import ProbeVectorsSettings

MEASURED = (
    *("prompts", "limit", "languages", "language_id", "password", "num_samples", "protocol", "scorers"),
    *("seed", "revision", "device", "dtype", "trust_remote_code"),
)
"""Settings that `eval generation` has too; those that are given take the place of its profile's."""


@command(
    "probe.train",
    ProbeTrainSettings,
    examples=(
        "detox probe train builtin:lm --data comments.csv -o probe",
        "detox probe train org/model --data jigsaw.csv --test jigsaw_test.csv --layers 8,12,final -o probe",
        "detox probe train org/model --data RTP-LX.zip --languages en,de,fr -o probe",
        "detox probe train org/model --data jigsaw.csv --profile crosslingual-probe -o published",
    ),
    resumable=True,
)
def train(settings: ProbeTrainSettings, progress: Progress) -> Result:
    """Find where a model's hidden states tell toxic text apart: linear probes at every layer."""
    from detox_cli.services.probe_train.run import run

    return run(settings, progress)


@command(
    "probe.vectors",
    ProbeVectorsSettings,
    examples=(
        "detox probe vectors builtin:lm --probe probe -o vectors",
        "detox probe vectors org/model --probe probe --per-layer --top 10 --prompts rtp --limit 200",
        "detox probe vectors org/mGPT --probe english-probe.pt --neurons actual_sources_of_toxicity.pkl",
    ),
    resumable=True,
)
def vectors(settings: ProbeVectorsSettings, progress: Progress) -> Result:
    """List the value vectors that lie along a probe, how active they are, and what they say."""
    from detox_cli.services.probe_vectors.run import run

    return run(settings, progress)


@command(
    "probe.activations",
    ProbeActivationsSettings,
    examples=(
        "detox probe activations builtin:lm --probe probe -o activations",
        "detox probe activations builtin:lm --tuned tuned --probe probe --prompts rtp --limit 500",
        "detox probe activations org/model --tuned tuned --neurons vectors --prompts RTP-LX.zip --limit 100",
    ),
    resumable=True,
)
def activations(settings: ProbeActivationsSettings, progress: Progress) -> Result:
    """Count every neuron while a model writes, before and after tuning, per language."""
    from detox_cli.services.probe_activations.run import run

    return run(settings, progress)


@command(
    "probe.retrieval",
    ProbeRetrievalSettings,
    examples=(
        "detox probe retrieval org/model --data en-de.tsv --data en-fr.tsv -o retrieval",
        "detox probe retrieval org/model --data RTP-LX.zip --languages de,fr,hi -o retrieval",
        "detox probe retrieval org/model --data RTP-LX.zip --effect runs/base --effect runs/dpo -o retrieval",
    ),
    resumable=True,
)
def retrieval(settings: ProbeRetrievalSettings, progress: Progress) -> Result:
    """Find out at which layers a sentence lies nearest to its translation."""
    from detox_cli.services.probe_retrieval.run import run

    return run(settings, progress)


@command(
    "probe.predict_transfer",
    ProbePredictTransferSettings,
    examples=(
        "detox probe predict-transfer retrieval -o transfer",
        "detox probe predict-transfer new --known mgpt --known bloom --measure p1_centred -o transfer",
    ),
    resumable=True,
    needs_torch=False,
)
def predict_transfer(settings: ProbePredictTransferSettings, progress: Progress) -> Result:
    """Predict what a detoxification does in each language, from how well it is retrieved."""
    from detox_cli.services.probe_predict_transfer.run import run

    return run(settings, progress)


@command(
    "probe.diff",
    ProbeDiffSettings,
    examples=(
        "detox probe diff builtin:lm tuned --probe probe -o diff",
        "detox probe diff builtin:lm calm --probe probe --prompts prompts.jsonl --limit 200 -o diff",
        "detox probe diff org/model negated --probe probe --prompts RTP-LX.zip --limit 50 -o diff",
    ),
    resumable=True,
)
def diff(settings: ProbeDiffSettings, progress: Progress) -> Result:
    """Show what changed from one model to another: weights, residual stream and neurons."""
    from detox_cli.services.probe_diff.run import run

    return run(settings, progress)


@command(
    "probe.intervene",
    ProbeInterveneSettings,
    examples=(
        "detox probe intervene builtin:lm --neurons vectors --top 20 --op scale --dose 0.5,0,-1",
        "detox probe intervene builtin:lm --probe probe --op add --dose -1,-2,-4 --positions last",
        "detox probe intervene org/model --neurons vectors --op zero --bake detoxified -o intervention",
    ),
    resumable=True,
    with_profiles=True,
)
def intervene(settings: ProbeInterveneSettings, progress: Progress, profiles: Sequence[str]) -> Result:
    """Change value vectors or a direction by doses; measure toxicity and perplexity beside chance."""
    from detox_cli.services.probe_intervene.run import run
    from detox_cli.settings.eval_generation import EvalGenerationSettings
    from detox_cli.settings.resolve import resolve

    given = lent(settings, MEASURED, model=settings.model, output=settings.output, text=settings.text)
    measure = resolve("eval.generation", EvalGenerationSettings, given, profiles)
    return run(settings, measure, progress)
