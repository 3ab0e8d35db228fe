"""A model that writes under a probe's steering, found but not loaded."""

from dataclasses import asdict, dataclass, field

from detox_cli.errors import BadSettings
from detox_cli.generation.pplm.engine import PplmEngine
from detox_cli.generation.pplm.reading import check_fits
from detox_cli.generation.pplm.steering import Steering
from detox_cli.generation.requests import Engine
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.probes.files import read_probe
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.engine import Writer
from detox_cli.services.probe.opened import warn_of_another_model
from detox_cli.services.writers import LocalWriter
from detox_cli.settings.synth_preferences import SynthPreferencesSettings

PUBLISHED_TOP_K = 10
OF_STEERING = ("probe", "step_size", "iterations", "window", "horizon", "gamma", "gm_scale", "kl_scale")
OF_SAMPLING = ("num_samples", "top_p")


@dataclass(frozen=True)
class SteeredWriter(LocalWriter):
    """The same model; every prompt gets its greedy continuation and a steered one.

    Attributes:
        probe: What steers.
        steering: How.
    """

    probe: LinearProbe = field(kw_only=True)
    steering: Steering = field(kw_only=True)

    @property
    def identity(self) -> dict[str, str]:
        """That of the model, and the probe's."""
        content = {"direction": self.probe.direction.tolist(), "bias": self.probe.bias}
        probe = fingerprint(**content, site=asdict(self.probe.site))
        return {**super().identity, "method": "pplm", "probe": probe}

    @property
    def decisive(self) -> list[object]:
        """Model, probe and steering."""
        return [*super().decisive, self.identity["probe"], asdict(self.steering)]

    def load(self, progress: Progress) -> Engine:
        """The engine with model and probe."""
        engine = super().load(progress)
        assert isinstance(engine, TransformersEngine)
        warn_of_another_model(self.probe, self.source, progress)
        return PplmEngine(engine, self.probe, self.steering)


def check_method(settings: SynthPreferencesSettings) -> None:
    """Raise ``BadSettings`` for options of the other method, and for one that is needed and missing."""
    steered = settings.method == "pplm"
    for name in OF_SAMPLING if steered else OF_STEERING:
        if getattr(settings, name) != type(settings).model_fields[name].default:
            flag = f"--{name.replace('_', '-')}"
            hint = "leave it out" if steered else "add --method pplm"
            raise BadSettings(f"{flag} has no meaning with --method {settings.method}", hint=hint)
    if steered and settings.probe is None:
        hint = "train one: detox probe train MODEL --data comments.jsonl -o probe"
        raise BadSettings("--method pplm needs a probe", where="--probe", hint=hint)
    if steered and settings.engine != "transformers":
        hint = "use --engine transformers"
        raise BadSettings("--method pplm moves keys and values", where="--engine", hint=hint)


def steered(writer: Writer, settings: SynthPreferencesSettings) -> SteeredWriter:
    """The writer under the probe of the settings.

    Raises:
        BadData: The probe cannot be read, or does not fit the model.
    """
    assert isinstance(writer, LocalWriter) and settings.probe is not None
    probe, config = read_probe(settings.probe), writer.config.get_text_config()
    check_fits(probe, config.hidden_size, config.num_hidden_layers)
    steering = Steering(
        settings.step_size,
        settings.iterations,
        settings.window,
        settings.horizon,
        settings.gamma,
        settings.gm_scale,
        settings.kl_scale,
        PUBLISHED_TOP_K if settings.top_k is None else settings.top_k,
        settings.temperature,
    )
    own = (writer.options, writer.source, writer.config, writer.adapter)
    return SteeredWriter(*own, probe=probe, steering=steering)
