"""No more requests in a second than a service allows."""

import time
from collections.abc import Awaitable, Callable

import anyio


class TokenBucket:
    """Holds up to ``burst`` tokens and gains ``rate`` in a second; every request takes one, or waits for it.

    Args:
        rate: Tokens in a second.
        burst: Tokens at the beginning, and the most there can be.
        now: The clock, in seconds.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        rate: float,
        burst: float = 1.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError("a bucket needs a rate above 0 and room for one token")
        self._rate, self._burst, self._now, self._sleep = rate, burst, now, sleep
        self._tokens, self._seen = burst, now()

    async def take(self) -> None:
        """Take a token. Those who wait are served in the order in which they came."""
        moment = self._now()
        self._tokens = min(self._burst, self._tokens + (moment - self._seen) * self._rate) - 1
        self._seen = moment
        if self._tokens < 0:  # a debt: whoever comes next waits behind it
            await self._sleep(-self._tokens / self._rate)
