"""From settings to the two sides of a contrast."""

from collections.abc import Mapping, Sequence

from detox_cli.data.rejects import Rejects
from detox_cli.runs.journal import Journal
from detox_cli.services.abliterate.base import Base
from detox_cli.services.abliterate.contrast.contrasts import Contrast, Prompt
from detox_cli.services.abliterate.contrast.files import Form, Wording
from detox_cli.services.abliterate.contrast.make import Sources, asking, make_contrast
from detox_cli.settings.abliterate import AbliterateSettings


def sources_of(settings: AbliterateSettings, keep_all: bool) -> Sources:
    """Which prompts the settings ask for."""
    return Sources(
        kind=settings.contrast,
        positive=settings.positive,
        negative=settings.negative,
        pairs=settings.pairs,
        column=settings.text_column,
        limit=settings.limit,
        seed=settings.seed,
        keep_all=keep_all,
    )


def find_contrast(settings: AbliterateSettings, base: Base, journal: Journal) -> Contrast:
    """Read the prompts, and look at how the model behaves on them.

    Raises:
        BadData: A file cannot be used, or too few prompts are left.
        BadSettings: Files are missing, or do not belong to the contrast.
    """
    contrast = _made(settings, base, journal, keep_all=not settings.filter)
    contrast.check(settings.force)
    return contrast


def held_out(settings: AbliterateSettings, base: Base, journal: Journal) -> Contrast:
    """The same prompts where the model's behaviour on them decides nothing but for the contrast of a task.

    Raises:
        BadData: A file cannot be used.
        BadSettings: Files are missing, or do not belong to the contrast.
    """
    return _made(settings, base, journal, keep_all=True)


def _made(settings: AbliterateSettings, base: Base, journal: Journal, keep_all: bool) -> Contrast:
    form: Form = "raw" if settings.raw else "turn"
    wording = Wording(base.reader.chat, form, settings.system, settings.prefix)
    rejects = Rejects()

    def ask(prompts: Sequence[Prompt]) -> Mapping[str, str]:
        return asking(base.engine, journal, base.progress)(prompts)

    contrast = make_contrast(sources_of(settings, keep_all), wording, ask, rejects, base.progress)
    if rejects.count:
        base.progress.warn(f"{rejects.count} rows of the prompts hold no text and are left out")
    return contrast
