"""Trying again where that can help, and only there; the SDKs' own retries are off."""

import logging
from dataclasses import dataclass

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from autointerp.domain.calls import Reply, Request
from autointerp.llm.base import CallFailed, Malformed, Policy
from autointerp.llm.meter import Attempts

MALFORMED_ATTEMPTS = 2
log = logging.getLogger(__name__)


def _tell(details: RetryDetails) -> None:
    """Log why a request is made again; stamina's own line says neither which nor why."""
    log.info("attempt %s failed, again in %.1f s: %s", details.retry_num, details.wait_for, details.caused_by)


set_on_retry_hooks((_tell,))


@dataclass(slots=True)
class _Patience:
    """Decides for one request whether to go on, and how long to wait where the server said so."""

    policy: Policy
    malformed: int = 0

    def __call__(self, error: Exception) -> bool | float:
        if not isinstance(error, CallFailed) or not error.retryable:
            return False
        if isinstance(error, Malformed):
            self.malformed += 1
            if self.malformed >= MALFORMED_ATTEMPTS:
                return False
        if error.said.retry_after is None:
            return True
        return min(error.said.retry_after, self.policy.retry_after_cap)


@dataclass(frozen=True, slots=True)
class Retrying:
    """Makes attempts until one succeeds, none can, or there were enough; sleeping holds no slot."""

    inner: Attempts
    policy: Policy

    async def complete(self, request: Request) -> Reply:
        """Answer the request, or raise the last attempt's failure."""
        try:
            return await self.inner.attempt(request, 1)
        except CallFailed as error:
            return await self._again(request, error)

    async def _again(self, request: Request, first: CallFailed) -> Reply:
        """Go on after the first attempt, which stamina is only told of: setting it up takes longer than most layers."""
        attempts = stamina.retry_context(
            on=_Patience(self.policy),
            attempts=self.policy.attempts,
            timeout=None,
            wait_initial=self.policy.wait_initial,
            wait_max=self.policy.wait_max,
            wait_jitter=self.policy.wait_jitter,
        )
        async for attempt in attempts:
            with attempt:
                if attempt.num == 1:
                    raise first
                return await self.inner.attempt(request, attempt.num)
        raise AssertionError("stamina ends with a reply or an error")
