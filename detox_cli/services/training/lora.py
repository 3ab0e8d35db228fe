"""LoRA adapters (Hu et al., 2021): small matrices that are trained beside weights that stay as they are."""

import warnings
from dataclasses import dataclass
from typing import Any, Self

from detox_cli.errors import BadSettings

FLAG = "--lora"


@dataclass(frozen=True)
class LoraShape:
    """The size of an adapter.

    Attributes:
        rank: Columns of its matrices.
        alpha: The product of its matrices counts ``alpha / rank`` times.
        dropout: Share of its inputs that is dropped in training.
    """

    rank: int
    alpha: float
    dropout: float

    @classmethod
    def read(cls, text: str) -> Self:
        """Read ``r,alpha,dropout``; alpha is twice the rank and dropout 0 where they are left out.

        Raises:
            BadSettings: It is something else.
        """
        try:
            numbers = [float(word) for word in text.split(",")]
            rank, alpha, dropout = [*numbers, *[2 * numbers[0], 0.0][len(numbers) - 1 :]]
        except ValueError:
            rank, alpha, dropout = 0.0, 0.0, 0.0
        if rank < 1 or not rank.is_integer() or alpha <= 0 or not 0 <= dropout < 1:
            hint = "write rank, alpha and dropout: --lora 16,32,0.05"
            raise BadSettings(f"{text!r} is no shape of an adapter", where=FLAG, hint=hint)
        return cls(int(rank), alpha, dropout)

    def config(self, base: str) -> Any:
        """A `peft.LoraConfig` for all linear layers but the head; ``base`` is the model's name in it."""
        from peft import LoraConfig

        return LoraConfig(
            task_type="CAUSAL_LM",
            base_model_name_or_path=base,
            r=self.rank,
            lora_alpha=int(self.alpha) if self.alpha == int(self.alpha) else self.alpha,
            lora_dropout=self.dropout,
            target_modules="all-linear",
        )

    def put_on(self, model: Any, base: str, *, checkpointing: bool = False) -> Any:
        """The model with a new adapter, which alone is trained.

        Args:
            model: What it goes on, changed in place.
            base: The name of the model in the adapter's configuration.
            checkpointing: Whether activations are computed twice, which needs inputs with gradients.
        """
        from peft import get_peft_model

        with (
            warnings.catch_warnings()
        ):  # of GPT-2's transposed layers, for which peft then does the right thing
            warnings.filterwarnings("ignore", message=".*fan_in_fan_out.*")
            adapted = get_peft_model(model, self.config(base))
        adapted.active_peft_config.base_model_name_or_path = base
        if checkpointing:
            model.enable_input_require_grads()
        return adapted
