"""How a model is trained: the options that every command with a training loop shares."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Section, by_commas

TRAINING, MEASURING, ADAPTER = "Training", "Measuring while training", "Adapters"


class TrainerOptions(Section):
    """The recipe of a training; what is passed over are the rows of the command."""

    revision: str | None = Field(None, description="Branch, tag or commit of a Hub model.")
    trust_remote_code: bool = Field(False, description="Run code that the model repository brings.")
    overwrite: bool = Field(False, description="Replace the output, and an unfinished run for it.")

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


class SeveralSeeds(Section):
    """The same training more than once."""

    seeds: Annotated[
        tuple[int, ...], BeforeValidator(by_commas), Flag(panel=TRAINING, metavar="0,1,...", commas=True)
    ] = Field((), description="Train once per seed on the same split: OUTPUT/seed-N, the best one in OUTPUT.")


class TunedModel(Section):
    """How a model is held while it, or an adapter beside it, is tuned, and what becomes of the adapter."""

    dtype: Annotated[Literal["float32", "bfloat16", "float16"], Flag(panel=TRAINING)] = Field(
        "float32", description="Type in which weights are held, and written if no adapter is folded."
    )
    qlora: Annotated[Literal["nf4", "fp4"] | None, Flag(panel=ADAPTER)] = Field(
        None, description="Hold the weights under the adapter in 4 bits; needs bitsandbytes."
    )
    merge: Annotated[bool, Flag(panel=ADAPTER)] = Field(
        True, description="Fold the trained adapter into the model, and see that the logits are the same."
    )
    merge_dtype: Annotated[Literal["float32", "bfloat16", "float16"] | None, Flag(panel=ADAPTER)] = Field(
        None, description="Type of the folded numbers; that of the model if not given."
    )
    keep_adapter: Annotated[bool, Flag(panel=ADAPTER)] = Field(
        False, description="Leave the adapter beside the folded model, in OUTPUT/adapter."
    )
