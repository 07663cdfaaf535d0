"""What inquiries are answered with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from autointerp.domain.inquiries import InquiryLimits
from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.errors import InvalidModel, TextTooLong
from autointerp.importing import import_alone
from autointerp.pipeline.subjects import Subjects
from autointerp.storage import harvests, models, saes, vocabularies
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, SaeRecord

if TYPE_CHECKING:  # torch: loaded when a model is asked
    from autointerp.subject.model import SubjectModel
    from autointerp.subject.sae import Dictionary
    from autointerp.subject.texts import Texts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counter:
    """Where inquiries are answered: the database, the subject models of this process, and what one may ask of them.

    `reach` is which models may be had.
    """

    database: Database
    subjects: Subjects
    device: str
    limits: InquiryLimits
    reach: Reach = EVERYTHING

    async def on_device(self, work: Callable[[], T]) -> T:
        """Run `work` in the thread of the device, where subjects are opened and read."""
        from autointerp.subject.device import on_device

        return await on_device(self.device, work)

    async def texts(self, model_id: int) -> "Texts":
        """How a model's tokenizer reads texts; it is loaded without the model."""
        return await asyncio.to_thread(self._texts, model_id)

    async def ids(self, texts: "Texts", text: str | None, tokens: tuple[int, ...] | None) -> tuple[int, ...]:
        """Return the ids of a text, or check those given; TextTooLong when there are more than may be read."""
        ids = texts.check(tokens) if text is None else await asyncio.to_thread(texts.encode, text)
        if len(ids) > self.limits.tokens:
            raise TextTooLong(f"the text has {len(ids)} tokens, and at most {self.limits.tokens} are read; shorten it")
        return ids

    async def about(self, harvest_id: str | None, sae_id: int | None) -> tuple[HarvestRecord, SaeRecord]:
        """Return the records of a harvest and of one of its SAEs."""
        assert harvest_id is not None  # both were found when the inquiry was stored
        assert sae_id is not None
        return await asyncio.to_thread(self._about, harvest_id, sae_id)

    def open(self, harvest: HarvestRecord, sae: SaeRecord) -> "tuple[SubjectModel, Dictionary]":
        """Open a subject model and one of its SAEs, in the thread of the device; InvalidModel when the SAE changed."""
        subject = self.subjects.subject(harvest.spec)
        dictionary = subject.dictionaries[harvest.sae_ids.index(sae.id)]
        if dictionary.fingerprint != sae.fingerprint:
            raise InvalidModel(f"the SAE {sae.name} has changed since it was harvested; put back the weights of then")
        return subject.model, dictionary

    def _texts(self, model_id: int) -> "Texts":
        import_alone("autointerp.subject.texts")
        from autointerp.subject.texts import open_texts

        with self.database.read() as session:
            model = models.get(session, model_id)
            vocabulary = vocabularies.get(session, model.vocabulary_fingerprint)
        return open_texts(model.name, model.revision, vocabulary)

    def _about(self, harvest_id: str, sae_id: int) -> tuple[HarvestRecord, SaeRecord]:
        with self.database.read() as session:
            return harvests.get(session, harvest_id), saes.get(session, sae_id)
