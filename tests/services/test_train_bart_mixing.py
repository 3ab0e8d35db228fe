"""``train bart`` on several files: nothing leaks, nothing counts twice, weights are passes."""

import json
import string
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Silent
from detox_cli.services.train_bart.data import Data, read_data
from detox_cli.services.train_bart.mixing import Mixture
from detox_cli.services.train_bart.rows import (
    Example,
    hold_out,
    source_key,
    without_repeats,
)
from detox_cli.settings.train import BartSettings

words = st.text(alphabet=string.ascii_letters + " .,!'", min_size=1, max_size=6)
files_of_pairs = st.lists(st.lists(st.tuples(words, words), min_size=1, max_size=12), min_size=1, max_size=4)


@given(files_of_pairs, st.floats(0.05, 0.6), st.integers(0, 5))
def test_a_source_is_on_one_side_whatever_file_it_stands_in(files, share, seed):
    examples = [
        Example(toxic, neutral, number) for number, file in enumerate(files) for toxic, neutral in file
    ]
    restyled = [Example(e.toxic.swapcase().replace(" ", "  "), e.neutral, len(files)) for e in examples]
    if len({e.source for e in examples}) < 2:
        return
    try:
        split = hold_out([*examples, *restyled], share, "sources", seed)
    except BadData:  # of few sources all can fall on the side that is held out
        return
    trained, held = ({source_key(e.toxic) for e in side} for side in (split.training, split.held_out))
    assert not trained & held and split.leaked == 0 and held
    assert len(split.training) + len(split.held_out) == 2 * len(examples)


@given(files_of_pairs, st.randoms(use_true_random=False))
def test_of_equal_pairs_in_several_files_the_first_in_precedence_stays(files, random):
    examples = [[Example(t, n, number) for t, n in file] for number, file in enumerate(files)]
    precedence = list(range(len(files)))
    random.shuffle(precedence)
    kept, lost = without_repeats(examples, precedence)
    key = lambda e: (e.source, source_key(e.neutral))  # noqa: E731
    assert {key(e) for file in kept for e in file} == {key(e) for file in examples for e in file}
    assert kept[precedence[0]] == examples[precedence[0]]
    owners = [{key(e) for e in file} for file in kept]
    assert sum(map(len, owners)) == len(set().union(*owners)), "no pair is in two files any more"
    assert lost == [len(before) - len(after) for before, after in zip(examples, kept, strict=True)]


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.sampled_from([0.2, 0.5, 1.0, 1.5, 3.0])), min_size=1, max_size=4
    ),
    st.integers(0, 3),
)
def test_weights_are_passes_in_the_long_run_and_epochs_are_equally_long(files, seed):
    numbers = [number for number, (rows, _) in enumerate(files) for _ in range(rows)]
    mixture = Mixture(numbers, [weight for _, weight in files], seed)
    epochs = [mixture.rows_of(epoch) for epoch in range(20)]
    assert {len(rows) for rows in epochs} == {len(mixture)}
    seen = Counter(row for rows in epochs for row in rows)
    for number, (rows, weight) in enumerate(files):
        times = [seen[row] for row, file in enumerate(numbers) if file == number]
        assert max(times) - min(times) <= 1, "a pass is used up before the next begins"
        assert sum(times) == 20 * max(1, round(weight * rows))


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def human(tmp_path: Path) -> str:
    rows = [{"toxic": f"what a silly idea {i} !", "neutral": f"I disagree with idea {i}."} for i in range(40)]
    return write(tmp_path / "human.jsonl", rows)


@pytest.fixture
def synthetic(tmp_path: Path) -> str:
    """Half of the sources are in the human file too, re-cased; a quarter of the rewrites as well."""
    rows = []
    for i in range(20, 60):
        neutral = f"i disagree with idea {i}" if i < 30 else f"Idea {i} is not the best."
        rows.append({"toxic": f"What a silly idea {i}!", "neutral": neutral, "model": "some/model"})
    return write(tmp_path / "synthetic.jsonl", rows)


