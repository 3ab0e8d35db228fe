import numpy as np
import pytest

from detox_cli.errors import BadSettings, Missing
from detox_cli.scoring.suites import SUITES
from detox_cli.scoring.suites.detox import COSINE_POWER, LENGTH_POWER, less_toxic
from detox_cli.scoring.suites.load import load_panel
from detox_cli.scoring.suites.panel import FluencyOfTriples, Panel
from detox_cli.scoring.suites.suite import measure_outputs


class Words:
    """A scorer that knows its scores, and what it was asked."""

    def __init__(self, scores, meaning="neutral"):
        self.scores, self.meaning, self.asked = scores, meaning, []
        self.identity = f"words {meaning}"

    def score(self, items):
        self.asked += items
        return [self.scores[item] for item in items]

    def too_long(self, items):
        return 0


NEUTRAL = {"bad": 0.1, "good": 0.9, "fair": 0.6, "best": 0.95}
SAME = {(a, b): 0.5 + 0.5 * (a == b) for a in NEUTRAL for b in NEUTRAL}
FLUENT = {"bad": 0.8, "good": 1.0, "fair": 0.5, "best": 0.9}


def panel(**changes):
    parts = {"sta": Words(NEUTRAL), "sim": Words(SAME), "fl": Words(FLUENT, "acceptable")}
    return Panel(**(parts | changes))


def test_a_suite_measures_each_output_against_its_own_source():
    parts = measure_outputs(SUITES["detox"], panel(), ["bad", "bad"], ["good", "bad"])
    assert parts.sta == pytest.approx([0.81 / (0.81 + 0.01), 0.5])
    assert parts.sim == pytest.approx([0.5**COSINE_POWER * 0.75**LENGTH_POWER, 1.0])
    assert parts.fl.tolist() == [1.0, 1.0]
    assert parts.joint[1] == pytest.approx(0.5), "a copy is as toxic as its source, and else as good"


def test_a_scorer_of_the_opposite_class_is_turned_round():
    toxic = Words({text: 1 - score for text, score in NEUTRAL.items()}, "toxic")
    broken = Words({text: 1 - score for text, score in FLUENT.items()}, "unacceptable")
    texts = (["bad"] * 4, list(NEUTRAL))
    turned = measure_outputs(SUITES["detox"], panel(sta=toxic, fl=broken), *texts)
    assert turned.joint == pytest.approx(measure_outputs(SUITES["detox"], panel(), *texts).joint)


@pytest.mark.parametrize("change", [{"sta": Words(NEUTRAL, "LABEL_1")}, {"fl": Words(FLUENT, "LABEL_0")}])
def test_a_class_that_says_neither_is_refused(change):
    with pytest.raises(BadSettings, match=r"cannot tell whether class 'LABEL_.' means"):
        panel(**change).check()


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_empty_output_scores_nothing_and_no_model_sees_it(empty):
    scorers = panel()
    parts = measure_outputs(SUITES["detox"], scorers, ["bad", "bad"], [empty, "good"])
    assert [parts.sta[0], parts.sim[0], parts.fl[0], parts.joint[0]] == [0, 0, 0, 0]
    alone = measure_outputs(SUITES["detox"], scorers, ["bad"], ["good"])
    assert parts.joint[1] == alone.joint[0] > 0
    assert empty not in scorers.sta.asked
    nothing = measure_outputs(SUITES["detox"], scorers, ["bad"], [empty])
    assert nothing.joint.tolist() == [0]


def test_of_several_references_the_best_counts():
    suite, references = SUITES["clef2024"], [["something else", "good"], ["good", "elsewhere"]]
    parts = measure_outputs(suite, panel(fl=None), ["bad", "bad"], ["good", "fair"], references)
    assert parts.fl[0] == pytest.approx(1.0)
    alone = measure_outputs(suite, panel(fl=None), ["bad"], ["fair"], [["elsewhere"]])
    assert parts.fl[1] >= alone.fl[0]


