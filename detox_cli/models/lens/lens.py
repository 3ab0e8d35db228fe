"""The logit lens: what a model would predict if its blocks ended early (nostalgebraist, 2020)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from detox_cli.errors import BadData
from detox_cli.models.activations.collect import trunk_of
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.hooks import on_block_outputs
from detox_cli.models.neurons.final_norm import final_norm
from detox_cli.models.neurons.values import plain

LIMITS = {torch.float32: 1e-4, torch.float64: 1e-4}
COARSE_LIMIT = 0.1
TOKENS = 8


class LogitLens:
    """Reads the residual stream as if the last block had written it.

    The stream goes through the final norm itself, not through its gain alone, and then through all that the
    model does after its trunk: a head of its own or tied to the embedding, with a bias or without, scaled
    logits (Cohere, Granite), capped ones (Gemma 2). The model's own forward does that, without its trunk.

    Args:
        model: A loaded causal language model, in evaluation mode.
        anatomy: Its anatomy.

    Raises:
        BadData: The stream after the last block does not give the model's own logits, so that the lens would
            show something else than what the model predicts.
    """

    def __init__(self, model: Any, anatomy: Anatomy) -> None:
        self.model, self.anatomy = plain(model), anatomy
        self.trunk, self.norm = trunk_of(self.model, anatomy), final_norm(self.model, anatomy)
        if not (gap := self.gap()) <= LIMITS.get(self._table.dtype, COARSE_LIMIT):
            raise BadData(
                f"the stream after its last block, through final norm and head, is not what this "
                f"{anatomy.family} predicts, by {gap:.2g} of it",
                hint="leave out --logit-lens",
            )

    @property
    def _table(self) -> Tensor:
        table: Tensor = self.model.get_input_embeddings().weight
        return table

    @torch.no_grad()
    def logits(self, stream: Tensor) -> Tensor:
        """The logits at tokens whose stream is ``[k, d]``: float32, ``[k, words]``."""
        states = self.norm(stream[None])
        ids = torch.zeros(1, len(stream), dtype=torch.int64, device=self._table.device)
        with _instead(self.trunk, states):
            found: Tensor = self.model(input_ids=ids, use_cache=False).logits
        return found[0].float()

    @torch.no_grad()
    def gap(self, seed: int = 0) -> float:
        """How far what it shows after the last block is from the model's logits, of their length."""
        generator = torch.Generator().manual_seed(seed)
        words = self.model.config.get_text_config().vocab_size
        ids = torch.randint(words, (1, TOKENS), generator=generator).to(self._table.device)
        last: dict[int, Tensor] = {}
        with on_block_outputs(self.model, self.anatomy, lambda layer, x: last.__setitem__(layer, x.clone())):
            own = self.model(input_ids=ids, use_cache=False).logits[0].float()
        stream = last[max(last)].reshape(TOKENS, -1)
        return float((self.logits(stream) - own).norm() / own.norm())


class _Ended:
    """What a trunk gives out, with no more in it than the states that the head reads."""

    def __init__(self, states: Tensor) -> None:
        self.last_hidden_state = states

    def __getitem__(self, place: Any) -> Any:
        return (self.last_hidden_state,)[place]

    def __getattr__(self, name: str) -> None:
        return None


@contextmanager
def _instead(trunk: Any, states: Tensor) -> Iterator[None]:
    """Let a trunk give out ``states`` without a look at its inputs; afterwards it is as it was."""
    own = trunk.__dict__.get("forward")
    trunk.forward = lambda *_args, **_inputs: _Ended(states)
    try:
        yield
    finally:
        if own is None:
            del trunk.forward
        else:
            trunk.forward = own
