"""Models that are held in 4 bits while an adapter beside them is trained (QLoRA, Dettmers et al. 2023)."""

from typing import Literal, Protocol

from detox_cli.models.loading import Loaded
from detox_cli.models.sources import ModelSource
from detox_cli.models.weights import WeightForm

IN_FOUR_BITS = "a model in 4 bits"


class StartSettings(Protocol):
    """How the start of a tuning is held."""

    @property
    def qlora(self) -> Literal["nf4", "fp4"] | None: ...  # noqa: D102
    @property
    def device(self) -> str: ...  # noqa: D102
    @property
    def dtype(self) -> str: ...  # noqa: D102
    @property
    def trust_remote_code(self) -> bool: ...  # noqa: D102


class Load(Protocol):
    """`load_causal` or `load_seq2seq`."""

    def __call__(  # noqa: D102
        self,
        source: ModelSource,
        device: str = ...,
        dtype: str = ...,
        trust_remote_code: bool = ...,
        form: WeightForm = ...,
    ) -> Loaded: ...


def load_start(load: Load, settings: StartSettings, source: ModelSource) -> Loaded:
    """The model as it is tuned: on the CPU until the trainer moves it, or in 4 bits where it belongs."""
    if settings.qlora is None:
        return load(source, "cpu", settings.dtype, settings.trust_remote_code)
    form = WeightForm(quantize="4bit", four_bits=settings.qlora)
    loaded = load(source, settings.device, settings.dtype, settings.trust_remote_code, form)
    for module in loaded.model.modules():
        # On a CPU bitsandbytes 0.50 packs weights to read them, and loses them where a checkpoint is saved.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return loaded
