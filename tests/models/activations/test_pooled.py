"""Pooled states are those of each text alone, at every place, whatever stands in its batch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.activations.pooled import Place, places_named, places_of, pooled_states
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.loading import load_causal
from detox_cli.models.sources import find_model

ROWS = [[5, 6, 7, 8, 9, 10], [11], [12, 13, 14]]


@pytest.mark.parametrize("family", ["tiny_causal", "tiny_gpt2"])
def test_every_place_is_what_transformers_gives(family: str, request: pytest.FixtureRequest) -> None:
    model = load_causal(find_model(str(request.getfixturevalue(family))), "cpu").model
    anatomy = anatomy_of(model)
    places = places_of(len(anatomy.blocks))
    for pooling in ("mean", "last", "max"):
        (found,) = pooled_states(model, anatomy, ROWS, [[0, 1, 2]], places, pooling)
        for number, ids in enumerate(ROWS):
            with torch.no_grad():
                states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
            for place, vector in zip(places, found[:, number], strict=True):
                if place.after_norm or place.layer < len(anatomy.blocks) - 1:
                    one = states[-1 if place.after_norm else place.layer + 1][0].numpy()
                    wanted = {"mean": one.mean(0), "last": one[-1], "max": one.max(0)}[pooling]
                    np.testing.assert_allclose(vector, wanted, atol=1e-5)


def test_hooks_are_gone_and_numbers_that_are_not_finite_are_named(tiny_causal: Path) -> None:
    model = load_causal(find_model(str(tiny_causal)), "cpu").model
    anatomy = anatomy_of(model)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight.fill_(torch.inf)
    with pytest.raises(BadData, match=r"text 0: the residual stream after layer 1"):
        list(pooled_states(model, anatomy, ROWS, [[0]], places_of(2), "mean", lambda i: f"text {i}"))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_places_are_named_as_users_write_them() -> None:
    assert places_named(("final", "embedding", "1"), 2) == [Place(-1), Place(1), Place(1, after_norm=True)]
    assert len(places_named(("all",), 2)) == 4
    with pytest.raises(BadSettings, match="no place '2'"):
        places_named(("2",), 2)
