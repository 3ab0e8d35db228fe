"""Perspective, for as long as it answers: it ends with 2026, and nothing here depends on it.

A text is sent once, without being kept by the service (``doNotStore``). The key is read from the environment
and goes into a header, never into an address, a log or a file. Answers can be recorded, and replayed offline.
"""

import functools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import anyio
import httpx2

from detox_cli.data.lines import numbered_lines
from detox_cli.errors import BadData, BadSettings, DetoxError, Missing
from detox_cli.generation.server_client import KEY_STATUSES, Malformed, Patience, Refusal, ServerClient
from detox_cli.scoring.pacing import TokenBucket
from detox_cli.scoring.spec import AUTO, Spec

URL = "https://commentanalyzer.googleapis.com/v1alpha1"
ATTRIBUTES = (
    "TOXICITY",
    "SEVERE_TOXICITY",
    "IDENTITY_ATTACK",
    "INSULT",
    "PROFANITY",
    "THREAT",
    "SEXUALLY_EXPLICIT",
)
ANY = "ANY"
"""The highest of all attributes, which is the toxicity of Lee et al. 2024 (ICML)."""
LANGUAGES = frozenset(
    ("ar", "cs", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "zh")
)
GONE = (404, 410)
WAY_OUT = "name another scorer, such as detoxify:original or builtin:toxicity"
PATIENCE = Patience(tries=7, first_wait=1.0, longest_wait=120.0, timeout=60.0)
NEVER = float("nan")


@dataclass(frozen=True)
class Perspective:
    """The summary score of one attribute, in [0, 1], asked of the service.

    Attributes:
        attribute: One of ``ATTRIBUTES``, or ``ANY``.
        language: A code, or ``auto``: the service finds it out.
        key: Of the service; not shown.
        url: Where the service is.
        rate: Requests in a second; a key has 1 if nothing else was granted.
        record: Where answers are added, a JSON line each, to be replayed.
    """

    attribute: str = "TOXICITY"
    language: str = AUTO
    key: str | None = field(default=None, repr=False)
    url: str = URL
    rate: float = 1.0
    record: Path | None = None
    patience: Patience = PATIENCE
    meaning: str = "toxic"
    chunk: ClassVar[int] = 32
    """Texts between two visits to the cache: at one in a second, little is lost by a kill."""

    @property
    def identity(self) -> str:
        """The service, its version, the attribute, the language."""
        return f"perspective v1alpha1#{self.attribute} {self.language}"

    def too_long(self, texts: Sequence[str]) -> int:
        """None are cut: what is too long is refused."""
        return 0

    def score(self, texts: Sequence[str]) -> list[float]:
        """One number per text, in order; NaN for one that the service refuses for good.

        Raises:
            Missing: There is no key, the key is refused, or the service is not there (any more).
            DetoxError: It fails again and again; what is scored so far is kept.
        """
        if not texts:
            return []
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
            raise Missing(
                f"{len(texts)} texts are unknown to the cache, and this run is offline", hint=WAY_OUT
            )
        if not self.key:
            hint = f"set PERSPECTIVE_API_KEY, or {WAY_OUT}"
            raise Missing("Perspective wants a key", hint=hint)
        return anyio.run(self._ask_all, list(texts))

    def body(self, text: str) -> dict[str, Any]:
        """The request for one text; an empty one is sent as a space."""
        wanted = ATTRIBUTES if self.attribute == ANY else (self.attribute,)
        language = {} if self.language == AUTO else {"languages": [self.language]}
        return {
            "comment": {"text": text or " ", "type": "PLAIN_TEXT"},
            "requestedAttributes": {name: {} for name in wanted},
            "doNotStore": True,
            **language,
        }

    async def _ask_all(self, texts: list[str]) -> list[float]:
        scores = [NEVER] * len(texts)
        bucket = TokenBucket(self.rate, burst=max(1.0, self.rate / 10))

        async def paced(_: httpx2.Request) -> None:
            await bucket.take()

        hooks: dict[str, list[Callable[..., Any]]] = {"request": [paced]}
        headers = {"X-Goog-Api-Key": self.key or ""}
        async with httpx2.AsyncClient(
            headers=headers, timeout=self.patience.timeout, event_hooks=hooks
        ) as http:
            client = ServerClient(http, self.url, self.patience, lambda _: None)
            limiter = anyio.CapacityLimiter(16)

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

    async def _ask(self, client: ServerClient, text: str) -> float:
        try:
            answer = await client.post(
                "/comments:analyze", self.body(text), functools.partial(_checked, self)
            )
        except Refusal as refusal:
            return self._refused(refusal)
        except Missing as error:
            raise Missing(self._without_key(str(error)), hint=WAY_OUT) from None
        except DetoxError as error:
            hint = "the same command goes on from here; lower PERSPECTIVE_QPS if the quota is smaller"
            raise DetoxError(self._without_key(str(error)), hint=hint) from None
        if self.record is not None:
            line = json.dumps({"query": text, "response": answer}, ensure_ascii=False) + "\n"
            with self.record.open("ab", buffering=0) as file:
                file.write(line.encode("utf-8", "surrogatepass"))
        return summary_score(answer, self.attribute)

    def _refused(self, refusal: Refusal) -> float:
        """NaN where the text is the reason; an error where every text would be refused."""
        reason = self._without_key(str(refusal))
        if refusal.status in KEY_STATUSES or "api key" in reason.lower():
            raise Missing(
                f"Perspective refuses the key: {reason}", hint=f"check PERSPECTIVE_API_KEY, or {WAY_OUT}"
            )
        if refusal.status in GONE:
            raise Missing(f"Perspective is not at {self.url} (any more): {reason}", hint=WAY_OUT)
        return NEVER

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "***") if self.key else text


