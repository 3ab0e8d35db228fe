"""Each suite's arithmetic against numbers that were published or measured on the originals."""

import numpy as np
import pytest
from sacrebleu.metrics import CHRF

from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.suites import SUITES, clef2024, clef2025, detox, paradetox2022, pseudoparadetox
from detox_cli.statistics.bootstrap import mean_interval, product_of_means_interval

MANUAL = [  # PseudoParaDetox, manual evaluation: STA, SIM, FL, J
    (0.900, 0.880, 0.835, 0.661),  # ParaDetox
    (0.970, 0.600, 0.750, 0.437),  # Llama-3-8B, 0 shots
    (0.930, 0.810, 0.835, 0.629),  # Llama-3-8B, 10 shots
    (0.980, 0.720, 0.790, 0.557),  # Llama-3-8B patched, 0 shots
    (0.940, 0.790, 0.855, 0.635),  # Llama-3-8B patched, 10 shots
    (0.975, 0.730, 0.788, 0.561),  # Llama-3-70B, 0 shots
    (0.955, 0.860, 0.893, 0.733),  # Llama-3-70B, 10 shots
    (0.990, 0.750, 0.855, 0.635),  # Llama-3-70B patched, 0 shots
    (0.990, 0.850, 0.905, 0.762),  # Llama-3-70B patched, 10 shots
]
AUTOMATIC = [  # PseudoParaDetox, automatic evaluation: STA, SIM, FL, J
    (0.876, 0.616, 0.824, 0.444),
    (0.961, 0.468, 0.917, 0.411),
    (0.839, 0.587, 0.892, 0.437),
    (0.896, 0.596, 0.863, 0.462),
]


def votes(share, n=1000, seed=0):
    """n judgements with this mean, in random order."""
    column = np.zeros(n)
    column[: round(share * n)] = 1
    return np.random.default_rng(seed).permutation(column)


@pytest.mark.parametrize(("sta", "sim", "fl", "j"), MANUAL)
def test_manual_j_is_the_product_of_column_means(sta, sim, fl, j):
    columns = [votes(sta, seed=1), votes(sim, seed=2), votes(fl, seed=3)]
    estimate = product_of_means_interval(columns)
    assert estimate.mean == pytest.approx(j, abs=0.0005 + 1e-9)
    assert estimate.low < estimate.mean < estimate.high


@pytest.mark.parametrize(("sta", "sim", "fl", "j"), AUTOMATIC)
def test_automatic_j_is_not_the_product_of_column_means(sta, sim, fl, j):
    assert abs(sta * sim * fl - j) > 0.0005


