"""The logit lens in `probe activations`: its figures are those of a plain loop, and chance stands beside."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from detox_cli.errors import BadData
from detox_cli.models.loading import load_causal
from detox_cli.models.sources import find_model
from detox_cli.services.probe_activations.lens import NEIGHBOURS, sets_by_chance
from detox_cli.services.probe_activations.run import run
from detox_cli.settings.probe_activations import ProbeActivationsSettings
from tests.services.probe.planted import plant

NEW = 4


def settings(planted, folder: Path, **more) -> ProbeActivationsSettings:
    given = {"model": str(planted.model), "prompts": str(planted.prompts), "output": folder / "out"}
    given |= {"max_new_tokens": NEW, "random": 30, "resamples": 200, "logit_lens": True}
    return ProbeActivationsSettings(**{**given, **more})


def single_tokens(tokenizer) -> list[str]:
    """Three words of the tiny vocabulary that are one token."""
    words = ("train", "page", "time", "weather", "answer", "read", "was", "on", "the")
    return [word for word in words if len(tokenizer(word, add_special_tokens=False).input_ids) == 1][:3]


def test_the_lens_shows_what_a_plain_loop_shows(tiny_gpt2: Path, tmp_path: Path) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    loaded = load_causal(find_model(str(planted.model)))
    words = single_tokens(loaded.tokenizer)
    (tmp_path / "words.txt").write_text("# mild\n" + "\n".join(words) + "\nno token at all\n")
    result = run(
        settings(planted, tmp_path, tuned=str(planted.tuned), lens_words=tmp_path / "words.txt")
    ).lens
    assert result is not None and [one.place for one in result.places] == ["embedding", "0", "1"]
    assert result.words == len(words) and result.of == len(words) + 1 <= result.tokens + 1

    ids = [one.id for one in result.trajectories[:: len(result.places)]]
    tuned = load_causal(find_model(str(planted.tuned))).model
    mass, change, rank, written = [], [], [], []
    for row in map(json.loads, planted.prompts.read_text().splitlines()):
        given = loaded.tokenizer(row["prompt"], return_tensors="pt")
        whole = loaded.model.generate(**given, max_new_tokens=NEW, do_sample=False)
        first = given["input_ids"].shape[1] - 1
        with torch.no_grad():
            chances, after = (m(whole).logits[0, first:-1].softmax(-1) for m in (loaded.model, tuned))
        mass += chances[:, ids].sum(-1).tolist()
        change += (after - chances)[:, ids].sum(-1).tolist()
        rank += (chances > chances[:, ids].amax(-1, keepdim=True)).sum(-1).add(1).log().tolist()
        written += chances.gather(1, whole[0, first + 1 :, None])[:, 0].log().tolist()
    last = result.places[-1]
    assert last.mass.mean == pytest.approx(np.mean(mass), rel=1e-4) and last.mass.n == 48
    assert last.change is not None and last.change.mean == pytest.approx(np.mean(change), abs=1e-6)
    assert last.rank.mean == pytest.approx(np.exp(np.mean(rank)), rel=1e-3)
    assert last.written is not None and last.written.mean == pytest.approx(np.exp(np.mean(written)), rel=1e-3)
    assert last.settled.mean == 1 and last.mass.low < last.mass.mean < last.mass.high
    at_end = [one.probability.mean for one in result.trajectories if one.place == "1"]
    assert sum(at_end) == pytest.approx(last.mass.mean) and at_end == sorted(at_end, reverse=True)
    assert all(one.by_chance is not None and one.by_chance.n == 30 for one in result.places)
    for name in ("lens", "trajectories"):
        assert {path.suffix for path in (tmp_path / "out").glob(f"{name}.*")} >= {".csv", ".json", ".svg"}


def test_sets_by_chance_are_as_likely_and_hold_none_of_the_chosen() -> None:
    likely = np.sort(np.random.default_rng(0).random(400))[::-1] ** 8
    chosen = [3, 4, 200, 399]
    sets = sets_by_chance(likely, chosen, 50, 0)
    assert sets.shape == (50, 4) and not np.isin(sets, chosen).any()
    assert all(len(set(row)) == 4 for row in sets.tolist())
    assert (np.abs(sets - np.array(chosen)) <= 2 * NEIGHBOURS).all()
    assert sets_by_chance(likely[:20], chosen, 50, 0).shape == (0, 4)


def test_a_list_without_a_token_and_one_without_the_lens_are_refused(tiny_gpt2: Path, tmp_path: Path) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    (tmp_path / "words.txt").write_text("no token at all\n")
    with pytest.raises(BadData, match="none of its 1 words is a single token"):
        run(settings(planted, tmp_path, lens_words=tmp_path / "words.txt"))
    with pytest.raises(ValueError, match="add --logit-lens"):
        settings(planted, tmp_path, logit_lens=False, lens_words=tmp_path / "words.txt")
