"""``detox train spans``: train a detector of toxic spans on texts in which people have marked them.

Token classification on marked characters, or the Segment-CNN of CMD (Tang et al., EMNLP 2024); the checkpoint
and the threshold are chosen by the character F1 of SemEval-2021 task 5, and other texts measure the result.
"""

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress
from detox_cli.scoring.spans.load import find_span_detector
from detox_cli.services.train_spans.data import read_posts
from detox_cli.services.train_spans.result import SpansResult
from detox_cli.services.train_spans.seeds import SPANS_SEEDS, SpansSeedsResult
from detox_cli.services.training.processes import world_size
from detox_cli.services.training.seeds import check_seeds, train_each_seed
from detox_cli.services.training.starting import check_trainer, listener_of_first
from detox_cli.settings.train_spans import SpansSettings


def run(settings: SpansSettings, progress: Progress | None = None) -> SpansResult | SpansSeedsResult:
    """Train once, or once for each seed, and write the detectors to ``settings.output``.

    Under ``accelerate launch`` or ``torchrun`` all processes train and the first one alone speaks and writes.

    Raises:
        BadSettings: Settings contradict each other, or the output is taken.
        BadData: The texts cannot be used.
        Missing: The model, a baseline or a tracker is not there.
    """
    check(settings)
    progress = listener_of_first(settings.device, progress)
    return train_each_seed(SPANS_SEEDS, settings, read_posts(settings, progress), progress)


def check(settings: SpansSettings) -> None:
    """Raise ``BadSettings`` if settings contradict each other, ``Missing`` if what they name is not there."""
    check_trainer(settings)
    check_seeds(settings.seeds)
    for name in settings.baseline:
        find_span_detector(name)
    if settings.eval_share == 0 and (settings.select != "last" or settings.threshold is None):
        hint = "hold some out, or give --select last --threshold 0.5"
        raise BadSettings("no texts are held out that could choose", where="--eval-share", hint=hint)
    if settings.head == "tokens":
        for name in ("window", "convolution", "reading"):
            if getattr(settings, name) != type(settings).model_fields[name].default:
                hint = "add --head segment-cnn"
                raise BadSettings("is of --head segment-cnn", where=f"--{name}", hint=hint)
    if "-" in (*settings.data, *settings.test) and world_size() > 1:
        hint = "write the texts to a file first"
        raise BadSettings("several processes cannot all read stdin", where="--data -", hint=hint)
