"""Parts of a verification that a killed run does not repeat, and a model that is loaded when it is needed."""

from collections.abc import Callable
from typing import Any

from detox_cli.generation.load import load_engine
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.adapters import Adapter
from detox_cli.models.loading import AS_THEY_ARE
from detox_cli.models.sources import ModelSource
from detox_cli.models.weights import WeightForm
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.abliterate.verify.options import VerifyOptions

KEY = "verify"
Forget = Callable[[], None]


def do_nothing() -> None:
    """For a lender who keeps the engine."""


class Stages:
    """Values of finished parts by name, JSON all of them; kept in a journal if there is one.

    Args:
        journal: May hold records of other kinds too.
    """

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        records = journal.records() if journal is not None else ()
        self._done: dict[str, Any] = {record[KEY]: record["value"] for record in records if KEY in record}

    def has(self, name: str) -> bool:
        """Whether a part is finished."""
        return name in self._done

    def get(self, name: str, compute: Callable[[], Any]) -> Any:
        """The value of a part, computed if no run has finished it."""
        if name not in self._done:
            self._done[name] = compute()
            if self._journal is not None:
                self._journal.append({KEY: name, "value": self._done[name]})
        return self._done[name]


class Model:
    """A model that is loaded when the first part needs it.

    Args:
        source: Where it is.
        options: How it is loaded.
        progress: Who listens.
        adapter: What is put on it.
        lent: The engine, if somebody has loaded it already.
        forget: Called when the lent engine is given up, so that the lender can let go of it, too.
        form: In what form its weights are held.
    """

    def __init__(
        self,
        source: ModelSource,
        options: VerifyOptions,
        progress: Progress,
        adapter: Adapter | None = None,
        lent: TransformersEngine | None = None,
        form: WeightForm = AS_THEY_ARE,
        forget: Forget = do_nothing,
    ) -> None:
        self.source, self.options, self.progress = source, options, progress
        self.adapter, self.form, self._forget = adapter, form, forget
        self._engine = lent

    @property
    def engine(self) -> TransformersEngine:
        """The engine, loaded by the first who asks."""
        if self._engine is None:
            self.progress.stage(f"loading {self.source.name}")
            self._engine = load_engine(
                self.source,
                device=self.options.device,
                dtype=self.options.dtype,
                batch_tokens=self.options.batch_tokens,
                trust_remote_code=self.options.trust_remote_code,
                chat_template=self.options.chat_template,
                form=self.form,
                adapter=self.adapter,
                warn=self.progress.warn,
            )
        return self._engine

    def give_up(self) -> None:
        """Let its memory go, so that the next model finds room."""
        self._engine = None
        self._forget()