@dataclass(frozen=True)
class Recorded:
    """Scores from a file of recorded answers: JSON lines with ``query`` (the text) and ``response``.

    The files of ``perspective_api_eval.py`` of Li, Yong & Bach (2024) have this form too.
    """

    scores: Mapping[str, float]
    name: str
    meaning: str = "toxic"

    @property
    def identity(self) -> str:
        """The file's name and the attribute."""
        return self.name

    def too_long(self, texts: Sequence[str]) -> int:
        """None."""
        return 0

    def score(self, texts: Sequence[str]) -> list[float]:
        """One number per text, in order; NaN for one that was not recorded."""
        return [self.scores.get(text, NEVER) for text in texts]


def load_perspective(spec: Spec) -> "Perspective | Recorded":
    """What ``spec`` names: ``perspective:LANGUAGE#ATTRIBUTE``, ``perspective:FILE``.

    From the environment: ``PERSPECTIVE_API_KEY``, ``PERSPECTIVE_QPS``, ``PERSPECTIVE_URL`` and
    ``PERSPECTIVE_RECORD``.

    Raises:
        BadSettings: No such attribute or language, or a rate that is none.
        Missing: No such file. BadData: It holds no recorded answers.
    """
    attribute = (spec.label or ATTRIBUTES[0]).upper()
    if attribute not in (*ATTRIBUTES, ANY):
        raise BadSettings(
            f"Perspective has no '{spec.label}'", hint=f"it has {', '.join(ATTRIBUTES)}, and {ANY}"
        )
    if "." in spec.target or "/" in spec.target:
        return _recorded(Path(spec.target).expanduser(), attribute)
    language = "zh" if spec.target.lower().startswith("zh") else spec.target.lower()
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


def summary_score(answer: Any, attribute: str) -> float:
    """The score in an answer: of the attribute, or the highest of all that are there.

    Raises:
        KeyError, TypeError or ValueError: The answer has another form.
    """
    scores = answer["attributeScores"]
    names = list(scores) if attribute == ANY else [attribute]
    return max(float(scores[name]["summaryScore"]["value"]) for name in names)


def _checked(scorer: Perspective, answer: Any) -> Any:
    try:
        summary_score(answer, scorer.attribute)
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("an answer without the score that was asked for") from error
    return answer


def _recorded(path: Path, attribute: str) -> Recorded:
    scores: dict[str, float] = {}
    if not path.is_file():
        raise Missing(f"no recorded answers at {path}", hint="record some: PERSPECTIVE_RECORD=FILE")
    for number, line in numbered_lines(str(path)):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            score = summary_score(row["response"], attribute)
            if scores.setdefault(row["query"], score) != score:
                raise BadData("the same text has another score in an earlier line", where=f"{path}:{number}")
        except (ValueError, KeyError, TypeError) as error:
            message = f"this line is no recorded answer with {attribute}"
            raise BadData(
                message, where=f"{path}:{number}", hint='see docs/scores.md: {"query", "response"}'
            ) from error
    return Recorded(scores, f"perspective recorded {path.name}#{attribute}")


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
