"""The test server in a process of its own: it answers honestly after a while, and writes down every request.

    python -m tests.crash.llm_server FOLDER SHORTEST LONGEST

It prints its address. FOLDER/MODEL.jsonl gets a line when a request has arrived, and another when it is answered
(`toll.Toll` reads them); an answer takes from SHORTEST to LONGEST seconds.
"""

import asyncio
import json
import random
import sys
import threading
import time
from pathlib import Path

from starlette.responses import Response

from autointerp.hashing import digest
from autointerp.testing import Behaviour, Seen, behaviours, serve


def noting(folder: Path, shortest: float, longest: float) -> Behaviour:
    """Answer honestly after a while, and note when a request came and when it was answered."""
    chance = random.Random(0)

    def note(seen: Seen, **more: str) -> None:
        with (folder / f"{seen.model}.jsonl").open("a") as file:
            file.write(json.dumps({"number": seen.number, "at": time.time(), **more}) + "\n")

    async def behave(seen: Seen) -> Response:
        note(seen, worker=seen.key, body=digest(dict(seen.body)))
        await asyncio.sleep(chance.uniform(shortest, longest))
        answer = await behaviours.honest(seen)
        note(seen)
        return answer

    return behave


def main(folder: str, shortest: str, longest: str) -> None:
    """Serve until the process is ended."""
    with serve(noting(Path(folder), float(shortest), float(longest))) as server:
        sys.stdout.write(f"{server.openai_url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
