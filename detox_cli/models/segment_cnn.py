"""Segment-CNN: an encoder whose windows of neighbouring tokens are told toxic or not.

The detector of "CMD: a framework for Context-aware Model self-Detoxification" (Tang et al., EMNLP 2024): a
convolution over the encoder's last states, a tanh and a linear layer give two logits to each window of L
tokens, and the encoder's first state two to the whole text. The paper's convolution has one weight for each
place in the window and one bias, the same for all channels (``shared``); here it may also be a full one.
Unlike the published code the loss is taken on logits, not on probabilities, and the width is the encoder's.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTokenClassification,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import TokenClassifierOutput

IGNORED = -100
"""The label of a window that the loss does not count."""


class SegmentCnnConfig(PretrainedConfig):  # type: ignore[misc]
    """The shape of a `SegmentCnn`.

    Args:
        encoder: The encoder's configuration, as a mapping.
        window: Tokens in a window, the L of the paper.
        convolution: ``full``, or ``shared`` as in the paper.
        reading: A token counts if ``all`` windows that it is in are toxic, or ``any`` as in the paper.
        dropout: Before the head of the whole text.
        toxic_weight: What a toxic window counts in the loss, beside 1 for another.
        rest: What every configuration has.
    """

    model_type = "segment-cnn"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        window: int = 2,
        convolution: str = "full",
        reading: str = "all",
        dropout: float = 0.1,
        toxic_weight: float = 1.0,
        **rest: Any,
    ) -> None:
        self.encoder = dict(encoder or {})
        self.window = window
        self.convolution = convolution
        self.reading = reading
        self.dropout = dropout
        self.toxic_weight = toxic_weight
        for name in ("hidden_size", "max_position_embeddings", "pad_token_id"):
            rest.setdefault(name, self.encoder.get(name))
        super().__init__(**rest)

    def encoder_config(self) -> Any:
        """The encoder's configuration, as its own class."""
        values = dict(self.encoder)
        return AutoConfig.for_model(values.pop("model_type"), **values)


class SegmentCnn(PreTrainedModel):  # type: ignore[misc]
    """The model; ``config.window`` tokens make a window, a window begins at every token.

    Behind the last token windows see zeros, so that every token but the first, which is a special one, is in
    ``config.window`` windows.

    Args:
        config: Its shape.
    """

    config_class = SegmentCnnConfig
    base_model_prefix = "encoder"
    supports_gradient_checkpointing = True
    _supports_sdpa = True

    def __init__(self, config: SegmentCnnConfig) -> None:
        super().__init__(config)
        self.encoder = AutoModel.from_config(config.encoder_config())
        if getattr(self.encoder, "pooler", None) is not None:
            self.encoder.pooler = None  # the first state is used as it is
        width = int(self.encoder.config.hidden_size)
        channels = 1 if config.convolution == "shared" else width
        self.convolution = nn.Conv1d(channels, channels, config.window)
        self.span_classifier = nn.Linear(width, 2)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(width, 2)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor | None = None,
        text_labels: torch.Tensor | None = None,
        **inputs: torch.Tensor,
    ) -> TokenClassifierOutput:
        """Two logits for the window that begins at each token, shape [texts, tokens, 2].

        Args:
            input_ids: Token ids, shape [texts, tokens].
            attention_mask: One where a token is.
            labels: 0 or 1 for each window, at its first token; `IGNORED` for padding.
            text_labels: 0 or 1 for each text.
            inputs: What else the encoder wants.
        """
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **inputs).last_hidden_state
        kept = states * attention_mask.unsqueeze(-1).to(states.dtype)
        logits = self.span_classifier(torch.tanh(self._windows(kept)))
        loss = None
        if labels is not None:
            loss = weighted_loss(logits, labels, self.config.toxic_weight)
            if text_labels is not None:
                loss = loss + functional.cross_entropy(
                    self.classifier(self.dropout(states[:, 0])).float(), text_labels
                )
        return TokenClassifierOutput(loss=loss, logits=logits)

    def _windows(self, states: torch.Tensor) -> torch.Tensor:
        """The convolution, shape [texts, tokens, width], zeros after the last token."""
        padded = functional.pad(states, (0, 0, 0, self.config.window - 1)).transpose(1, 2)
        rows, width, tokens = padded.shape
        convolved: torch.Tensor
        if self.config.convolution == "shared":
            convolved = self.convolution(padded.reshape(rows * width, 1, tokens)).reshape(rows, width, -1)
        else:
            convolved = self.convolution(padded)
        return convolved.transpose(1, 2)

    def token_chances(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The probability of both classes for each token, from the windows that it is in: see ``reading``.

        Args:
            logits: Of the windows, shape [texts, tokens, 2].
            mask: One where a token is; padding stands on the right.

        Returns:
            Shape [texts, tokens, 2].
        """
        length, anyone = self.config.window, self.config.reading == "any"
        toxic = logits.softmax(dim=-1)[..., 1].masked_fill(mask == 0, 0.0 if anyone else 1.0)
        before = functional.pad(toxic, (length - 1, 0), value=0.0 if anyone else 1.0)
        around = before.unfold(1, length, 1)
        chance = around.amax(dim=-1) if anyone else around.amin(dim=-1)
        return torch.stack([1 - chance, chance], dim=-1)


def window_labels(tokens: torch.Tensor, mask: torch.Tensor, length: int) -> torch.Tensor:
    """A window is toxic if one of its tokens is; `IGNORED` at padding.

    Args:
        tokens: 0 or 1 for each token, shape [texts, tokens]; special tokens are 0.
        mask: One where a token is, on the left.
        length: Tokens in a window.
    """
    ahead = functional.pad(tokens * mask, (0, length - 1)).unfold(1, length, 1).amax(dim=-1)
    return ahead.masked_fill(mask == 0, IGNORED)


def weighted_loss(logits: torch.Tensor, labels: torch.Tensor, toxic_weight: float) -> torch.Tensor:
    """The mean over counted labels of weight x cross-entropy, ``toxic_weight`` for class 1 and 1 for class 0.

    Args:
        logits: Shape [texts, tokens, 2].
        labels: 0, 1 or `IGNORED`, shape [texts, tokens].
        toxic_weight: The paper has 2.
    """
    weight = torch.tensor([1.0, toxic_weight], device=logits.device)
    total = functional.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), weight, ignore_index=IGNORED, reduction="sum"
    )
    return total / (labels != IGNORED).sum().clamp(min=1)


AutoConfig.register(SegmentCnnConfig.model_type, SegmentCnnConfig)
AutoModelForTokenClassification.register(SegmentCnnConfig, SegmentCnn)
