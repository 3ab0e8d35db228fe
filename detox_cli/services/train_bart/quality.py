"""How good a rewriter is while it learns: STA, SIM, FL and J of what it writes for held-out sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from detox_cli.models.rewriting import Rewriting
from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.load import load_pair_scorer, load_text_scorer
from detox_cli.scoring.protocol import PairScorer, TextScorer
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.panel import Panel
from detox_cli.scoring.suites.suite import measure_outputs
from detox_cli.services.train_bart.rows import Source
from detox_cli.services.training.lengths import pad
from detox_cli.settings.train import BartSettings
from detox_cli.statistics.bootstrap import Estimate, mean_interval


@dataclass(frozen=True)
class Judges:
    """The scorers of the three parts of J."""

    toxicity: TextScorer
    similarity: PairScorer
    fluency: TextScorer

    @property
    def identities(self) -> dict[str, str]:
        """The identity of each scorer, by what it measures."""
        return {
            "STA": self.toxicity.identity,
            "SIM": self.similarity.identity,
            "FL": self.fluency.identity,
        }


def load_judges(settings: BartSettings) -> Judges:
    """The scorers of J that the settings name."""
    device = settings.device
    return Judges(
        load_text_scorer(settings.toxicity, device=device),
        load_pair_scorer(settings.similarity, device=device),
        load_text_scorer(settings.fluency, device=device),
    )


def rewrite(
    model: Any, tokenizer: Any, texts: Sequence[str], max_length: int, batch_size: int = 64
) -> list[str]:
    """What ``model`` writes for each text by its own generation config, in order, white space made single."""
    ids = [tokenizer(text, truncation=True, max_length=max_length)["input_ids"] for text in texts]
    order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
    written = [""] * len(texts)
    was_training = model.training
    model.eval()
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        lengths = torch.tensor([len(ids[i]) for i in chosen])
        inputs = pad([ids[i] for i in chosen], tokenizer.pad_token_id)
        mask = (torch.arange(inputs.shape[1]) < lengths[:, None]).long()
        with torch.inference_mode():
            out = model.generate(input_ids=inputs.to(model.device), attention_mask=mask.to(model.device))
        for i, text in zip(chosen, tokenizer.batch_decode(out, skip_special_tokens=True), strict=True):
            written[i] = " ".join(text.split())
    model.train(was_training)
    return written


def judge(
    sources: Sequence[Source],
    outputs: Sequence[str],
    judges: Judges | None,
    habits: Rewriting | None = None,
) -> dict[str, Estimate]:
    """Means with intervals over ``sources``: STA, SIM, FL, J (mean of products) if judged; chrF; copies.

    STA, SIM, FL and J are those of the suite ``detox``: what ``eval rewrite`` prints. An empty output counts
    as 0 everywhere, and so does one that declines to rewrite, whose share is given if ``habits`` say that the
    model learnt to. chrF is against the best reference, 0 to 1.
    """
    columns: dict[str, Any] = {}
    declined = [habits is not None and habits.declines(output) for output in outputs]
    outputs = ["" if no else output for output, no in zip(outputs, declined, strict=True)]
    if judges is not None:
        panel = Panel(judges.toxicity, judges.similarity, judges.fluency)
        parts = measure_outputs(DETOX, panel, [source.toxic for source in sources], outputs)
        columns = {"STA": parts.sta, "SIM": parts.sim, "FL": parts.fl, "J": parts.joint}
    columns["chrF"] = [
        float(sentence_chrf([output] * len(source.references), source.references).max()) / 100
        for source, output in zip(sources, outputs, strict=True)
    ]
    columns["copies"] = [float(o.split() == s.toxic.split()) for s, o in zip(sources, outputs, strict=True)]
    if habits is not None and habits.abstain_text is not None:
        columns["declined"] = [float(no) for no in declined]
    return {name: mean_interval(values) for name, values in columns.items()}