def test_clef2025_asks_for_sources_references_and_triples():
    triples = Words({("bad", "fair", "good"): 0.7, ("bad", "good", "good"): 0.9})
    scorers = panel(fl=FluencyOfTriples(triples))
    parts = measure_outputs(SUITES["clef2025"], scorers, ["bad"] * 2, ["fair", "good"], [["good"], ["good"]])
    assert parts.sta == pytest.approx([0.8, 1.0])
    assert parts.sim == pytest.approx([0.4 * 0.5 + 0.6 * 0.5, 0.4 * 0.5 + 0.6])
    assert parts.fl.tolist() == [0.7, 0.9]
    assert scorers.identities["FL"] == triples.identity


def test_a_suite_without_its_references_is_a_programming_error():
    with pytest.raises(ValueError, match="needs a reference for every output"):
        measure_outputs(SUITES["clef2024"], panel(fl=None), ["bad", "bad"], ["good", "fair"], [["good"], []])


def test_components_do_not_depend_on_the_other_rows():
    rng = np.random.default_rng(0)
    sources, outputs = rng.choice(list(NEUTRAL), 50).tolist(), rng.choice([*NEUTRAL, ""], 50).tolist()
    together = measure_outputs(SUITES["detox"], panel(), sources, outputs)
    for i in range(0, 50, 7):
        alone = measure_outputs(SUITES["detox"], panel(), sources[i : i + 1], outputs[i : i + 1])
        assert alone.joint[0] == together.joint[i]


def test_real_models_take_the_published_places(toxic_model, encoder, nameless_model):
    instead = {
        "sta": f"hf:{toxic_model}#toxic",
        "sim": f"hf:{encoder}",
        "fl": f"hf:{nameless_model}#acceptable=LABEL_0",
    }
    loaded = load_panel(SUITES["detox"], instead)
    parts = measure_outputs(SUITES["detox"], loaded, ["this idea is dumb"], ["this idea could be better"])
    before, after = loaded.neutral(["this idea is dumb", "this idea could be better"])
    assert parts.sta == pytest.approx(less_toxic(np.array([before]), np.array([after])))
    assert 0 < parts.joint[0] < 1
    assert set(loaded.identities) == {"STA", "SIM", "FL"}


def test_a_suite_whose_model_is_not_there_says_which_and_what_to_do(toxic_model, encoder, tmp_path):
    instead = {"sta": f"hf:{tmp_path}/nothing#toxic", "sim": f"hf:{encoder}", "fl": None}
    with pytest.raises(Missing) as caught:
        load_panel(SUITES["pseudoparadetox"], instead)
    assert "suite pseudoparadetox measures STA with" in str(caught.value)
    assert "--profile offline" in caught.value.hint and "local folder" in caught.value.hint


def test_a_measure_without_a_published_checkpoint_has_to_be_named(toxic_model):
    instead = {"sta": f"hf:{toxic_model}#toxic", "sim": None, "fl": f"hf:{toxic_model}#toxic"}
    with pytest.raises(Missing, match="paradetox2022, SIM: the published scorer, Wieting"):
        load_panel(SUITES["paradetox2022"], instead)


def test_comet_says_how_to_get_it(toxic_model, encoder):
    instead = {"sta": f"hf:{toxic_model}#toxic", "sim": f"hf:{encoder}", "fl": None}
    with pytest.raises(Missing, match="unbabel-comet"):
        load_panel(SUITES["clef2025"], instead)


def test_the_label_of_another_quality_is_refused_with_the_flag(toxic_model, encoder):
    instead = {"sta": f"hf:{toxic_model}#insult", "sim": f"hf:{encoder}", "fl": f"hf:{toxic_model}#toxic"}
    with pytest.raises(BadSettings, match=r"--sta hf:.*no class 'insult'"):
        load_panel(SUITES["detox"], instead)
