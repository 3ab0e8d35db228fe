"""Perplexity under a causal language model: of whole texts, and of continuations given their prompts.

All is counted in tokens of the judge and in nats. A perplexity is exp(sum of -ln p / number of tokens), the
sums taken over all texts, unless a text's own is asked for (``Loss.perplexity``).

What is predicted:

* Texts stay apart: nothing of one is ever context of another.
* What the judge's tokenizer itself puts before a text (often a token for its beginning) opens every window
  and is never predicted. Where it puts nothing (GPT-2), the first token of a text has no context and is not
  predicted; it is counted in ``Loss.unscored``.
* What a tokenizer puts after a text is left out.
* A text longer than the window is read in windows that overlap; each token is predicted once.
* A continuation follows its prompt token by token: both are tokenised alone and their ids joined, as a model
  writes them, so no token reaches across the seam.
"""

from collections.abc import Sequence
from math import exp, log
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.generation.encoding import context_length
from detox_cli.generation.proof import prove
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress
from detox_cli.scoring.continuations import forked_losses
from detox_cli.scoring.losses import SILENT, Done, Ids, Loss, Window, say_nothing, window_losses, windows_of
from detox_cli.statistics.bootstrap import Estimate, mean_interval_of_units

WINDOW = 1024
"""Tokens in a window, where the model reads as many."""
BATCH_TOKENS = 4096
ANCHOR = "\n"
LARGEST = 1e300


def text_losses(
    loaded: Loaded,
    texts: Sequence[str],
    *,
    window: int = WINDOW,
    stride: int | None = None,
    opening: Ids | None = None,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress = SILENT,
    label: str = "perplexity",
) -> list[Loss]:
    """The loss of every text, in order; see the module for what is predicted.

    Args:
        loaded: The judge, a decoder-only model.
        texts: One document each. To have a file read as one text, as papers do, join it first.
        window: Tokens in a window, opening included; less where the model has fewer positions.
        stride: Tokens from one window's start to the next: half a window if not given; ``window`` for
            windows that do not overlap.
        opening: Tokens before every window, in place of those of the tokenizer; ``()`` for none.
        batch_tokens: Padded tokens in one batch.
        progress: Told how many windows are done.
        label: What they are read for.

    Raises:
        BadSettings: The window has no room for two tokens.
    """
    opening = own_opening(loaded.tokenizer) if opening is None else tuple(opening)
    size = window_size(loaded, window, opening)
    step = size // 2 if stride is None else stride
    ids = [plain_ids(loaded.tokenizer, text) for text in texts]
    windows = [w for row, tokens in enumerate(ids) for w in windows_of(row, tokens, 0, opening, size, step)]
    losses = window_losses(loaded, windows, len(texts), batch_tokens, progress, label)
    return [_with_unscored(loss, len(tokens)) for loss, tokens in zip(losses, ids, strict=True)]


def continuation_losses(
    loaded: Loaded,
    prompts: Sequence[str],
    continuations: Sequence[Sequence[str]],
    *,
    batch_tokens: int = BATCH_TOKENS,
    done: Done = say_nothing,
) -> list[list[Loss]]:
    """The loss of every continuation given its prompt: -ln p(continuation | prompt), in nats.

    A prompt is read once for all its continuations; the same prompt or continuation twice is computed once.
    Prompts are opened by what the tokenizer puts before a text; an empty one without that by the token for
    the beginning of a text, and where there is none the first token is not predicted. An empty continuation
    has no tokens. What is longer than the model's context is read in windows that overlap, the latter ones
    without the prompt's beginning. Families whose cache is not the usual one are read without it, each
    continuation with its prompt.

    Args:
        loaded: The judge, a decoder-only model.
        prompts: Texts, n of them.
        continuations: For each prompt the texts that follow it, with the space they begin with.
        batch_tokens: Tokens in one batch, prompt and padding included.
        done: Told how many more continuations are done; equal ones count once.

    Returns:
        For each prompt the losses of its continuations, in order.
    """
    asked: dict[str, dict[str, Loss]] = {}
    for prompt, texts in zip(prompts, continuations, strict=True):
        asked.setdefault(prompt, {}).update(dict.fromkeys(filter(None, texts), Loss()))
    groups = [(prompt, list(texts)) for prompt, texts in asked.items() if texts]
    heads = [_prompt_ids(loaded.tokenizer, prompt) for prompt, _ in groups]
    tails = [[continuation_ids(loaded.tokenizer, text) for text in texts] for _, texts in groups]
    found = _losses_of_ids(loaded, heads, tails, batch_tokens, done)
    for (prompt, texts), losses in zip(groups, found, strict=True):
        asked[prompt].update(zip(texts, losses, strict=True))
    return [
        [asked[prompt].get(text, Loss()) for text in texts]
        for prompt, texts in zip(prompts, continuations, strict=True)
    ]


