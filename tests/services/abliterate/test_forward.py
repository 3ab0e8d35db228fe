"""The forward check sees in every family what modules write along a direction, and that they no longer do."""

import numpy as np
import pytest

from detox_cli.models.anatomy.families import FAMILIES
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.directions import orthonormal
from detox_cli.models.interventions import intervening
from detox_cli.models.removal import Removal, remove_everywhere
from detox_cli.services.abliterate.verify.forward import STREAM, largest_shares, strengths
from tests.models.architectures import WIDTH, tiny_model

PROMPTS = [tuple(range(3, 19)), (5, 7), tuple(range(40, 24, -1))]
BASIS = orthonormal(np.random.default_rng(0).standard_normal((1, WIDTH)))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_modules_write_along_a_direction(family: str) -> None:
    model = tiny_model(family)
    anatomy = anatomy_of(model)
    removal = remove_everywhere(BASIS, len(anatomy.blocks))
    before = largest_shares(model, PROMPTS, removal)
    with intervening(model, anatomy, removal, "untie"):
        after = largest_shares(model, PROMPTS, removal)
    assert before.keys() == after.keys() == {STREAM, *strengths(anatomy, removal)}
    assert max(after.values()) < 1e-4 < 5e-4 < min(before.values())
    assert max(before.values()) > 0.05


def test_half_a_strength_is_half_seen() -> None:
    model = tiny_model("llama")
    full = np.ones(2)
    removal = Removal(BASIS[None], "zero", 0.0, full, 0.5 * full)
    found = strengths(anatomy_of(model), removal)
    before = largest_shares(model, PROMPTS, removal)
    with intervening(model, anatomy_of(model), removal):
        after = largest_shares(model, PROMPTS, removal)
    for path, (block, strength) in found.items():
        assert block in (0, 1) and (after[path] < 1e-4) == (strength == 1)
        assert after[path] <= before[path]
    assert sorted(strength for _, strength in found.values()) == [0.5, 0.5, 1.0, 1.0]
