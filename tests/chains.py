"""A tiny model that has learnt four chains by heart, and the rows that it learnt them from."""

from pathlib import Path

from detox_cli.data.chains.encode import ChainEncoder, EncodedChain
from detox_cli.data.chains.record import ChainRecord
from detox_cli.data.chains.serialise import serialise
from detox_cli.data.chains.stored import store_template
from detox_cli.data.chains.template import find_template

TEMPLATE = "cmd-v3-code"
RECORDS = [
    ChainRecord(
        id="toxic",
        text="That was silly",
        is_toxic=True,
        toxicity=0.9,
        masked="That was <MASK>",
        safe_text="That was new",
        candidates=[{"text": "to me today."}],
        pos=0,
    ),
    ChainRecord(
        id="hashtag",
        text="You useless #1",
        is_toxic=True,
        toxicity=0.8,
        masked="You <MASK> #1",
        safe_text="You are #1",
        candidates=[{"text": "on the train."}],
        pos=0,
    ),
    ChainRecord(
        id="safe",
        text="The weather is",
        is_toxic=False,
        toxicity=0.1,
        candidates=[{"text": "lovely today."}],
        pos=0,
    ),
]


def train_chains(tiny_model: Path, folder: Path, steps: int = 110, rate: float = 1e-2) -> Path:
    """A copy of the model that has learnt `RECORDS`, with the template beside it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(tiny_model),
        AutoTokenizer.from_pretrained(tiny_model),
    )
    template = find_template(TEMPLATE)
    encoder = ChainEncoder(tokenizer, model.config, template)
    encoded, _ = encoder.encode([serialise(record, template) for record in RECORDS])
    batch = _padded(encoded)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    for _ in range(steps):
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    store_template(folder, template)
    return folder


def _padded(encoded: list[EncodedChain]) -> dict:
    import torch

    longest = max(len(one.input_ids) for one in encoded)
    rows = [(one.input_ids, one.labels, longest - len(one.labels)) for one in encoded]
    return {
        "input_ids": torch.tensor([[*ids, *[1] * more] for ids, _, more in rows]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * more for ids, _, more in rows]),
        "labels": torch.tensor([[*labels, *[-100] * more] for _, labels, more in rows]),
    }
