"""How a model is trained: the options that every command with a training loop shares."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Section

TRAINING, MEASURING = "Training", "Measuring while training"


class TrainerOptions(Section):
    """The recipe of a training; what is passed over are the rows of the command."""

    epochs: Annotated[float, Flag(panel=TRAINING)] = Field(
        10, gt=0, description="Passes over the data, unless --patience ends it earlier."
    )
    min_steps: Annotated[NonNegativeInt, Flag(panel=TRAINING)] = Field(
        100, description="Optimizer steps at least: few rows get more passes."
    )
    learning_rate: Annotated[float, Flag(panel=TRAINING)] = Field(
        5e-5, gt=0, description="Peak learning rate."
    )
    schedule: Annotated[
        Literal["linear", "cosine", "constant", "constant_with_warmup"], Flag(panel=TRAINING)
    ] = Field("linear", description="How the learning rate falls.")
    warmup: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.06, ge=0, description="Steps of warm-up; below 1, a share of all steps."
    )
    batch_size: Annotated[PositiveInt, Flag(panel=TRAINING)] = Field(
        32, description="Rows per device and step."
    )
    accumulate: Annotated[PositiveInt, Flag(panel=TRAINING)] = Field(
        1, description="Batches whose gradients are added before a step."
    )
    optimizer: Annotated[
        Literal["adamw_torch", "adafactor", "paged_adamw_32bit", "rmsprop"], Flag(panel=TRAINING)
    ] = Field("adamw_torch", description="The optimizer; paged_adamw_32bit wants bitsandbytes and a GPU.")
    weight_decay: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.01, ge=0, description="Decay of the weights."
    )
    max_grad_norm: Annotated[float, Flag(panel=TRAINING)] = Field(
        1.0, ge=0, description="Longer gradients are shortened to this norm; 0 leaves them."
    )
    gradient_checkpointing: Annotated[bool, Flag(panel=TRAINING)] = Field(
        False, description="Compute activations twice to save memory."
    )
    precision: Annotated[Literal["auto", "float32", "bfloat16", "float16"], Flag(panel=TRAINING)] = Field(
        "auto", description="Numbers in matrix products; auto is bfloat16 where the hardware has it."
    )
    device: Annotated[Literal["auto", "cpu"], Flag(panel=TRAINING)] = Field(
        "auto", description="auto takes the GPUs that are there."
    )
    deterministic: Annotated[bool, Flag(panel=TRAINING)] = Field(
        False, description="Use only operations that give the same bits again, on a GPU slower ones."
    )
    seed: Annotated[int, Flag(panel=TRAINING)] = Field(0, description="Random seed.")
    eval_every: Annotated[float, Flag(panel=MEASURING)] = Field(
        1.0, gt=0, description="Epochs between measurements and checkpoints."
    )
    eval_batch_size: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        64, description="Rows per device when measuring."
    )
    patience: Annotated[NonNegativeInt, Flag(panel=MEASURING)] = Field(
        4, description="Stop after so many measurements without a better one; 0 never stops early."
    )
    checkpoints: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        1, description="Checkpoints to keep beside the best one."
    )
    keep_best: Annotated[NonNegativeInt, Flag(panel=MEASURING)] = Field(
        0, description="Leave the N best checkpoints in OUTPUT.training at the end."
    )
    keep_checkpoints: Annotated[bool, Flag(panel=MEASURING)] = Field(
        False, description="Leave the checkpoints in OUTPUT.training at the end."
    )
    tracker: Annotated[Literal["none", "wandb", "tensorboard", "mlflow"], Flag(panel=MEASURING)] = Field(
        "none", description="Send losses and measurements there as well; each is set up by its own variables."
    )


class AdapterOption(Section):
    """Training an adapter, not the whole model."""

    lora: Annotated[str | None, Flag(panel=TRAINING, metavar="R,ALPHA,DROPOUT")] = Field(
        None, description="Train a LoRA adapter of this shape, such as 16,32,0.05, not the whole model."
    )
