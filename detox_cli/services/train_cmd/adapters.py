"""The adapter of a run: its shape, and by default the layers that were published."""

from dataclasses import replace
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.services.train_dpo.adapters import refuse_head, short_names, targets_of
from detox_cli.services.training.lora import LoraShape
from detox_cli.settings.train_cmd import CmdSettings

AUTO = "auto"


def adapter_config(settings: CmdSettings, model: Any, base: str) -> Any:
    """What peft is told; ``base`` is the model's name in the adapter.

    Raises:
        BadSettings: A target is no layer of the model, or is its head, or the shape of the adapter is none.
    """
    names = published_targets(model) if AUTO in settings.target else settings.target
    chosen = targets_of(model, names)
    refuse_head(model, chosen)
    shape = LoraShape.read(settings.lora).config(base)
    task = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
    return replace(shape, target_modules=short_names(model, chosen), task_type=task)


def published_targets(model: Any) -> tuple[str, ...]:
    """``c_attn`` of GPT-2, and of other families what makes queries and values.

    Raises:
        BadSettings: Nothing is known of this family.
    """
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    kind = str(model.config.model_type)
    if kind not in KNOWN:
        hint = "name layers, or use --target attn or --target all-linear"
        raise BadSettings(f"auto knows no layers of {kind}", where="--target", hint=hint)
    return tuple(KNOWN[kind])


def with_adapter(settings: CmdSettings, model: Any, base: str) -> Any:
    """The model with a new adapter, which alone is trained; ``base`` is its name in the adapter."""
    import warnings

    from peft import get_peft_model, prepare_model_for_kbit_training

    config = adapter_config(settings, model, base)
    if settings.qlora is not None and getattr(model, "is_loaded_in_4bit", False):
        model = prepare_model_for_kbit_training(
            model, use_gradient_checkpointing=settings.gradient_checkpointing
        )
    with warnings.catch_warnings():  # of GPT-2's transposed layers, for which peft then does the right thing
        warnings.filterwarnings("ignore", message=".*fan_in_fan_out.*")
        adapted = get_peft_model(model, config)
    adapted.active_peft_config.base_model_name_or_path = base
    if settings.gradient_checkpointing:
        model.enable_input_require_grads()
    return adapted
