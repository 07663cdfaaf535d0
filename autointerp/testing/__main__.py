"""The test server standing alone, with one behaviour by its name: `python -m autointerp.testing rate_limited`."""

import argparse
import sys
import threading
from collections.abc import Mapping, Sequence
from itertools import count

from starlette.responses import Response

from autointerp.errors import AutointerpError
from autointerp.testing import behaviours
from autointerp.testing.batches.state import Batches
from autointerp.testing.behaviours import Behaviour
from autointerp.testing.completions import completing
from autointerp.testing.server import TestServer, serve
from autointerp.testing.wires import Seen

PORT = 8765
SLOW_SECONDS = 5.0
BEHAVIOURS: Mapping[str, Behaviour] = {
    "honest": behaviours.honest,
    "slow": behaviours.slow(SLOW_SECONDS, behaviours.honest),
    "rate_limited": behaviours.rate_limited(1),
    "overloaded": behaviours.overloaded(1),
    "failing": behaviours.failing(),
    "refusing": behaviours.refusing(),
    "filtered": behaviours.filtered(),
    "truncated": behaviours.truncated(),
    "html": behaviours.html(),
    "error_with_200": behaviours.error_with_200(),
    "broken_json": behaviours.broken_json(),
    "broken_off": behaviours.broken_off(),
    "wrong_shape": behaviours.wrong_shape(),
    "wrong_key": behaviours.wrong_key(),
    "unknown_model": behaviours.unknown_model(),
    "quota_spent": behaviours.quota_spent(),
}


def every(turn: int, chosen: Behaviour) -> Behaviour:
    """Behave as chosen at every so many requests, and honestly at the others."""
    numbers = count(1)

    async def behave(seen: Seen) -> Response:
        return await (chosen if next(numbers) % turn == 0 else behaviours.honest)(seen)

    return behave


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve OpenAI's, Anthropic's and the System One wire on this machine, until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m autointerp.testing", description=main.__doc__)
    parser.add_argument(
        "behaviour", nargs="?", choices=BEHAVIOURS, default="honest", help="what it does with requests (honest)"
    )
    parser.add_argument("--every", type=_positive, default=1, metavar="N", help="only at every Nth request")
    parser.add_argument("--port", type=int, default=PORT, help=f"0: a free one ({PORT})")
    parser.add_argument("--key", help="refuse any other key")
    parser.add_argument("--batch-seconds", type=float, default=0.0, metavar="S", help="how long a batch takes (0)")
    chosen = parser.parse_args(arguments)
    behaviour = completing(every(chosen.every, BEHAVIOURS[chosen.behaviour]))
    try:
        with serve(
            behaviour, key=chosen.key, batches=Batches(latency=chosen.batch_seconds), port=chosen.port
        ) as server:
            sys.stdout.write(f"{block(server)}\n")
            sys.stdout.flush()
            threading.Event().wait()
    except AutointerpError as error:
        sys.exit(error.detail)
    except KeyboardInterrupt:
        pass


def block(server: TestServer) -> str:
    """What to write into `autointerp.toml`."""
    key = f'\napi_key = "{server.key}"' if server.key else ""
    return f"""# the base_url for the provider "anthropic" is {server.url}; end the server with Ctrl-C
[endpoints.test]
provider = "openai"
base_url = "{server.openai_url}"{key}
options = {{ decisions = "openai", batches = true }}
price = {{ input = 1, output = 2 }}"""


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    main()
