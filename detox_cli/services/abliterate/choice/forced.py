"""What a model predicts along given answers, with what all prompts have in common read only once."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from detox_cli.generation.attention import SharedPrefix
from detox_cli.generation.behind_prefix import inputs_behind, prefix_worth_keeping
from detox_cli.generation.steppers import pad, read_prefix, takes
from detox_cli.scoring.batching import token_batches
from detox_cli.scoring.divergence import answer_log_probabilities
from detox_cli.scoring.losses import tokens_at_once

Ids = Sequence[int]
FILLED = 0.75
"""On a processor padding costs as much as tokens do: rows of a batch are at least so long as this share."""


class ForcedReader:
    """Reads prompts with given answers behind them (teacher forcing).

    An instruction or worked examples that all prompts start with are read once in every call of `read`, so
    that hooks which came or went between two calls are in effect on them too.

    Args:
        model: Loaded, in evaluation mode.
        prompts: All prompts that will be read.
        batch_tokens: Tokens in one batch, padding included.
    """

    def __init__(self, model: Any, prompts: Sequence[Ids], batch_tokens: int) -> None:
        self.model, self.batch_tokens = model, batch_tokens
        self.prefix = prefix_worth_keeping(model, prompts)

    @torch.inference_mode()
    def read(self, prompts: Sequence[Ids], answers: Sequence[Ids]) -> list[Tensor]:
        """ln p at every position of every answer, as `answer_log_probabilities` gives it."""
        if not self.prefix or not prompts:
            return answer_log_probabilities(self.model, prompts, answers, self.batch_tokens)
        cut, states = len(self.prefix), read_prefix(self.model, self.prefix)
        own = [(*prompt[cut:], *answer[:-1]) for prompt, answer in zip(prompts, answers, strict=True)]
        starts = [len(prompt) - cut - 1 for prompt in prompts]
        found: list[Tensor] = [torch.empty(0)] * len(own)
        budget = tokens_at_once(self.model, self.batch_tokens)
        filled = FILLED if self.model.device.type == "cpu" else 0.0
        for batch in token_batches([len(row) for row in own], budget, filled):
            first = min(starts[i] for i in batch)
            logits = self._logits([own[i] for i in batch], states, first)
            for i, row in zip(batch, logits, strict=True):
                found[i] = row[starts[i] - first : len(own[i]) - first].float().log_softmax(-1).cpu()
        return found

    def _logits(self, rows: Sequence[Ids], states: SharedPrefix, first: int) -> Tensor:
        """From the first place on that is asked for, ``[rows, longest - first, vocabulary]``."""
        ids, mask = pad(rows, left=False, device=self.model.device)
        inputs = inputs_behind(self.model, states, ids, mask)
        wanted = ids.shape[1] - first
        if takes(self.model, "logits_to_keep"):
            inputs["logits_to_keep"] = wanted
        logits: Tensor = self.model(**inputs).logits[:, -wanted:]
        return logits
