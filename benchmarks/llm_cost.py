"""What explaining, detection and fuzzing cost a feature, beside delphi's way of asking about the same examples.

Tokens of both are counted on the same windows with the same tokenizer. Delphi's fixed beginnings are given by their
length (measured on its version 0.1.3); what varies is laid out as it does: five examples a request, each behind
"Example n: ", fifty firing and fifty silent ones a scorer, forty for the explainer with a line of activations each.
Nothing of it is asked to be kept by a vendor. Ours is what plug-ins send by default, with the shared beginning read
from the vendor's prompt cache but for the first request of each hundred features.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from autointerp import demo, wiring
from autointerp.analysis.choosing import of_split, spread
from autointerp.domain.calls import Reply, Request, Usage
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.explanations import Explanation
from autointerp.domain.plan import build
from autointerp.domain.seeds import rng_for
from autointerp.domain.specs import RunSpec
from autointerp.domain.tools import Tools
from autointerp.llm.prices import ListPrices
from autointerp.llm.providers.fake import honestly
from autointerp.llm.warming import last_shared
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.storage import examples, features
from autointerp.storage.records import FeatureRow
from benchmarks.llm_run import harvested, settings
from benchmarks.tables import Line, at_most, noted

FEATURES = 10
MODEL = "claude-haiku-5-5"
ONE_IN = 100  # features for each of which the shared beginnings are written to the cache once
GPT2 = Path(__file__).parent.parent.parent / "shared" / "data" / "tokenizers" / "gpt2" / "tokenizer.json"
# Delphi: characters of the beginning that every request of a kind repeats, and of a reply to five questions.
EXPLAIN, DETECT, FUZZ, REPLY = 2_476, 2_156, 2_600, "[1, 0, 0, 1, 1]"
SPEC = {
    "explainers": ["default"],
    "scorers": [
        {"name": "detection", "judge": "llm", "options": {"same_token": 0}},
        {"name": "fuzzing", "judge": "llm"},
    ],
    "llm": "vendor/model",
    "features": {"sample": FEATURES},
    "controls": {"features": 0},
}

Count = Callable[[str], int]


@dataclass
class Heard:
    """What a feature's plug-ins asked, with the answers of an honest reader."""

    pairs: list[tuple[Request, Reply]] = field(default_factory=list)

    async def complete(self, request: Request) -> Reply:
        """Answer, and keep both."""
        reply = honestly(request)
        self.pairs.append((request, reply))
        return reply


def cost_table(folder: Path) -> list[Line]:
    """Measure the dollars of a feature, online and in batches."""
    count, tokenizer = counter()
    harvest = harvested(folder)
    ours, theirs, requests = [], [], 0
    prompts = PromptLibrary.load(default_folder())
    database = wiring.open_database(settings(folder))
    wanted = RunSpec.model_validate({**SPEC, "harvest": harvest})
    with database.read() as session:
        chosen = features.select(session, harvest, wanted.features, 0)
        for row in features.get_many(session, harvest, chosen):
            shown, asked = (examples.load(session, harvest, row.id, split) for split in (Split.EXPLAIN, Split.SCORE))
            heard = Heard()
            claim = asyncio.run(_ask(wanted, prompts, heard, row, shown, asked))
            if claim is not None:
                ours.append(usage_of(heard.pairs, count))
                requests += len(heard.pairs)
                theirs.append(_theirs(claim, shown, asked, count, prompts))
    database.close()
    online, batch = ListPrices(vendor="anthropic"), ListPrices(vendor="anthropic", batch=True)
    base, mine, mine_batch, cold = (
        sum(prices.cost(MODEL, usage) or 0 for usage in used) / len(used) / 1e9
        for prices, used in ((online, theirs), (online, ours), (batch, ours), (batch, [_cold(one) for one in ours]))
    )
    return [
        noted(f"delphi's way, a feature ({MODEL}, {tokenizer})", base, "dollars"),
        at_most("ours online, with prompt caching / delphi's", mine / base, 0.5, "ratio"),
        at_most("ours in batches, with prompt caching / delphi's", mine_batch / base, 0.3, "ratio"),
        noted("– where no batch finds a beginning in the cache", cold / base, "ratio"),
        noted("– our requests a feature (delphi: 41)", requests / len(ours), "requests"),
    ]


