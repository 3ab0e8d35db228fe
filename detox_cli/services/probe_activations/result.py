"""What ``probe activations`` reports."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.noted import NotedResult
from detox_cli.services.probe_activations.lens_result import LensResult
from detox_cli.services.result import ROWS, AtHand, Cell, Table
from detox_cli.statistics.bootstrap import Estimate

FROZEN = ConfigDict(frozen=True)
SHOWN = 10


class LanguageRow(BaseModel):
    """The neurons that are followed, in one language; means over them and over tokens.

    n counts prompts; translations of one prompt count once and are drawn together.
    """

    model_config = FROZEN

    lang: str = Field(description="all is the mean over all prompts.")
    before: Estimate
    same: Estimate | None = Field(default=None, description="The tuned model on the same tokens.")
    own: Estimate | None = Field(default=None, description="The tuned model on what it wrote itself.")
    change_same: Estimate | None = Field(default=None, description="Paired: on the same tokens.")
    change_own: Estimate | None = Field(default=None, description="Paired by prompt: each on its own tokens.")


class Control(BaseModel):
    """A figure beside the same one of sets of neurons, or directions, by chance."""

    model_config = FROZEN

    name: str
    value: float
    mean: float = Field(description="By chance.")
    low: float = Field(description="2.5 % by chance lie below.")
    high: float
    p: float = Field(description="Share by chance as far from their mean, (1 + hits) / (1 + n).")
    n: int


class GroupRow(BaseModel):
    """A group of neurons, and what its change adds to the projection on the probe; n counts prompts."""

    model_config = FROZEN

    group: str
    neurons: int
    shift: Estimate
    share: Estimate | None = Field(
        description="Of the shift of all neurons; null for all, and without a shift."
    )


class LayerRow(BaseModel):
    """One layer's part of the projected shift, of the testing half."""

    model_config = FROZEN

    layer: int
    shift: float
    groups: dict[str, float] = Field(description="By group.")


class NeuronRow(BaseModel):
    """One neuron, of the testing half."""

    model_config = FROZEN

    layer: int
    neuron: int
    followed: bool
    cosine: float | None
    mean: Estimate = Field(description="Over tokens; n counts prompts, which are drawn for the interval.")
    deviation: float
    low: float
    high: float
    positive: float
    gate: float | None = None
    up: float | None = None
    mean_same: Estimate | None = None
    mean_own: Estimate | None = None
    change_same: Estimate | None = Field(default=None, description="Paired: on the same tokens.")
    positive_same: float | None = None
    gate_same: float | None = None
    up_same: float | None = None
    group: str | None = Field(default=None, description="Assigned on the choosing half.")
    shift: Estimate | None = Field(default=None, description="Its part of the projected shift.")


class ProbeActivationsResult(NotedResult):
    """Statistics of all neurons, before and after."""

    model: str
    tuned: str | None
    probe: str | None
    neurons: int
    prompts: int
    testing: int = Field(description="Prompts of the half that figures are of.")
    tokens: int = Field(description="That the model wrote.")
    tuned_tokens: int | None
    rejected: int
    followed: int
    chosen_by: str
    languages: list[LanguageRow]
    controls: list[Control]
    groups: list[GroupRow]
    layers: list[LayerRow]
    listed: list[NeuronRow]
    lens: LensResult | None = Field(default=None, description="null unless it was asked for.")

    def tables(self) -> list[Table]:
        """Languages, groups, controls."""
        found = self.noted()
        if self.languages:
            found.append(self._languages())
        if self.groups:
            found.append(self._groups())
        if self.controls:
            rows: list[list[Cell]] = [
                [c.name, c.value, c.mean, f"[{c.low:.4g}, {c.high:.4g}]", c.p, c.n] for c in self.controls
            ]
            columns = ["figure", "value", "by chance", "95 % by chance", "p", "n"]
            caption = (
                "Means over tokens here, where above each prompt counts the same. Random sets have as many "
                "neurons of each layer.\nActive alike: drawn among those whose mean on the choosing half "
                "pushes towards the probe too, so that what weakens\nall that is active does not count for "
                "those that are followed."
            )
            found.append(Table(title="Beside chance", columns=columns, rows=rows, caption=caption))
        found.append(self._listed())
        return [*found, *self.lens.tables()] if self.lens is not None else found

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Compare with what the model became; or change what was followed."""
        if not self.files:
            return []
        if self.tuned is None:
            return [
                f"detox probe activations {self.model} --tuned TUNED --probe PROBE -o {self.files[0]}-after"
            ]
        return [f"detox probe diff {self.model} {self.tuned} --probe {self.probe or 'PROBE'} -o diff"]

    def _languages(self) -> Table:
        rows: list[list[Cell]] = [
            [
                one.lang,
                *(_text(e) for e in (one.before, one.same, one.own, one.change_same, one.change_own)),
                one.before.n,
            ]
            for one in self.languages
        ]
        columns = ["language", "before", "same tokens", "own tokens", "change (same)", "change (own)", "n"]
        caption = (
            f"Mean coefficient of {self.followed} neurons {self.chosen_by}; prompts of the other half, 95 % "
            "intervals by bootstrap over prompts."
        )
        if self.probe is not None:
            caption += " Those that lie against the probe count with the opposite sign."
        return Table(title="Activations", columns=columns, rows=rows, caption=caption)

    def _groups(self) -> Table:
        rows: list[list[Cell]] = [
            [one.group, one.neurons, _text(one.shift), _text(one.share)] for one in self.groups
        ]
        caption = (
            "TP-: along the probe, active, lowered. TN+: along it, negative, lowered.\n"
            "AP+: against it, active, raised. AN-: against it, negative, raised.\n"
            "The shift is the sum of changes of coefficients times value vectors, projected on the probe's "
            "direction, on the same tokens; groups are formed on one half of the prompts, and figures are of "
            "the other."
        )
        columns = ["group", "neurons", "shift", "share"]
        return Table(title="What carries the shift", columns=columns, rows=rows, caption=caption)

    def _listed(self) -> Table:
        names = {
            "layer": "layer",
            "neuron": "neuron",
            "cosine": "cosine",
            "mean": "mean",
            "positive": "above 0",
            "change_same": "change (same)",
            "group": "group",
            "shift": "shift",
        }
        shown = {name: title for name, title in names.items() if getattr(self.listed[0], name) is not None}
        rows: list[list[Cell]] = [
            [_cell(getattr(row, name)) for name in shown] for row in self.listed[:SHOWN]
        ]
        columns = list(shown.values())
        which = "followed" if self.followed else "that vary most"
        caption = (
            f"Neurons {which}, {len(rows)} of {len(self.listed)} in by_neuron.csv, with 95 % intervals over "
            "prompts; all neurons are in statistics.safetensors."
        )
        return Table(title="Neurons", columns=columns, rows=rows, caption=caption)


def _cell(value: Cell | Estimate) -> Cell:
    return _text(value) if isinstance(value, Estimate) else value


def _text(one: Estimate | None) -> str:
    return "-" if one is None else one.written(".4f")
