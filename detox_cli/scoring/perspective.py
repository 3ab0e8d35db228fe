"""Perspective, for as long as it answers: it ends with 2026, and nothing here depends on it.

A text is sent once, in its own language where that is known, without being kept by the service
(``doNotStore``). The key is read from the environment and goes into a header, never into an address, a log
or a file. Answers can be recorded, and replayed offline.
"""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import httpx2

from detox_cli.errors import BadSettings, DetoxError, Missing
from detox_cli.generation.server_client import (
    KEY_STATUSES,
    Malformed,
    Patience,
    Refusal,
    ServerClient,
    check_key_is_hidden,
)
from detox_cli.scoring.pacing import TokenBucket
from detox_cli.scoring.perspective_answers import (
    ANY,
    ATTRIBUTES,
    ENGLISH_ONLY,
    NEVER,
    Recorded,
    attribute_of,
    language_code,
    read_recorded,
    recorded_line,
    summary_score,
)
from detox_cli.scoring.protocol import Unavailable
from detox_cli.scoring.spec import AUTO, Spec

URL = "https://commentanalyzer.googleapis.com/v1alpha1"
LANGUAGES = frozenset(
    "ar cs de en es fr hi hi-Latn id it ja ko nl pl pt ru sv zh".split()  # noqa: SIM905 - codes
)
"""What Perspective reads; ``hi-Latn`` is Hindi in Latin letters."""
GONE = (404, 410)
WAY_OUT = "name another scorer, such as detoxify:original or builtin:toxicity"
PROBE = "Good morning."
PATIENCE = Patience(tries=7, first_wait=1.0, longest_wait=120.0, timeout=60.0)


@dataclass(frozen=True)
class Perspective:
    """The summary score of one attribute, in [0, 1], asked of the service.

    Attributes:
        attribute: One of ``ATTRIBUTES``, or ``ANY``.
        language: A code, or ``auto``: each text's own where it is known, else what the service finds.
        key: Of the service; not shown.
        url: Where the service is.
        rate: Requests in a second; a key has 1 if nothing else was granted.
        record: Where answers are added, a JSON line each, to be replayed.
        refusals: Why a text has no score, by text; filled while scoring.
    """

    attribute: str = "TOXICITY"
    language: str = AUTO
    key: str | None = field(default=None, repr=False)
    url: str = URL
    rate: float = 1.0
    record: Path | None = None
    patience: Patience = PATIENCE
    meaning: str = "toxic"
    refusals: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def chunk(self) -> int:
        """Texts between two visits to the cache: of half a minute's at most, as little is lost by a kill."""
        return max(32, round(8 * self.rate))

    @property
    def identity(self) -> str:
        """The service, its version, the attribute, the language."""
        return f"perspective v1alpha1#{self.attribute} {self.language}"

    def too_long(self, texts: Sequence[str]) -> int:
        """None are cut: what is too long is refused."""
        return 0

    def in_language(self, lang: str | None) -> "Perspective":
        """This scorer for texts in ``lang``, unless the user has named a language for all texts."""
        return replace(self, language=language_code(lang)) if lang and self.language == AUTO else self

    def score(self, texts: Sequence[str]) -> list[float]:
        """One number per text, in order; NaN for one that the service refuses for good.

        Texts in a language that it is known not to read are not sent.

        Raises:
            Missing: There is no key, the key is refused, or the service is not there (any more).
            Unavailable: It fails again and again, on any text; what is scored so far is kept.
        """
        if not texts:
            return []
        if why := self._cannot():
            self.refusals.update(dict.fromkeys(texts, why))
            return [NEVER] * len(texts)
        self.check_ready()
        return anyio.run(self._ask_all, list(texts))

    def check_ready(self) -> None:
        """See that texts could be sent.

        Raises:
            Missing: No key, or an offline run. BadSettings: The key would go unencrypted over a network.
        """
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
            raise Missing(
                "Perspective is asked over the network, and this run is offline",
                hint=f"replay recorded answers with perspective:FILE, or {WAY_OUT}",
            )
        if not self.key:
            hint = f"set PERSPECTIVE_API_KEY, or {WAY_OUT}"
            raise Missing("Perspective wants a key", hint=hint)
        check_key_is_hidden(
            self.url, self.key, "PERSPECTIVE_URL", "give it an address that begins with https"
        )

    @property
    def state(self) -> str:
        """Whether it could be asked, in words."""
        try:
            self.check_ready()
        except (Missing, BadSettings) as error:
            return str(error)
        return f"at {self.url}, {self.rate:g} requests in a second"

    def _cannot(self) -> str | None:
        """Why no text in this language has a score."""
        if self.language != AUTO and self.language not in LANGUAGES:
            return f"Perspective does not read '{self.language}'"
        if self.attribute in ENGLISH_ONLY and self.language not in (AUTO, "en"):
            return f"Perspective has {self.attribute} in English only"
        return None

    def attributes(self) -> tuple[str, ...]:
        """What is asked for: the attribute, or of all of them those that texts in this language can have."""
        if self.attribute != ANY:
            return (self.attribute,)
        english = self.language in (AUTO, "en")
        return tuple(name for name in ATTRIBUTES if english or name not in ENGLISH_ONLY)

    def body(self, text: str, wanted: Sequence[str] | None = None) -> dict[str, Any]:
        """The request for one text; an empty one is sent as a space."""
        wanted = self.attributes() if wanted is None else wanted
        language = {} if self.language == AUTO else {"languages": [self.language]}
        return {
            "comment": {"text": text or " ", "type": "PLAIN_TEXT"},
            "requestedAttributes": {name: {} for name in wanted},
            "doNotStore": True,
            **language,
        }

    async def _ask_all(self, texts: list[str]) -> list[float]:
        scores = [NEVER] * len(texts)
        bucket = _bucket(self.url, self.key, self.rate)

        async def paced(_: httpx2.Request) -> None:
            await bucket.take()

        hooks: dict[str, list[Callable[..., Any]]] = {"request": [paced]}
        headers = {"X-Goog-Api-Key": self.key or ""}
        async with httpx2.AsyncClient(
            headers=headers, timeout=self.patience.timeout, event_hooks=hooks
        ) as http:
            client = ServerClient(http, self.url, self.patience, lambda _: None)
            limiter = anyio.CapacityLimiter(max(16, round(self.rate)))

            async def ask(place: int) -> None:
                async with limiter:
                    scores[place] = await self._ask(client, texts[place])

            try:
                async with anyio.create_task_group() as tasks:
                    for place in range(len(texts)):
                        tasks.start_soon(ask, place)
            except ExceptionGroup as group:
                raise _first(group) from None
        return scores

    async def _ask(self, client: ServerClient, text: str, wanted: Sequence[str] | None = None) -> float:
        try:
            answer = await client.post(
                "/comments:analyze", self.body(text, wanted), functools.partial(_checked, self)
            )
        except Refusal as refusal:
            fewer = [name for name in self.attributes() if name not in ENGLISH_ONLY]
            if wanted is None and self.attribute == ANY and any(n in str(refusal) for n in ENGLISH_ONLY):
                return await self._ask(client, text, fewer)  # the service found it to be in another language
            return self._refused(text, refusal)
        except Missing as error:
            raise Missing(self._without_key(str(error)), hint=WAY_OUT) from None
        except DetoxError as error:
            why = self._without_key(str(error))
            if await self._answers(client.http):
                self.refusals[text] = f"Perspective answers other texts; for this one {why}"
                return NEVER
            hint = "the same command goes on from here; lower PERSPECTIVE_QPS if the quota is smaller"
            raise Unavailable(why, hint=hint) from None
        if self.record is not None:
            line = recorded_line(text, None if self.language == AUTO else self.language, answer)
            with self.record.open("ab", buffering=0) as file:
                file.write(line.encode("utf-8", "surrogatepass"))
        return summary_score(answer, self.attribute)

    async def _answers(self, http: httpx2.AsyncClient) -> bool:
        """Whether the service answers a text that nothing is wrong with, asked once."""
        once = ServerClient(http, self.url, replace(self.patience, tries=1), lambda _: None)
        try:
            await once.post("/comments:analyze", self.body(PROBE), functools.partial(_checked, self))
        except (Refusal, DetoxError):
            return False
        return True

    def _refused(self, text: str, refusal: Refusal) -> float:
        """NaN where the text is the reason; an error where every text would be refused."""
        reason = self._without_key(str(refusal))
        if refusal.status in KEY_STATUSES or "api key" in reason.lower():
            raise Missing(
                f"Perspective refuses the key: {reason}", hint=f"check PERSPECTIVE_API_KEY, or {WAY_OUT}"
            )
        if refusal.status in GONE:
            raise Missing(f"Perspective is not at {self.url} (any more): {reason}", hint=WAY_OUT)
        self.refusals[text] = f"Perspective refuses it: {reason}"
        return NEVER

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "***") if self.key else text


