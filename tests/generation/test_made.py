"""Long sequences that are small are those that they stand for."""

import pickle
import random
from functools import partial

import pytest

from detox_cli.generation.batching import common_prefix
from detox_cli.generation.encoding import Encoded
from detox_cli.generation.made import Made, packed


def test_packed_prompts_are_the_prompts():
    draw = random.Random(0)
    head = (70_000, 2, 3)
    some = [
        Encoded((*head[: draw.randrange(4)], *draw.choices(range(5), k=draw.randrange(4))))
        for _ in range(200)
    ]
    prompts = [*some, Encoded(head, ("\nUser:",)), Encoded(())]
    held = packed(iter(prompts))
    assert list(held) == prompts
    assert (held[-2], list(held[3:7])) == (prompts[-2], prompts[3:7])
    assert list(packed([])) == []


def test_what_is_made_on_demand_travels_and_ends():
    doubled = pickle.loads(pickle.dumps(Made(3, partial(int.__mul__, 2))))
    assert (list(doubled), len(doubled), doubled[1:]) == ([0, 2, 4], 3, [2, 4])
    with pytest.raises(IndexError):
        doubled[3]


def test_every_prompt_keeps_a_token_behind_the_common_prefix():
    draw = random.Random(1)
    for _ in range(300):
        prompts = [tuple(draw.choices(range(2), k=draw.randrange(5))) for _ in range(draw.randrange(1, 4))]
        shared = [
            n for n in range(5) if len({p[:n] for p in prompts}) == 1 and all(len(p) > n for p in prompts)
        ]
        assert common_prefix(prompts) == (max(shared, default=0) if len(prompts) > 1 else 0)
