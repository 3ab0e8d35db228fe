"""Which texts are wanted: what the settings say, and the preset where they say nothing."""

from dataclasses import dataclass

from detox_cli.data.where.parse import Rule, parse_rule
from detox_cli.errors import BadSettings
from detox_cli.services.train_lm.presets import PRESETS
from detox_cli.settings.train_lm import TextOptions


@dataclass(frozen=True)
class Choice:
    """The choice of texts, complete.

    Attributes:
        sources: Files and data sets; of a data set of several splits once for each, as ``(name, split)``.
        rule: Which rows count; all of them if there is none.
        column: The column with the text; looked for if not given.
        sample: The share of the texts that is used.
        clean: Whether they are said to be clean.
    """

    sources: tuple[tuple[str, str], ...]
    rule: Rule | None
    column: str | None
    sample: float
    clean: bool

    @property
    def words(self) -> str:
        """The choice as a card says it."""
        share = f", {self.sample:.0%} of them" if self.sample < 1 else ""
        return (f"texts with `{self.rule.text}`" if self.rule else "all texts") + share


def choose_texts(settings: TextOptions) -> Choice:
    """Put settings and preset together.

    Raises:
        BadSettings: Nothing to read is named, or something twice, or the rule is none.
    """
    preset = PRESETS[settings.preset] if settings.preset else None
    names = settings.data or ((preset.data,) if preset and preset.data else ())
    if not names:
        hint = "give --data FILE" + ("" if preset else ", or --preset civil-toxic")
        raise BadSettings("nothing to train on is named", where="--data", hint=hint)
    if repeated := [name for number, name in enumerate(names) if name in names[:number]]:
        raise BadSettings("is given twice", where=f"--data {repeated[0]}", hint="give every file once")
    splits = settings.dataset_split or (preset.splits if preset and not settings.data else ()) or ("train",)
    where = settings.where if settings.where is not None else preset.where if preset else None
    return Choice(
        sources=tuple(
            (name, split) for name in names for split in (splits if _may_have(name) else splits[:1])
        ),
        rule=parse_rule(where) if where is not None else None,
        column=settings.text_column or (preset.column if preset else None),
        sample=settings.sample or (preset.sample if preset else 1.0),
        clean=bool(preset and preset.clean),
    )


def _may_have(name: str) -> bool:
    """Whether this is a data set, which may have several splits, not a file, which has none."""
    from detox_cli.data.datasets_hub import is_dataset

    return name != "-" and is_dataset(name)
