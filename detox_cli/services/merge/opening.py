"""The models of a recipe, opened: their files, and their weights under the names of one of them."""

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.adapters import CONFIG, WEIGHTS, Adapter, find_adapter
from detox_cli.models.checkpoint.folder import Checkpoint, open_checkpoint
from detox_cli.models.merging.adapted import AdaptedWeights
from detox_cli.models.merging.aligned import under_names_of
from detox_cli.models.merging.recipe import Named, Recipe
from detox_cli.models.merging.sources import StoredWeights, Weights
from detox_cli.models.snapshot import local_folder
from detox_cli.models.sources import ModelSource, find_model


@dataclass(frozen=True)
class Opened:
    """A model of a recipe.

    Attributes:
        named: As the recipe names it.
        source: Where it was found.
        stored: Its files, open.
        weights: Its numbers, with the adapter if there is one.
        adapter: The adapter.
    """

    named: Named
    source: ModelSource
    stored: StoredWeights
    weights: Weights
    adapter: Adapter | None = None

    @property
    def checkpoint(self) -> Checkpoint:
        """Its files."""
        return self.stored.checkpoint

    @property
    def files(self) -> list[Path]:
        """Everything that decides its weights."""
        own = [self.checkpoint.folder / name for name in self.checkpoint.files]
        if self.adapter is not None:
            own += [self.adapter.folder / CONFIG, self.adapter.folder / WEIGHTS]
        return own


@dataclass(frozen=True)
class Models:
    """All models of a recipe.

    Attributes:
        models: In its order.
        base: Its base, if it has one.
    """

    models: tuple[Opened, ...]
    base: Opened | None

    @property
    def reference(self) -> Opened:
        """The one that says what there is: the base, else the first model."""
        return self.base or self.models[0]

    @property
    def everyone(self) -> tuple[Opened, ...]:
        """Base and models."""
        return (*([self.base] if self.base else []), *self.models)


@dataclass
class _Opener:
    stack: ExitStack
    fetch: bool
    hashed: bool
    known: dict[tuple[str, str | None], tuple[ModelSource, StoredWeights]] = field(default_factory=dict)

    def open(self, named: Named, base: Named | None) -> Opened:
        named = _with_its_base(named, base)
        key = (named.model, named.revision)
        if key not in self.known:
            source = find_model(named.model, named.revision)
            checkpoint = open_checkpoint(local_folder(source, self.fetch))
            weights = self.stack.enter_context(StoredWeights(checkpoint, named.model, self.hashed))
            self.known[key] = source, weights
        source, stored = self.known[key]
        if named.adapter is None:
            return Opened(named, source, stored, stored)
        adapter = find_adapter(named.adapter)
        adapted = AdaptedWeights(stored, stored.checkpoint, adapter, str(named))
        return Opened(named, source, stored, adapted, adapter)


def open_models(recipe: Recipe, stack: ExitStack, fetch: bool = True, hashed: bool = False) -> Models:
    """Open every model of a recipe, until ``stack`` is left.

    Args:
        recipe: What names them.
        stack: Closes them.
        fetch: Whether files may be fetched that are not here.
        hashed: Whether hashes are taken of what is read.

    Raises:
        BadData: A file is missing or damaged, or an adapter is for another model.
        BadSettings: A folder is no model.
        Missing: A model is nowhere to be had.
    """
    opener = _Opener(stack, fetch, hashed)
    base = opener.open(recipe.base, None) if recipe.base is not None else None
    models = [opener.open(entry.model, recipe.base) for entry in recipe.models]
    reference = base or models[0]
    aligned = [_under_names_of(reference, model) for model in models]
    return Models(tuple(aligned), base)


def _under_names_of(reference: Opened, model: Opened) -> Opened:
    weights = under_names_of(reference.weights, reference.checkpoint, model.weights, model.checkpoint)
    ours, theirs = (str(m.checkpoint.config.get("model_type")) for m in (reference, model))
    common = set(reference.weights.shapes) & set(weights.shapes)
    if ours != theirs and 2 * len(common) < len(reference.weights.shapes):
        wrong = f"is of the architecture {theirs}, {reference.named} of {ours}"
        raise BadData(wrong, where=str(model.named), hint="merge models of one kind")
    return replace(model, weights=weights)


def _with_its_base(named: Named, base: Named | None) -> Named:
    """A folder that holds an adapter stands for the base of the merge, or its own, with that adapter."""
    folder = Path(named.model).expanduser()
    if named.adapter is not None or not (folder / CONFIG).is_file() or (folder / "config.json").is_file():
        return named
    if base is not None and base.adapter is None:
        return Named(base.model, base.revision, named.model)
    try:
        own = parse_json((folder / CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (ValueError, AttributeError) as error:
        raise BadData("is no JSON", where=str(folder / CONFIG), hint="save the adapter again") from error
    if not own:
        raise BadSettings(f"{named.model} does not say which model it is for", hint="write MODEL+ADAPTER")
    return Named(str(own), None, named.model)