@functools.cache
def _bucket(url: str, key: str | None, rate: float) -> TokenBucket:
    """One for all that this process asks with a key, since its quota is one."""
    return TokenBucket(rate, burst=max(1.0, rate / 10))


def load_perspective(spec: Spec) -> "Perspective | Recorded":
    """What ``spec`` names: ``perspective:LANGUAGE#ATTRIBUTE``, ``perspective:FILE``.

    From the environment: ``PERSPECTIVE_API_KEY``, ``PERSPECTIVE_QPS``, ``PERSPECTIVE_URL`` and
    ``PERSPECTIVE_RECORD``.

    Raises:
        BadSettings: No such attribute or language, or a rate that is none.
        Missing: No such file. BadData: It holds no recorded answers.
    """
    attribute = attribute_of(spec.label)
    if "." in spec.target or "/" in spec.target:
        return read_recorded(Path(spec.target).expanduser(), attribute)
    language = language_code(spec.target)
    if language != AUTO and language not in LANGUAGES:
        raise BadSettings(
            f"Perspective does not read '{spec.target}'", hint=f"it reads {', '.join(sorted(LANGUAGES))}"
        )
    record = os.environ.get("PERSPECTIVE_RECORD")
    return Perspective(
        attribute,
        language,
        os.environ.get("PERSPECTIVE_API_KEY") or None,
        os.environ.get("PERSPECTIVE_URL", URL).rstrip("/"),
        _rate(os.environ.get("PERSPECTIVE_QPS", "1")),
        Path(record) if record else None,
    )


def _checked(scorer: Perspective, answer: Any) -> Any:
    try:
        summary_score(answer, scorer.attribute)
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("an answer without the score that was asked for") from error
    return answer


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise BadSettings(
            f"PERSPECTIVE_QPS is no rate: '{text}'", hint="give requests in a second, such as 1"
        )
    return rate


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
