"""What a rewriter's folder says about how it wants to be used: its frame, and how it declines.

It stands in ``config.json`` under ``detoxification``, because a model that was trained to read
``Detoxify text for en: …`` reads anything else worse, and nobody can see that from its weights.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from detox_cli.data.template import framed

KEY = "detoxification"


@dataclass(frozen=True)
class Rewriting:
    """How a rewriter reads and declines.

    Attributes:
        prefix: What it read before every source.
        template: The frame of every source, in place of a prefix.
        abstain_text: What it writes for a source that cannot be rewritten; ``None`` if it never learnt to.
        abstain_reasons: Why sources could not be rewritten that it learnt this from.
    """

    prefix: str = ""
    template: str | None = None
    abstain_text: str | None = None
    abstain_reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Any) -> Self:
        """What a model's configuration says; nothing for models of other origin."""
        stated = getattr(config, KEY, None)
        known = stated if isinstance(stated, Mapping) else {}
        values = {name: known[name] for name in cls.__dataclass_fields__ if name in known}
        return cls(**values | {"abstain_reasons": tuple(values.get("abstain_reasons", ()))})

    def put_into(self, config: Any) -> None:
        """Write it into a model's configuration, as far as there is something to say."""
        said = {name: value for name, value in asdict(self).items() if value}
        if said:
            setattr(config, KEY, said)
        elif hasattr(config, KEY):
            delattr(config, KEY)

    def frame(self, text: str, values: Mapping[str, object]) -> str:
        """What it reads for ``text``, which stands in a row with ``values``.

        Raises:
            KeyError: The row lacks a column that the template names.
        """
        return self.prefix + text if self.template is None else framed(self.template, text, values)

    def declines(self, output: str) -> bool:
        """Whether ``output`` says that the source cannot be rewritten; spaces do not count."""
        return self.abstain_text is not None and output.split() == self.abstain_text.split()
