"""What a model predicts along given answers, with what all prompts have in common read only once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from detox_cli.generation.attention import SharedPrefix
from detox_cli.generation.behind_prefix import inputs_behind, prefix_worth_keeping
from detox_cli.generation.steppers import pad, read_prefix, takes
from detox_cli.scoring.batching import FILLED, PROCESSOR_TOKENS, token_batches
from detox_cli.scoring.losses import Done, Ids, say_nothing, tokens_at_once


class ForcedReader:
    """Reads prompts with given answers behind them (teacher forcing).

    An instruction or worked examples that all prompts start with are read once in every call of `read`, so
    that hooks which came or went between two calls are in effect on them too.

    Args:
        model: Loaded, in evaluation mode.
        prompts: All prompts that will be read.
        batch_tokens: Tokens in one batch, padding included; on a processor 1024 at most, which is faster.
    """

    def __init__(self, model: Any, prompts: Sequence[Ids], batch_tokens: int) -> None:
        on_processor = model.device.type == "cpu"
        self.model = model
        self.filled = FILLED if on_processor else 0.0
        self.budget = tokens_at_once(
            model, min(batch_tokens, PROCESSOR_TOKENS) if on_processor else batch_tokens
        )
        self.prefix = prefix_worth_keeping(model, prompts)
        self._states: SharedPrefix | None = None
        self._keep = False

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """While open, no hooks come or go, so that what all prompts start with is read once for all calls."""
        self._keep = True
        try:
            yield
        finally:
            self._keep, self._states = False, None

    @torch.inference_mode()
    def read(self, prompts: Sequence[Ids], answers: Sequence[Ids], done: Done = say_nothing) -> list[Tensor]:
        """ln p of every word of the vocabulary at every position of the answers.

        Args:
            prompts: Token ids, n of them.
            answers: Token ids of each answer, at least one each; its last token is predicted, not read.
            done: Told how many more prompts are done.

        Returns:
            n tensors [answer, vocabulary], float32, on the CPU: 4 bytes a word and position.
        """
        cut = len(self.prefix)
        states = self._common() if cut and prompts else None
        rows = [(*prompt[cut:], *answer[:-1]) for prompt, answer in zip(prompts, answers, strict=True)]
        starts = [len(prompt) - cut - 1 for prompt in prompts]
        found: list[Tensor] = [torch.empty(0)] * len(rows)
        for batch in token_batches([len(row) for row in rows], self.budget, self.filled):
            first = min(starts[i] for i in batch)
            logits = self._logits([rows[i] for i in batch], states, first)
            for i, row in zip(batch, logits, strict=True):
                found[i] = row[starts[i] - first : len(rows[i]) - first].float().log_softmax(-1).cpu()
            done(len(batch))
        return found

    def _common(self) -> SharedPrefix:
        states = self._states or read_prefix(self.model, self.prefix)
        self._states = states if self._keep else None
        return states

    def _logits(self, rows: Sequence[Ids], states: SharedPrefix | None, first: int) -> Tensor:
        """From the first place on that is asked for, ``[rows, longest - first, vocabulary]``."""
        ids, mask = pad(rows, left=False, device=self.model.device)
        inputs = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        if states is not None:
            inputs = inputs_behind(self.model, states, ids, mask)
        wanted = ids.shape[1] - first
        if takes(self.model, "logits_to_keep"):
            inputs["logits_to_keep"] = wanted
        logits: Tensor = self.model(**inputs).logits[:, -wanted:]
        return logits
