"""What ``eval generation`` measures of the model itself: how far it has moved, and what it shares."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from detox_cli.errors import BadSettings, Missing
from detox_cli.services.eval_compare.run_runs import run_runs
from detox_cli.services.eval_generation.harness import figures_of
from detox_cli.services.eval_generation.reference import token_f1
from detox_cli.services.eval_generation.run import run
from detox_cli.settings.compare import EvalCompareSettings
from tests.continuations import TEXTS, read, settings
from tests.recorder import Recorder


@pytest.fixture(scope="module")
def moved(tiny_causal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with other weights in its head."""
    folder = tmp_path_factory.mktemp("moved")
    model = AutoModelForCausalLM.from_pretrained(tiny_causal)
    torch.manual_seed(3)
    with torch.no_grad():
        model.lm_head.weight += 0.3 * torch.randn_like(model.lm_head.weight)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_causal).save_pretrained(folder)
    return folder


def test_the_divergence_from_the_base(lx_prompts, tiny_causal, moved, toxic_scorer, recorder) -> None:
    wanted = settings(
        lx_prompts, moved, toxic_scorer, num_samples=2, max_new_tokens=1, kl_to=str(tiny_causal)
    )
    result = run(wanted, recorder)
    rows = read(wanted.output / "kl.jsonl")
    assert [row["id"] for row in rows] == ["en/0", "en/2", "de/0", "de/2"], "those that are not toxic"
    tokenizer = AutoTokenizer.from_pretrained(tiny_causal)
    models = [AutoModelForCausalLM.from_pretrained(path).double().eval() for path in (moved, tiny_causal)]
    for row in rows:
        ids = torch.tensor([tokenizer(TEXTS[int(row["id"][-1])]).input_ids])
        with torch.no_grad():
            p, q = (model(ids).logits[0, -1].log_softmax(-1) for model in models)
        assert row["kl"] == pytest.approx(float((p.exp() * (p - q)).sum()), rel=1e-4) and row["tokens"] == 1
    found = result.own["kl"]
    assert found.n == 4 and found.low <= found.mean <= found.high
    assert found.mean == pytest.approx(sum(row["kl"] for row in rows) / 4)
    longer = settings(
        lx_prompts,
        tiny_causal,
        toxic_scorer,
        output=lx_prompts.parent / "same",
        kl_to=str(tiny_causal),
        kl_prompts=str(lx_prompts),
        kl_limit=3,
        fail_if=("kl>0.001",),
    )
    same = run(longer, Recorder())
    rows = read(longer.output / "kl.jsonl")
    assert same.own["kl"].mean == pytest.approx(0, abs=1e-6) and same.missed == []
    assert len(rows) == 3 and max(row["tokens"] for row in rows) == 6


def test_divergences_from_two_bases_are_told_not_to_compare(
    lx_prompts, tiny_causal, moved, toxic_scorer
) -> None:
    short = {"num_samples": 1, "max_new_tokens": 1, "resamples": 20}
    runs = [lx_prompts.parent / name for name in ("a", "b", "c")]
    for folder, base in zip(runs, (tiny_causal, moved, tiny_causal), strict=True):
        run(settings(lx_prompts, moved, toxic_scorer, output=folder, kl_to=str(base), **short), Recorder())

    def notes(*folders: Path) -> list[str]:
        wanted = EvalCompareSettings(files=tuple(map(str, folders)), resamples=20)
        recorder = Recorder()
        result = run_runs(wanted, recorder)
        assert all(note in str(result.tables()[0].caption) for note in result.notes)
        assert [line for line in recorder.warnings if line.startswith("kl ")] == result.notes
        return result.notes

    (note,) = notes(runs[0], runs[1])
    assert note.startswith("kl does not compare") and str(tiny_causal) in note and str(moved) in note
    assert notes(runs[0], runs[2]) == []


def test_options_without_the_figure_that_they_are_for_are_refused(
    lx_prompts, tiny_causal, toxic_scorer
) -> None:
    for option, needed in (({"kl_prompts": str(lx_prompts)}, "--kl-to"), ({"window": 64}, "--text")):
        with pytest.raises(BadSettings, match=f"has no meaning without {needed}"):
            run(settings(lx_prompts, tiny_causal, toxic_scorer, **option), Recorder())


def test_another_vocabulary_has_no_divergence(lx_prompts, tiny_causal, toxic_scorer, monkeypatch) -> None:
    monkeypatch.setattr("detox_cli.services.writers.load_engine", None)  # nothing is generated
    with pytest.raises(BadSettings, match="another vocabulary"):
        run(settings(lx_prompts, tiny_causal, toxic_scorer, kl_to="builtin:lm"), Recorder())
    plain = lx_prompts.parent / "plain.jsonl"
    plain.write_text('{"prompt": "The weather is"}\n')
    with pytest.raises(BadSettings, match="none of the prompts is said to be benign"):
        run(settings(plain, tiny_causal, toxic_scorer, kl_to=str(tiny_causal)), Recorder())


