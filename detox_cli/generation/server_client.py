"""HTTP to a server that speaks OpenAI's protocol: patient where waiting helps, plain where it does not."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, TypeVar

import anyio
import httpx2

from detox_cli.errors import BadSettings, DetoxError, Missing

T = TypeVar("T")
Headers = dict[str, str]
WAIT_STATUSES = (408, 425, 429)
KEY_STATUSES = (401, 403)
START_IT = "start the server, or check --base-url"
GIVE_KEY = "set DETOX_API_KEY or OPENAI_API_KEY to a key of this server"
LISTED = 8


class Refusal(Exception):
    """The server understood a request and will not answer it (a 4xx status).

    Args:
        status: The HTTP status.
        reason: What the server says, in one line.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Malformed(ValueError):
    """An answer that is not what the protocol says."""


@dataclass(frozen=True)
class Patience:
    """How often a request is tried, and how long is waited.

    Attributes:
        tries: The most attempts for one request.
        first_wait: Seconds after the first failure; each further wait may be twice as long.
        longest_wait: The most seconds, also of those that the server asks for.
        timeout: Seconds without a byte after which an answer is given up.
    """

    tries: int = 8
    first_wait: float = 0.5
    longest_wait: float = 60.0
    timeout: float = 600.0


def address(base_url: str) -> str:
    """``base_url`` without a trailing slash, with ``/v1`` where only a host is given.

    Raises:
        BadSettings: It is no http address.
    """
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise _no_address(base_url) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise _no_address(base_url)
    if url.userinfo:
        hint = (
            "leave it out, and set DETOX_API_KEY: addresses are seen in lists of processes and in manifests"
        )
        raise BadSettings("holds a login", where="--base-url", hint=hint)
    return str(url.copy_with(path="/v1") if url.path in ("", "/") else url).rstrip("/")


def check_key_is_hidden(place: str, key: str | None, where: str, hint: str) -> None:
    """Refuse to send a key unencrypted over a network: anybody on the way could read it.

    Args:
        place: The address that it would go to.
        key: The key; without one there is nothing to protect.
        where: The option or variable that holds the address.
        hint: What to do about it.

    Raises:
        BadSettings: The address is http, and not on this machine.
    """
    url = httpx2.URL(place)
    if key and url.scheme == "http" and not _is_loopback(url.host):
        raise BadSettings(f"a key would go to {url.host} without encryption", where=where, hint=hint)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def headers(key: str | None) -> Headers:
    """What goes with every request; a key is sent and kept nowhere else."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def list_models(base_url: str, key: str | None, timeout: float = 30.0) -> list[dict[str, Any]]:
    """What the server says about its models; nothing if it has no list to give.

    Some servers answer questions and cannot list what they have, so only a key that is missing, an address
    without a server, and a list that is none end the work here.

    Raises:
        Missing: No server answers there, or it wants a key.
        DetoxError: It answers with something else.
    """
    try:
        answer = httpx2.get(f"{base_url}/models", headers=headers(key), timeout=timeout)
    except httpx2.TransportError as error:
        raise no_server(base_url, error) from error
    if answer.status_code in KEY_STATUSES:
        raise Missing(f"the server refuses the key: {_reason(answer)}", where=base_url, hint=GIVE_KEY)
    if answer.status_code != 200:
        return []
    try:
        listed = answer.json()["data"]
        return [card for card in listed if isinstance(card, dict) and "id" in card]
    except (ValueError, KeyError, TypeError) as error:
        message = "what answers there does not speak OpenAI's protocol"
        raise Missing(message, where=base_url, hint="check --base-url") from error


def no_server(base_url: str, error: Exception) -> Missing:
    """One line for a server that cannot be reached."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return Missing(f"no server answers ({reason})", where=base_url, hint=START_IT)


class ServerClient:
    """Posts requests, and waits and tries again where the server is busy, broken or away.

    Statuses 408, 425, 429 and 5xx, lost connections and garbled answers are tried again, after twice as
    long each time, with jitter; a ``Retry-After`` is obeyed. All other statuses are the server's last word.

    Args:
        http: The connections.
        base_url: As from `address`.
        patience: How often and how long.
        warn: Told once that the server makes us wait.
    """

    def __init__(
        self, http: httpx2.AsyncClient, base_url: str, patience: Patience, warn: Callable[[str], None]
    ) -> None:
        self.http, self.base_url, self.patience, self.warn = http, base_url, patience, warn
        self._told = False

    async def post(self, path: str, body: dict[str, Any], read: Callable[[Any], T]) -> T:
        """The answer to one request, as ``read`` understands it.

        Args:
            path: Such as ``/completions``.
            body: What to send, as JSON.
            read: Takes the answer's JSON apart; raises `Malformed` where it is not what it should be.

        Raises:
            Refusal: A 4xx status that waiting does not change.
            Missing: The server is away, and stayed away.
            DetoxError: The server is busy or broken, and stayed so.
        """
        for tried in range(1, self.patience.tries + 1):
            asked_for: float | None = None
            try:
                answer = await self.http.post(f"{self.base_url}{path}", json=body)
                if _is_final(answer.status_code):
                    raise Refusal(answer.status_code, _reason(answer))
                if answer.status_code == 200:
                    return read(_json(answer))
                trouble: Exception = DetoxError(f"status {answer.status_code}: {_reason(answer)}")
                asked_for = _retry_after(answer.headers.get("retry-after"))
            except (httpx2.TransportError, Malformed) as error:
                trouble = error
            if tried == self.patience.tries:
                break
            await self._wait(tried, asked_for, trouble)
        if isinstance(trouble, httpx2.ConnectError):
            raise no_server(self.base_url, trouble) from trouble
        said = " ".join(str(trouble).split()) or type(trouble).__name__
        raise DetoxError(
            f"the server failed {self.patience.tries} times, at last with {said}",
            where=self.base_url,
            hint="the same command goes on from here; lower --concurrency if the server is overloaded",
        ) from trouble

    async def _wait(self, tried: int, asked_for: float | None, trouble: Exception) -> None:
        longest = self.patience.longest_wait
        most = min(longest, self.patience.first_wait * 2 ** (tried - 1))
        seconds = most * random.uniform(0.5, 1.0) if asked_for is None else min(asked_for, longest)
        if not self._told:
            self._told = True
            said = " ".join(str(trouble).split()) or type(trouble).__name__
            self.warn(f"the server makes us wait and try again: {said}")
        await anyio.sleep(seconds)


def _is_final(status: int) -> bool:
    return 400 <= status < 500 and status not in WAIT_STATUSES


def _json(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise Malformed("an answer that is no JSON") from error


def _reason(answer: httpx2.Response) -> str:
    """The message in an error's body, in one line; servers put it in different places."""
    try:
        said = answer.json()
    except ValueError:
        said = answer.text
    while isinstance(said, dict) and said:
        said = next((said[key] for key in ("error", "message", "detail") if key in said), str(said))
    return " ".join(str(said).split())[:300] or answer.reason_phrase


def _retry_after(value: str | None) -> float | None:
    """Seconds, from a number of seconds or a date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _no_address(base_url: str) -> BadSettings:
    hint = "give an address such as http://localhost:8000/v1"
    return BadSettings(f"no address of a server: {base_url}", where="--base-url", hint=hint)
