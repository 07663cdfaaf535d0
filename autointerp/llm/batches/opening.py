"""From an endpoint to its batch API and what that costs."""

from typing import cast

from autointerp import plugins
from autointerp.errors import InvalidSpec
from autointerp.llm.base import Endpoint
from autointerp.llm.batches.base import BatchDriver, BatchProviderConfig
from autointerp.llm.prices import Tariff


def need_batches(endpoint: Endpoint) -> None:
    """InvalidSpec when the endpoint has no batch API."""
    _needed(endpoint)


def open_batches(endpoint: Endpoint) -> BatchDriver:
    """Open the batch API; InvalidSpec when there is none."""
    return _needed(endpoint).open_batches(endpoint)


def batch_tariff_of(endpoint: Endpoint) -> Tariff:
    """What requests in a batch cost; the endpoint's own price comes first, at the share that batches have of it."""
    if endpoint.price is not None:
        return endpoint.price.times(endpoint.batch.price_share)
    return _needed(endpoint).batch_tariff(endpoint)


def _needed(endpoint: Endpoint) -> BatchProviderConfig:
    config = _config(endpoint)
    if config is None:
        raise InvalidSpec(
            f"the endpoint {endpoint.name!r} has no batch API; "
            'set mode = "online", or use an endpoint of OpenAI or Anthropic'
        )
    return config


def _config(endpoint: Endpoint) -> BatchProviderConfig | None:
    found = plugins.configure("provider", endpoint.provider, endpoint.options)
    if not hasattr(found, "can_batch"):
        return None
    config = cast(BatchProviderConfig, found)
    return config if config.can_batch(endpoint) else None
