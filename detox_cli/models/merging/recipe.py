"""Recipes: which models are merged, how, and with which values where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from detox_cli.errors import BadData
from detox_cli.models.merging.method import Method
from detox_cli.models.merging.settings import Values

Number = float | int | bool

DEFAULTS: Mapping[str, float] = {"weight": 1.0, "density": 1.0, "gamma": 0.01, "epsilon": 0.15, "lambda": 1.0}
"""What a value is where a recipe is silent, as in mergekit."""
DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64"}
"""Types of numbers as recipes and as files name them."""
OF_A_MODEL = ("weight", "density", "gamma", "epsilon")
OF_A_MERGE = ("normalize", "rescale", "lambda", "t")


@dataclass(frozen=True)
class Part:
    """A value for the tensors whose name holds ``filter``, or for all.

    Attributes:
        value: One number, or several along the layers with straight lines between them.
        filter: What a tensor's name must hold; ``None`` for any.
    """

    value: Number | tuple[float, ...]
    filter: str | None = None


Setting = tuple[Part, ...]
Settings = Mapping[str, Setting]


@dataclass(frozen=True)
class Named:
    """A model of a recipe: a folder, a Hub id or ``builtin:NAME``, and an adapter to put on it, if any."""

    model: str
    revision: str | None = None
    adapter: str | None = None

    def __str__(self) -> str:
        """As mergekit writes it."""
        revision = f"@{self.revision}" if self.revision else ""
        return self.model + revision + (f"+{self.adapter}" if self.adapter else "")


@dataclass(frozen=True)
class Ingredient:
    """A model with the values that a recipe gives it."""

    model: Named
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """Some layers of the result.

    Attributes:
        sources: The models with their values, the base among them if there is one.
        layers: The first layer and the one after the last, of every source.
        settings: Values for all models.
    """

    sources: tuple[Ingredient, ...]
    layers: tuple[tuple[int, int], ...]
    settings: Settings = field(default_factory=dict)

    @property
    def length(self) -> int:
        """How many layers it has."""
        first, last = self.layers[0]
        return last - first


@dataclass(frozen=True)
class Recipe:
    """What is merged, and how.

    Attributes:
        method: The method.
        models: The models, without the base.
        base: What task vectors are counted from, or ``None``.
        settings: Values for all models.
        dtype: The type of what is written (``float32``, …), or ``None`` for that of the base.
        tokenizer: Whose tokens the result has: ``base``, ``union`` or a model of the recipe.
        remarks: What was read and has no effect here, a sentence each.
        slices: The layers of the result, where they are not those of every model one by one; ``models`` are
            then all that slices name.
        chat_template: A template in Jinja, or ``auto`` for that of most models; ``None`` for the base's.
    """

    method: Method
    models: tuple[Ingredient, ...]
    base: Named | None
    settings: Settings = field(default_factory=dict)
    dtype: str | None = None
    tokenizer: str | None = None
    remarks: tuple[str, ...] = ()
    slices: tuple[Slice, ...] = ()
    chat_template: str | None = None

    def __post_init__(self) -> None:
        if not self.slices:
            check(self)
        for own in range(len(self.slices)):
            check(self.of_slice(own))

    def of_slice(self, number: int) -> "Recipe":
        """What a slice alone would be: its models, without the base, and its values."""
        own = self.slices[number]
        models = tuple(entry for entry in own.sources if entry.model != self.base)
        return replace(self, models=models, settings={**self.settings, **own.settings}, slices=())

    @property
    def layered(self) -> bool:
        """Whether some value changes along the layers."""
        settings = (self.settings, *(entry.settings for entry in self.models))
        parts = (part for own in settings for setting in own.values() for part in setting)
        return any(isinstance(part.value, tuple) for part in parts)

    def values(self, tensor: str, depth: float, keys: tuple[int, ...] = ()) -> Values:
        """The values for one tensor.

        Args:
            tensor: Its name.
            depth: Where its layer is, from 0 (the first, and what is in none) to 1 (the last).
            keys: The random stream of every model.

        Raises:
            BadData: A value that the method needs is given nowhere.
        """

        def each(name: str) -> tuple[float, ...]:
            return tuple(self._number(name, tensor, depth, entry.settings) for entry in self.models)

        return Values(
            weights=each("weight"),
            densities=each("density"),
            gammas=each("gamma"),
            epsilons=each("epsilon"),
            normalize=bool(self._number("normalize", tensor, depth)),
            rescale=bool(self._number("rescale", tensor, depth)),
            scale=self._number("lambda", tensor, depth),
            t=self._number("t", tensor, depth),
            keys=keys,
        )

    def _number(self, name: str, tensor: str, depth: float, own: Settings | None = None) -> float:
        for settings in (own or {}, self.settings):
            for part in settings.get(name, ()):
                if part.filter is None or part.filter in tensor:
                    return at_depth(part.value, depth)
        if name in ("normalize", "rescale"):
            return float(getattr(self.method, name))
        if name in self.method.needs:
            raise BadData(
                f"{self.method.name} needs {name} for {tensor}, and the recipe gives none",
                hint="add it to the parameters",
            )
        return DEFAULTS.get(name, 0.0)


def at_depth(value: Number | tuple[float, ...], depth: float) -> float:
    """One value of a gradient along the layers, on the straight line between its points."""
    if not isinstance(value, tuple):
        return float(value)
    place = depth * (len(value) - 1)
    low = min(int(place), len(value) - 1)
    high = min(low + 1, len(value) - 1)
    return value[low] + (value[high] - value[low]) * (place - low)


def check(recipe: Recipe) -> None:
    """Refuse what the method cannot do.

    Raises:
        BadData: Too few or too many models, no base, or values out of range.
    """
    method, count = recipe.method, len(recipe.models)
    if count < method.least or (method.most is not None and count > method.most):
        wanted = f"{method.least}" if method.least == method.most else f"at least {method.least}"
        raise BadData(
            f"{method.name} merges {wanted} models beside the base, the recipe has {count}",
            hint="name as many, or choose another merge_method",
        )
    if method.base == "needed" and recipe.base is None:
        raise BadData(f"{method.name} counts from a base model", hint="add base_model")
    if recipe.dtype is not None and recipe.dtype not in DTYPES:
        raise BadData(f"dtype {recipe.dtype!r} cannot be written", hint=f"known here: {', '.join(DTYPES)}")
    for settings in (recipe.settings, *(entry.settings for entry in recipe.models)):
        for name, setting in settings.items():
            for number in _numbers(setting):
                if name in ("density", "gamma", "t") and not 0 <= number <= 1:
                    raise BadData(
                        f"{name} is a share from 0 to 1, not {number:g}", hint="correct it in the recipe"
                    )


def _numbers(setting: Setting) -> Iterable[float]:
    for part in setting:
        yield from part.value if isinstance(part.value, tuple) else (float(part.value),)