def data(tmp_path: Path, *files: str, **changes: object) -> Data:
    return read_data(BartSettings(pairs=files, output=tmp_path / "rewriter", **changes), Silent())


def test_human_and_synthetic_pairs_mix_without_a_leak(tmp_path, human, synthetic):
    test = write(tmp_path / "test.jsonl", [{"toxic": f"WHAT A SILLY IDEA {i}"} for i in range(5)])
    mixed = data(tmp_path, synthetic, human, held_out=(test,), origin=("synthetic", "human"), eval_share=0.3)
    made, written = mixed.files
    assert (made.origin, made.pairs, made.elsewhere, made.listed) == ("synthetic", 40, 10, 0)
    assert (written.pairs, written.elsewhere, written.listed) == (40, 0, 5), "what people wrote counts first"
    assert mixed.split.leaked == 0 and {e.file for e in mixed.split.held_out} == {0, 1}
    assert mixed.counts["trained on"] + mixed.counts["held out"] == 65
    between, _, listed, own, left = mixed.leaks
    assert (between.equal, between.nearly_equal, between.first_sources) == (0, 20, 40)
    assert (listed.first, listed.nearly_equal, listed.share) == ("human.jsonl", 5, 1.0)
    assert own.share == 0 == left.share and left.second == "test.jsonl"


def test_holding_out_rows_states_the_share_that_leaks(tmp_path, human, synthetic):
    leaking = data(tmp_path, human, synthetic, hold_out="rows", eval_share=0.5, dedupe=False)
    own = leaking.leaks[-1]
    assert own.share == leaking.split.leaked / leaking.split.held_out_sources > 0
    assert "measured with" in own.treated
    assert leaking.files[1].origin == "synthetic", "its rows name the model that wrote them"


def test_each_file_has_columns_of_its_own(tmp_path, human):
    rows = [{"en_toxic_comment": f"silly {i}", "generated_neutral_sentence": f"not so {i}"} for i in range(9)]
    machine = write(tmp_path / "machine.jsonl", rows)
    wanted = ("generated_neutral_sentence",)
    mixed = data(tmp_path, human, machine, neutral_columns=wanted, eval_share=0)
    assert [(f.pairs, f.origin) for f in mixed.files] == [(40, "not stated"), (9, "synthetic")]
    with pytest.raises(BadData, match="no file has a column 'neutrl'"):
        data(tmp_path, human, machine, neutral_columns=("neutrl", *wanted))


def test_a_template_frames_every_source_with_its_own_columns(tmp_path):
    rows = [{"toxic": f"bad {i}", "neutral": f"good {i}", "lang": "en" if i else ""} for i in range(9)]
    file = write(tmp_path / "pairs.jsonl", rows)
    framed = data(tmp_path, file, template="Detoxify text for {lang}: {text}", eval_share=0)
    assert framed.split.training[0].text == "Detoxify text for en: bad 1"
    assert framed.counts["unusable"] == 1, "a row without a language"
    with pytest.raises(BadSettings, match="once"):
        data(tmp_path, file, template="Detoxify:")
    with pytest.raises(BadSettings, match="names of columns"):
        data(tmp_path, file, template="{text} {lang.upper}")
    with pytest.raises(BadData) as caught:
        data(tmp_path, file, template="{text} in {language}")
    assert "columns are toxic, neutral, lang" in str(caught.value.hint)
    with pytest.raises(BadSettings, match="exclude"):
        data(tmp_path, file, template="{text}", prefix="detoxify: ")


def test_what_is_given_per_file_is_given_for_all_of_them(tmp_path, human, synthetic):
    with pytest.raises(BadSettings, match="1 given for 2 files"):
        data(tmp_path, human, synthetic, weight=(2,))
    with pytest.raises(BadSettings, match="given twice"):
        data(tmp_path, human, human)