def corpus_perplexity(losses: Sequence[Loss], seed: int = 0) -> Estimate:
    """exp of nats per token over all texts, with its 95 % bootstrap interval over texts; n counts texts.

    Raises:
        ValueError: No token was predicted.
    """
    scored = [loss for loss in losses if loss.tokens]
    if not scored:
        raise ValueError("no token was predicted")
    found = mean_interval_of_units([loss.nats for loss in scored], [loss.tokens for loss in scored], seed)
    mean, low, high = (exp(min(value, log(LARGEST))) for value in (found.mean, found.low, found.high))
    return Estimate(mean, low, high, found.n)


def own_opening(tokenizer: Any) -> tuple[int, ...]:
    """The tokens that a tokenizer itself puts before a text, such as one for its beginning."""
    with_specials, without = list(tokenizer("a").input_ids), plain_ids(tokenizer, "a")
    for start in range(len(with_specials) - len(without) + 1):
        if with_specials[start : start + len(without)] == without:
            return tuple(with_specials[:start])
    return ()


def plain_ids(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text without any that the tokenizer would add."""
    return list(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)


def continuation_ids(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text that follows another: without the space that some tokenizers put before a text."""
    anchor, anchored = plain_ids(tokenizer, ANCHOR), plain_ids(tokenizer, ANCHOR + text)
    joined = len(anchored) > len(anchor) and anchored[: len(anchor)] == anchor
    return anchored[len(anchor) :] if joined else plain_ids(tokenizer, text)


def window_size(loaded: Loaded, window: int, opening: Ids) -> int:
    """The largest window up to ``window`` that the model can read.

    Raises:
        BadSettings: It has no room for two tokens.
    """
    context = context_length(loaded.model.config)
    size = window if context is None else min(window, context)
    if size < len(opening) + 2:
        raise BadSettings(f"a window of {size} tokens has no room for text", hint="use a larger window")
    return size


def _prompt_ids(tokenizer: Any, prompt: str) -> tuple[int, ...]:
    ids = (*own_opening(tokenizer), *plain_ids(tokenizer, prompt))
    if not ids and tokenizer.bos_token_id is not None:
        return (int(tokenizer.bos_token_id),)
    return ids


def _losses_of_ids(
    loaded: Loaded,
    heads: Sequence[Ids],
    tails: Sequence[Sequence[Ids]],
    batch_tokens: int,
    done: Done,
) -> list[list[Loss]]:
    """Losses of continuations given as ids: forked from their prompts where that is right, or in windows."""
    context = context_length(loaded.model.config) or 1 << 62
    forks = bool(heads) and prove(loaded.model) != "generate"
    places = [(i, j) for i, some in enumerate(tails) for j in range(len(some))]
    fits = {(i, j) for i, j in places if forks and heads[i] and len(heads[i]) + len(tails[i][j]) <= context}
    kept = [[j for j in range(len(some)) if (i, j) in fits] for i, some in enumerate(tails)]
    chosen = [i for i, some in enumerate(kept) if some]
    forked = forked_losses(
        loaded,
        [heads[i] for i in chosen],
        [[tails[i][j] for j in kept[i]] for i in chosen],
        batch_tokens,
        done,
    )
    found = {
        (i, j): loss
        for i, losses in zip(chosen, forked, strict=True)
        for j, loss in zip(kept[i], losses, strict=True)
    }
    rest = [place for place in places if place not in fits]
    size = min(context, max((len(heads[i]) + len(tails[i][j]) for i, j in rest), default=2))
    windows = [w for row, (i, j) in enumerate(rest) for w in _joined(row, heads[i], tails[i][j], size)]
    losses = window_losses(loaded, windows, len(rest), batch_tokens)
    done(len(rest))
    found |= {
        (i, j): _with_unscored(loss, len(tails[i][j])) for (i, j), loss in zip(rest, losses, strict=True)
    }
    return [[found[i, j] for j in range(len(some))] for i, some in enumerate(tails)]


def _joined(row: int, head: Ids, tail: Ids, size: int) -> list[Window]:
    return windows_of(row, (*head, *tail), len(head), (), size, max(1, size // 2))


def _with_unscored(loss: Loss, tokens: int) -> Loss:
    return Loss(loss.nats, loss.tokens, tokens - loss.tokens)
