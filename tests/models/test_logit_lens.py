"""The lens at the last block is the model itself, whatever its norm, head and scale; nothing stays behind."""

import pytest
import torch

from detox_cli.errors import BadData
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.hooks import on_block_outputs
from detox_cli.models.lens.lens import LogitLens
from tests.models.architectures import tiny_model
from tests.models.test_neurons import FAMILIES, logits, state_of


@pytest.mark.parametrize("family", FAMILIES)
def test_the_stream_after_the_last_block_gives_the_logits_of_the_model(family: str) -> None:
    model = tiny_model(family)
    before, plainly, streams = state_of(model), logits(model), {}
    lens = LogitLens(model, anatomy_of(model))
    with on_block_outputs(model, lens.anatomy, lambda layer, x: streams.__setitem__(layer, x.clone())):
        logits(model)
    shown = [lens.logits(stream.reshape(-1, lens.anatomy.width)) for stream in streams.values()]
    own = plainly.reshape(-1, plainly.shape[-1])
    assert torch.allclose(shown[-1], own, atol=1e-5)
    assert not torch.allclose(shown[0], own, atol=1e-2)
    assert state_of(model) == before and torch.equal(logits(model), plainly)


def test_a_head_that_cannot_be_reproduced_is_refused() -> None:
    model = tiny_model("gpt2")

    def by_token(_model, _args, given, output) -> None:
        output.logits = output.logits + given["input_ids"][..., None]

    model.register_forward_hook(by_token, with_kwargs=True)
    with pytest.raises(BadData, match="is not what this gpt2 predicts"):
        LogitLens(model, anatomy_of(model))