def test_the_two_aggregations_differ_where_the_factors_hang_together():
    together = pseudoparadetox.combine(*np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
    assert mean_interval(together.joint).mean == 0.5
    assert product_of_means_interval([together.sta, together.sim, together.fl]).mean == 0.125


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def test_pseudoparadetox_gives_a_copy_less_than_three_quarters():
    bleurt_of_copy, bleurt_of_published_sim = 1.089, 0.47
    similarity = sigmoid([bleurt_of_copy, bleurt_of_published_sim, 0.0])
    assert similarity == pytest.approx([0.748, 0.616, 0.5], abs=0.0012)  # 0.47 is rounded
    perfect = pseudoparadetox.combine(np.ones(3), similarity, np.ones(3))
    assert perfect.joint == pytest.approx(similarity), "J of PseudoParaDetox cannot exceed SIM of a copy"


def test_paradetox2022_decides_where_pseudoparadetox_weighs():
    neutral, cosine, acceptable = (
        np.array([0.51, 0.49, 0.9]),
        np.array([0.8, 0.9, 1.0]),
        np.array([0.6, 0.9, 0.2]),
    )
    hard = paradetox2022.combine(neutral, cosine, acceptable)
    soft = pseudoparadetox.combine(neutral, cosine, acceptable)
    assert hard.sta.tolist() == [1, 0, 1] and hard.fl.tolist() == [1, 1, 0]
    assert hard.joint.tolist() == [0.8, 0, 0]
    assert soft.joint == pytest.approx([0.51 * 0.8 * 0.6, 0.49 * 0.9 * 0.9, 0.9 * 0.2])


def ours(source=0.2, neutral=0.9, cosine=1.0, balance=1.0, before=0.8, after=0.8):
    parts = detox.combine(*(np.array([value]) for value in (source, neutral, cosine, balance, before, after)))
    return [float(part[0]) for part in (parts.sta, parts.sim, parts.fl)]


def test_detox_gives_a_copy_a_half_as_people_do():
    for p in (0.0, 0.01, 0.5, 1.0):
        assert ours(source=p, neutral=p) == pytest.approx([0.5, 1, 1])


def test_detox_style_is_the_odds_that_the_source_is_the_toxic_one():
    sta = ours(source=1 - 0.8, neutral=1 - 0.1)[0]
    assert sta == pytest.approx(0.8 * 0.9 / (0.8 * 0.9 + 0.1 * 0.2))
    assert ours(source=1 - 0.1, neutral=1 - 0.8)[0] == pytest.approx(1 - sta), "the other way round"
    assert ours(source=0.0, neutral=1e-7)[0] == pytest.approx(0.5), "rounding near 1 decides nothing"


def test_detox_content_falls_with_the_cosine_and_with_a_change_of_length():
    assert ours(cosine=-0.2)[1] == 0 and ours(cosine=1.0000001)[1] == 1
    assert ours(cosine=0.5)[1] == pytest.approx(0.5**detox.COSINE_POWER)
    balance = detox.length_balance(["twelve chars", "six", "x"], ["six ch", " twelve chars ", ""])
    assert balance.tolist() == [0.5, 0.25, 0]
    assert ours(balance=0.5)[1] == pytest.approx(0.5**detox.LENGTH_POWER)


def test_detox_fluency_is_what_is_lost_beside_the_source():
    assert ours(before=0.3, after=0.9)[2] == 1
    assert ours(before=0.9, after=0.3)[2] == pytest.approx(0.4)


def test_clef2024_takes_chrf_for_fluency_and_a_reference_for_perfect():
    outputs, references = (
        ["this is a fine idea", "quite another thing"],
        ["this is a fine idea", "this is a fine idea"],
    )
    chrf = sentence_chrf(outputs, references)
    assert chrf[0] == pytest.approx(100)
    assert chrf[1] == CHRF().sentence_score(outputs[1], [references[1]]).score
    parts = clef2024.combine(np.array([0.8, 0.8]), np.array([0.9, 0.9]), chrf)
    assert parts.joint[0] == pytest.approx(0.72)
    assert parts.fl[1] == pytest.approx(chrf[1] / 100)


@pytest.mark.parametrize(
    ("source", "output", "reference", "expected"),
    [
        (0.1, 0.95, 0.90, 1.0),  # less toxic than the reference
        (0.1, 0.90, 0.90, 1.0),  # as toxic as the reference
        (0.1, 0.80, 0.90, 0.9),  # better than the source, worse than the reference: (p + 1) / 2
        (0.1, 0.10, 0.90, 0.55),  # a verbatim copy
        (0.0, 0.00, 0.90, 0.5),  # a copy of the most toxic source
        (0.5, 0.20, 0.90, 0.1),  # more toxic than the source: p / 2
        (0.95, 0.90, 0.85, 1.0),  # more toxic than the source, yet as good as the reference
    ],
)
def test_clef2025_sta_case_by_case(source, output, reference, expected):
    sta = clef2025.relative_sta(np.array([source]), np.array([output]), np.array([reference]))
    assert sta[0] == pytest.approx(expected)


def test_clef2025_copies_get_at_least_a_half_and_never_more_than_one():
    p = np.random.default_rng(0).uniform(size=(2, 500))
    copies = clef2025.relative_sta(p[0], p[0], p[1])
    assert copies.min() >= 0.5 and copies.max() <= 1


def test_clef2025_similarity_weighs_source_and_reference():
    one = np.ones(1)
    parts = clef2025.combine(one * 0, one, one, np.array([0.5]), np.array([1.0]), np.array([0.7]))
    assert parts.sim[0] == pytest.approx(0.4 * 0.5 + 0.6 * 1.0)
    assert parts.joint[0] == pytest.approx(0.8 * 0.7)


def test_clef2024_human_j_is_a_product_of_means_near_the_mean_of_products():
    """Averages over nine languages: the two differ by 0.0004 in the mean and at most 0.075 in the files."""
    generator = np.random.default_rng(7)
    content = generator.choice([0, 1], p=[0.24, 0.76], size=16_599)
    fluency = generator.choice([0, 1], p=[0.077, 0.923], size=16_599)
    toxicity = generator.choice(
        [1, 0.833, 0.667, 0.5, 0.333], p=[0.644, 0.12, 0.095, 0.118, 0.023], size=16_599
    )
    product = product_of_means_interval([toxicity, content, fluency]).mean
    assert product == pytest.approx(toxicity.mean() * content.mean() * fluency.mean())
    assert product == pytest.approx((toxicity * content * fluency).mean(), abs=0.01)


def test_every_suite_names_its_scorers_and_classes():
    specs = {name: {m: slot.spec for m, slot in suite.slots.items()} for name, suite in SUITES.items()}
    assert specs["pseudoparadetox"] == {
        "sta": "hf:s-nlp/roberta_toxicity_classifier#neutral",
        "sim": "hf:Elron/bleurt-large-128",
        "fl": "hf:cointegrated/roberta-large-cola-krishna2020#acceptable=LABEL_0",
    }
    assert specs["clef2024"]["fl"] is None and SUITES["clef2024"].fl.kind == "formula"
    assert specs["paradetox2022"]["sim"] is None and SUITES["paradetox2022"].sim.lacking
    assert {name for name, suite in SUITES.items() if suite.needs_references} == {"clef2024", "clef2025"}