def test_token_f1_by_hand() -> None:
    assert token_f1([7, 7, 8], [7, 9, 8, 8]) == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert token_f1([1, 2], [3]) == 0.0 == token_f1([], [3])
    assert token_f1([5, 6], [6, 5]) == 1.0


def test_token_f1_counts_as_lee_et_al(lx_prompts, tiny_causal, toxic_scorer) -> None:
    """Greedy continuations of 20 tokens; the script's own value has the prompt before what was written."""
    prompt, rest = (
        "The weather is lovely today and the train",
        " was on time, and so were we and all the others.",
    )
    file = lx_prompts.parent / "wiki.jsonl"
    long = " ".join(["Please read the second page before you answer"] * 6)
    rows = [
        {"prompt": prompt, "gold": prompt + rest},
        {"prompt": prompt, "gold": rest},
        {"prompt": long, "gold": long + rest},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    wanted = settings(
        lx_prompts, tiny_causal, toxic_scorer, protocol="lee2024", num_samples=None, f1=str(file)
    )
    result = run(wanted, Recorder())
    tokenizer = AutoTokenizer.from_pretrained(tiny_causal)
    model = AutoModelForCausalLM.from_pretrained(tiny_causal)
    for row, found in zip(rows, read(wanted.output / "f1.jsonl"), strict=True):
        head = tokenizer(row["prompt"]).input_ids[:32]
        whole = row["gold"] if row["gold"].startswith(row["prompt"]) else row["prompt"] + row["gold"]
        ids = torch.tensor([head])
        with torch.no_grad():
            for _ in range(20):
                ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
        written = [token for token in ids[0].tolist() if token != tokenizer.eos_token_id]
        gold = tokenizer(rest).input_ids[:52]
        after = tokenizer(whole).input_ids[len(head) :][:20]
        assert found["f1_legacy"] == pytest.approx(token_f1(written, gold))
        assert found["f1"] == pytest.approx(token_f1(written[len(head) :], after))
    assert result.own["f1"].n == 3 and 0 < result.own["f1_legacy"].mean < 1


def test_tasks_need_the_harness(lx_prompts, tiny_causal, toxic_scorer, monkeypatch) -> None:
    monkeypatch.setattr("detox_cli.services.eval_generation.harness.find_spec", lambda name: None)
    monkeypatch.setattr("detox_cli.services.writers.load_engine", None)
    with pytest.raises(Missing, match="lm-evaluation-harness") as error:
        run(settings(lx_prompts, tiny_causal, toxic_scorer, lm_eval=("arc_easy",)), Recorder())
    assert "detox-cli[lm-eval]" in str(error.value.hint)


def test_figures_of_the_harness_have_its_standard_error_as_interval() -> None:
    told = {
        "results": {"arc": {"alias": "arc", "acc,none": 0.5, "acc_stderr,none": 0.1, "f1,strict": 0.2}},
        "n-samples": {"arc": {"original": 30, "effective": 25}},
    }
    figures, rows = figures_of(told)
    assert figures["arc/acc"].n == 25 and len(rows) == 2
    assert figures["arc/acc"].low == pytest.approx(0.5 - 0.196, abs=1e-4)
    assert (figures["arc/f1:strict"].low, figures["arc/f1:strict"].high) == (0.2, 0.2)


def test_a_task_is_run_on_the_measured_model(lx_prompts, tiny_causal, toxic_scorer) -> None:
    pytest.importorskip("lm_eval")
    folder = lx_prompts.parent
    rows = [{"question": "The weather is", "options": [" lovely", " 9"], "gold": n % 2} for n in range(6)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "task.yaml").write_text(
        "task: weather\ndataset_path: json\n"
        f"dataset_kwargs:\n  data_files:\n    test: {folder / 'rows.jsonl'}\n"
        "test_split: test\noutput_type: multiple_choice\n"
        'doc_to_text: "{{question}}"\ndoc_to_choice: "{{options}}"\ndoc_to_target: "{{gold}}"\n'
        "metric_list:\n  - metric: acc\n    aggregation: mean\n    higher_is_better: true\n"
    )
    wanted = settings(
        lx_prompts,
        tiny_causal,
        toxic_scorer,
        lm_eval=(str(folder / "task.yaml"),),
        fail_if=("weather/acc<0.9",),
    )
    result = run(wanted, Recorder())
    assert result.own["weather/acc"].n == 6 and result.own["weather/acc"].mean == pytest.approx(0.5)
    assert result.own["weather/acc"].low < 0.5 < result.own["weather/acc"].high
    assert result.missed == ["weather/acc of all is 0.5000 (weather/acc<0.9)"]
