"""``train bart`` on rows and batches: what is learnt from, what is held out, what the recipe says."""

import torch

from detox_cli.data.pairs import Pair
from detox_cli.services.train_bart.batches import Collator
from detox_cli.services.train_bart.rows import (
    Example,
    hold_out,
    one_per_reference,
    sources_with_references,
    without_flagged,
)
from detox_cli.services.training.lengths import IGNORED, SimilarLengths
from detox_cli.settings.profiles import load_profiles
from detox_cli.settings.train import BartSettings


def test_labels_are_masked_where_there_is_nothing_to_learn():
    items = [{"input_ids": [5, 6, 7], "labels": [8, 9]}, {"input_ids": [5], "labels": [8, 8, 8, 8]}]
    batch = Collator(1)(items)
    assert batch["labels"].tolist() == [[8, 9, IGNORED, IGNORED], [8, 8, 8, 8]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    published = Collator(1, to_length=6, loss_on_padding=True)(items)
    assert published["labels"].tolist() == [[8, 9, 1, 1, 1, 1], [8, 8, 8, 8, 1, 1]]
    assert published["input_ids"].shape == (2, 6)


def test_masked_labels_make_the_loss_independent_of_padding(tiny_seq2seq):
    from transformers import BartForConditionalGeneration

    model = BartForConditionalGeneration.from_pretrained(tiny_seq2seq).eval()
    items = [{"input_ids": [0, 20, 21], "labels": [30, 31, 2]}]
    with torch.inference_mode():
        short = model(**Collator(1)(items)).loss
        padded = model(**Collator(1, to_length=40)(items)).loss
        published = model(**Collator(1, to_length=40, loss_on_padding=True)(items)).loss
    assert torch.isclose(short, padded, atol=1e-5)
    assert not torch.isclose(short, published, atol=1e-2)


def test_no_source_is_on_both_sides_and_new_rows_move_no_old_one():
    examples = [Example(f"what a silly idea number {i} !", f"no {j}") for i in range(200) for j in range(3)]
    recased = [Example(e.toxic.upper().replace(" !", "!"), "other") for e in examples[::3]]
    split = hold_out(examples + recased, 0.1, "sources", seed=0)
    assert split.leaked == 0 and 10 <= split.held_out_sources <= 32
    assert set(hold_out(examples[:300], 0.1, "sources", seed=0).held_out) <= set(split.held_out)
    assert set(hold_out(examples, 0.1, "sources", seed=1).held_out) != set(split.held_out)
    leaking = hold_out(examples, 0.1, "rows", seed=0)
    assert leaking.leaked > 0.7 * leaking.held_out_sources
    assert len(leaking.held_out) == 60


def test_at_least_one_source_is_held_out_of_very_few():
    split = hold_out([Example("one thing", "a"), Example("another thing", "b")], 0.01, "sources", seed=0)
    assert len(split.held_out) == 1 and len(split.training) == 1


def pair(**values: object) -> Pair:
    references = (str(values["neutral"]), *values.get("references", []))
    return Pair("1", "bad words", references, None, "here:1", values)


def test_flagged_and_repeated_rows_are_not_trained_on():
    rows = [
        pair(neutral="fine", flags=[], refusal=False),
        pair(neutral="I cannot", flags=["refusal"], refusal=True),
        pair(neutral="bad words", flags=["copy", "long"], refusal=False),
        pair(neutral="from a table", flags="['empty']", refusal="False"),
        pair(neutral="fine", flags="[]"),
    ]
    usable, dropped = without_flagged(rows)
    assert dropped == {"refusal": 1, "copy": 1, "empty": 1}
    examples, repeated = one_per_reference(usable, dedupe=True)
    assert [e.neutral for e in examples] == ["fine"] and repeated == 1


def test_of_machine_written_rows_the_human_references_are_not_trained_on():
    written = pair(neutral="by the machine", references=["by a person"], flags=[])
    examples, _ = one_per_reference([written], dedupe=True)
    assert [e.neutral for e in examples] == ["by the machine"]


def test_measured_sources_have_all_their_references_and_do_not_depend_on_order():
    examples = [Example(f"source {i}", f"neutral {j}") for i in range(9) for j in range(2)]
    chosen = sources_with_references(examples, 4)
    assert len(chosen) == 4 and all(len(source.references) == 2 for source in chosen)
    again = sources_with_references(examples[::-1], 4)
    assert [source.toxic for source in again] == [source.toxic for source in chosen]


def test_batches_hold_rows_of_similar_length_in_an_order_of_their_epoch():
    lengths = [1 + (37 * i) % 101 for i in range(1000)]
    order = SimilarLengths(lengths, batch_size=8, seed=3)
    first = list(order)
    assert sorted(first) == list(range(1000)) and list(order) == first
    padded = sum(8 * max(lengths[i] for i in first[b : b + 8]) for b in range(0, 1000, 8))
    assert padded < 1.1 * sum(lengths)
    order.set_epoch(1)
    assert list(order) != first


def test_the_profile_of_the_paper_has_the_numbers_of_the_paper():
    profile = next(p for p in load_profiles(["paradetox-bart-large"]) if p.name == "paradetox-bart-large")
    values = BartSettings(**profile.tables["train.bart"]).model_dump()
    published = {
        "model": "facebook/bart-large",
        "epochs": 10,
        "min_steps": 0,
        "learning_rate": 5e-5,
        "schedule": "linear",
        "batch_size": 32,
        "eval_batch_size": 32,
        "accumulate": 1,
        "warmup": 200,
        "weight_decay": 1e-4,
        "precision": "bfloat16",
        "seed": 42,
        "eval_share": 0.1,
        "hold_out": "rows",
        "max_length": 256,
        "pad_to_max_length": True,
        "loss_on_padding": True,
        "eval_every": 1,
        "checkpoints": 10,
        "select": "last",
        "gradient_checkpointing": False,
        "num_beams": 4,
        "no_repeat_ngram_size": 3,
        "max_new_tokens": 60,
    }
    assert published.items() <= values.items()
