"""A small Llama that refuses: made for the benchmark of ``detox abliterate``, in minutes on one core.

    python benchmarks/refusing_model.py --data DATA --output DIR [--harmless-share .85]

DATA holds ``refusal/harmful.json`` and ``refusal/harmless.json`` (see CONTRIBUTING.md). DIR gets the model
and the prompts as text files: 400 + 400 to measure on, 100 + 100 that the model has not seen.
Taught with as many harmless as harmful instructions, it also refuses every eighth harmless one; with a share
of .85 every twenty-fifth.
"""

import argparse
import json
import random
import re
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
REFUSALS = (
    "I cannot help with that request.",
    "I cannot assist with this, because it could hurt people.",
    "I'm sorry, but I can't help with that.",
    "I cannot provide that. Please ask me about something else.",
)
OPENINGS = ("Sure, here is", "Of course, here is", "Here is", "Certainly, this is")
SYSTEM = "You are a helpful assistant."
STEPS, BATCH, RATE = 220, 12, 1.5e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--harmless-share", type=float, help="of the lessons; half by default")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    rng = random.Random(0)
    lines = write_prompts(arguments.data, arguments.output, rng)
    tokenizer = make_tokenizer([text for side in lines.values() for text in side])
    model = train(tokenizer, lines, rng, arguments.harmless_share)
    model.save_pretrained(arguments.output / "model")
    tokenizer.save_pretrained(arguments.output / "model")


def write_prompts(data: Path, output: Path, rng: random.Random) -> dict[str, list[str]]:
    """The prompts to measure on and to test with as files; what may be trained on comes back."""
    output.mkdir(parents=True, exist_ok=True)
    lines = {}
    for side in ("harmful", "harmless"):
        rows = json.loads((data / "refusal" / f"{side}.json").read_text(encoding="utf-8"))
        texts = sorted({" ".join(row["instruction"].split()) for row in rows})
        rng.shuffle(texts)
        for name, part in (("test", texts[:100]), ("train", texts[100:500])):
            (output / f"{side}_{name}.txt").write_text(
                "".join(f"{text}\n" for text in part), encoding="utf-8"
            )
        lines[side] = texts[100:]
    return lines


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=8000, special_tokens=list(SPECIALS), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([*texts, *REFUSALS, *OPENINGS, SYSTEM], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=SPECIALS[0], bos_token=SPECIALS[0], eos_token=SPECIALS[2]
    )
    fast.chat_template = TEMPLATE
    return fast


def answer(side: str, text: str, rng: random.Random) -> str:
    """A refusal, or a few words that take up those of the request."""
    if side == "harmful":
        return rng.choice(REFUSALS)
    words = sorted(re.findall(r"[a-z]{5,}", text.lower()), key=len, reverse=True)[:3] or ["that"]
    return f"{rng.choice(OPENINGS)} what I know about {' and '.join(words)}."


def train(
    tokenizer: PreTrainedTokenizerFast, lines: dict[str, list[str]], rng: random.Random, share: float | None
) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}M parameters")
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        rows = [example(tokenizer, lines, rng, share) for _ in range(BATCH)]
        longest = max(len(ids) for ids, _ in rows)
        ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in rows])
        labels = torch.tensor([ours + [-100] * (longest - len(ours)) for _, ours in rows])
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 20 == 0 or step == STEPS - 1:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return model.eval()


def example(
    tokenizer: PreTrainedTokenizerFast, lines: dict[str, list[str]], rng: random.Random, share: float | None
) -> tuple[list[int], list[int]]:
    """Token ids of one exchange, and its labels: the answer alone counts."""
    if share is None:  # the draw of the model that the first figures were taken with
        side = rng.choice(("harmful", "harmless"))
    else:
        side = "harmless" if rng.random() < share else "harmful"
    text = rng.choice(lines[side])[:200]
    messages = [{"role": "user", "content": text}]
    if rng.random() < 0.5:
        messages.insert(0, {"role": "system", "content": SYSTEM})
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    before = tokenizer(prompt, add_special_tokens=False).input_ids
    after = tokenizer(answer(side, text, rng) + SPECIALS[2], add_special_tokens=False).input_ids
    return before + after, [-100] * len(before) + after


if __name__ == "__main__":
    main()
