"""The workbench of one process: language models, embedding models and the subject model, for any run."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from autointerp.domain.calls import Complete
from autointerp.domain.likelihood import SUBJECT, Cloze, Continuation, LabelLogProbs, Likelihood
from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.domain.specs import HarvestSpec
from autointerp.domain.steering import Embed
from autointerp.domain.tools import Prompts, Tools
from autointerp.importing import import_alone
from autointerp.llm.echoing import Echoing
from autointerp.llm.stack import Gateway
from autointerp.pipeline.batches.deferring import Turn, deferring
from autointerp.pipeline.bill import Billing
from autointerp.pipeline.searching import HarvestSample, Vectors
from autointerp.pipeline.steering import LazySteering
from autointerp.pipeline.subjects import Subjects
from autointerp.storage import saes
from autointerp.storage.llm_books import Books
from autointerp.storage.records import HarvestRecord, RunRecord

if TYPE_CHECKING:  # torch: loaded when a scorer needs a model, not before
    from autointerp.subject.logprob import LocalLogProb

_OPENING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Workbench:
    """Lays out tools; what is heavy is loaded at its first use and shared by every run."""

    gateway: Gateway
    books: Books
    prompts: Prompts
    subjects: Subjects
    device: str
    reach: Reach = EVERYTHING
    vectors: Vectors = field(default_factory=Vectors)

    @asynccontextmanager
    async def lay_out(self, run: RunRecord, harvest: HarvestRecord, turn: Turn, *, sae: int) -> AsyncGenerator[Tools]:
        """Lay out the tools for one turn of a run over the SAE at position `sae` of a harvest."""
        fingerprint = await asyncio.to_thread(self._fingerprint, harvest.sae_ids[sae])
        async with self._models(run, turn) as llm:
            yield Tools(
                prompts=self.prompts,
                seed=run.spec.seed,
                llm=Billing(llm),
                llm_model=run.spec.llm,
                embedders=self._open_embedder,
                logprobs=partial(LazyLogProb, self.subjects, harvest.spec, device=self.device, reach=self.reach),
                echoes=Echoing,
                steer=LazySteering(self.subjects, harvest.spec, sae=sae, fingerprint=fingerprint, device=self.device),
                sample=HarvestSample(
                    self.books.commits.database,
                    harvest.id,
                    harvest.sae_ids[sae],
                    self._open_embedder,
                    self.vectors,
                ),
            )

    @asynccontextmanager
    async def _models(self, run: RunRecord, turn: Turn) -> AsyncGenerator[Complete]:
        online = self.gateway.for_run(run.id)
        if run.spec.mode == "online":
            yield online
            return
        async with deferring(online, self.books.commits.database, turn) as llm:
            yield llm

    async def close(self) -> None:
        """Close the connections and write what waits to be written."""
        await self.gateway.close()
        await self.books.close()

    def _fingerprint(self, sae_id: int) -> str:
        with self.books.commits.database.read() as session:
            return saes.get(session, sae_id).fingerprint

    def _open_embedder(self, model: str) -> Embed:
        from autointerp.subject.embedder import open_embedder

        self.reach.check_model(model)
        with _OPENING:  # two chunks that begin at once would load it twice
            return open_embedder(model, device=self.device, pickles=self.reach.pickles)


class LazyLogProb:
    """Reads texts with the run's subject model or another local one, which is loaded when the first text is read."""

    def __init__(
        self, subjects: Subjects, spec: HarvestSpec, model: str, *, device: str, reach: Reach = EVERYTHING
    ) -> None:
        self._subjects = subjects
        self._spec = spec
        self._model = model
        self._device = device
        self._reach = reach
        self._reader: "LocalLogProb | None" = None

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        """How likely each text is after its prefix."""
        return await (await self._opened()).logprobs(asked, prompt=prompt)

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        """How likely each label is in each blank of each text."""
        return await (await self._opened()).label_logprobs(asked, labels)

    async def _opened(self) -> "LocalLogProb":
        from autointerp.subject.device import on_device

        return await on_device(self._device, self._open)

    def _open(self) -> "LocalLogProb":
        import_alone("autointerp.subject.logprob")
        from autointerp.subject.logprob import LocalLogProb, open_logprob

        if self._model != SUBJECT:
            self._reach.check_model(self._model)
            return open_logprob(self._model, device=self._device, pickles=self._reach.pickles)
        model = self._subjects.subject(self._spec).model
        if self._reader is None or self._reader.model is not model:
            self._reader = LocalLogProb(model)
        return self._reader
