"""A judge whose every answer is known: the bundled chat model, taught some answers by heart."""

from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from detox_cli.generation.chat import chat_ids, read_chat_format
from detox_cli.generation.judging import judge_conversation
from detox_cli.models.loading import load_tokenizer
from detox_cli.models.sources import find_model

MOST_STEPS = 150


def teach(answers: Mapping[tuple[str, str, str], str], folder: Path) -> Path:
    """A folder with a model that gives ``answers`` to questions: source, rewrite A, rewrite B."""
    source = find_model("builtin:chat")
    tokenizer = load_tokenizer(source)
    model = AutoModelForCausalLM.from_pretrained(source.location, dtype=torch.float32)
    chat, rows = read_chat_format(tokenizer), []
    end = chat.end_of_turn or tokenizer.eos_token_id
    for question, answer in answers.items():
        prompt = chat_ids(tokenizer, judge_conversation(*question), chat)
        words = [*tokenizer(answer, add_special_tokens=False).input_ids, end]
        rows.append((prompt, words))
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    for _ in range(MOST_STEPS):
        worst = 0.0
        for prompt, words in rows:
            labels = torch.tensor([[-100] * len(prompt) + words])
            loss = model(input_ids=torch.tensor([prompt + words]), labels=labels).loss
            loss.backward()
            worst = max(worst, loss.item())
        optimizer.step()
        optimizer.zero_grad()
        if worst < 0.01:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            return folder
    raise AssertionError(f"the answers were not learned: loss {worst:.3f}")