def counter() -> tuple[Count, str]:
    """Return what counts the tokens of a text, and its name."""
    from tokenizers import Tokenizer

    name, path = (
        ("GPT-2's tokens", GPT2) if GPT2.is_file() else ("the bundled tokenizer", demo.MODEL / "tokenizer.json")
    )
    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids), name


async def _ask(
    spec: RunSpec,
    prompts: PromptLibrary,
    heard: Heard,
    row: FeatureRow,
    shown: tuple[Example, ...],
    asked: tuple[Example, ...],
) -> str | None:
    plan = build(spec, Tools(prompts=prompts, seed=0, llm=heard, llm_model=spec.llm))
    [(_, explainer)] = plan.explainers
    made = await explainer.explain(row.record, shown)
    if not isinstance(made, Explanation):
        return None
    for _, scorer in plan.scorers:
        await scorer.score(made.text, row.record, asked)
    return made.text


def usage_of(pairs: Sequence[tuple[Request, Reply]], count: Count) -> Usage:
    """What a vendor would book for these, the shared beginnings read from its cache but once in `ONE_IN` features."""
    fresh = read = written = said = 0
    beginnings: set[str] = set()
    for request, reply in pairs:
        last = last_shared(request.messages)
        shared = "\n".join(message.text for message in request.messages[: 0 if last is None else last + 1])
        shared += request.schema or ""
        length = count(shared)
        if shared not in beginnings:
            written += length
        beginnings.add(shared)
        read += length
        fresh += sum(count(message.text) for message in request.messages[0 if last is None else last + 1 :])
        said += count(reply.text)
    return Usage(fresh, read, written // ONE_IN, said)


def _cold(usage: Usage) -> Usage:
    return Usage(input=usage.input + usage.cache_read, output=usage.output)


def _theirs(
    claim: str, shown: Sequence[Example], asked: Sequence[Example], count: Count, prompts: PromptLibrary
) -> Usage:
    ours = prompts.get("scorers/detection").text
    tokens_of = partial(_tokens_of_length, rate=len(ours) / count(ours))
    firing = _firing(shown, Split.EXPLAIN, 40)
    said = "\n".join(
        f"Example {i}: {_marked(one)}\nActivations: {_activations(one)}" for i, one in enumerate(firing, 1)
    )
    read = tokens_of(EXPLAIN) + count(said)
    silent = [one for one in of_split(asked, Split.SCORE) if one.group.kind is Kind.RANDOM]
    mixed = [*_firing(asked, Split.SCORE, 50), *silent[:50]]
    for beginning, layout in ((DETECT, lambda one: one.text), (FUZZ, _marked)):
        for first in range(0, len(mixed), 5):
            lines = "\n".join(f"Example {i}: {layout(one)}" for i, one in enumerate(mixed[first : first + 5]))
            read += tokens_of(beginning) + count(f"Latent explanation: {claim}\n\nText examples:\n\n{lines}\n")
    requests = 2 * -(-len(mixed) // 5)
    return Usage(input=read, output=requests * count(REPLY) + count(f"[EXPLANATION]: {claim}"))


def _firing(given: Sequence[Example], split: Split, count: int) -> tuple[Example, ...]:
    return spread(of_split(given, split), {Kind.QUANTILE}, count=count, rng=rng_for(0, "cost"))


def _tokens_of_length(characters: int, *, rate: float) -> int:
    return round(characters / rate)


def _marked(example: Example) -> str:
    peak = max(example.activations)
    parts: list[str] = []
    for piece, value in zip(example.pieces, example.activations, strict=True):
        parts.append(f"<<{piece}>>" if peak and value > 0.3 * peak else piece)
    return "".join(parts).replace(">><<", "")


def _activations(example: Example) -> str:
    peak = max(example.activations)
    found = [
        (piece, value) for piece, value in zip(example.pieces, example.activations, strict=True) if value > 0.3 * peak
    ]
    return ", ".join(f"({json.dumps(piece)} : {round(10 * value / peak)})" for piece, value in found[:11])
