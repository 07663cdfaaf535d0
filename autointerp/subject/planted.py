"""A subject whose truth is known: a small model and SAE with weights set by hand, and texts made for them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autointerp.subject import model as subject_model
from autointerp.subject import planted_weights as weights
from autointerp.subject import planted_words as words
from autointerp.subject.corpus import Corpus, pack
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary, wrap

DOCUMENTS = 400
SEED = 20240517


@dataclass(frozen=True, eq=False, slots=True)
class Planted:
    """The planted subject, its SAE and its texts, with the true and a wrong explanation of every live feature."""

    model: SubjectModel
    dictionary: Dictionary
    documents: tuple[tuple[str, str], ...]
    meanings: dict[int, str]
    wrong: dict[int, str]
    holds: Callable[[str, str], bool] = words.holds
    claims: Callable[[str, str], tuple[bool, ...]] = words.claims

    def corpus(self, context: int, tokens: int) -> Corpus:
        """Pack the planted texts into rows."""
        return pack(self.documents, self.model, context=context, tokens=tokens)

    def save(self, folder: Path) -> None:
        """Write the model to `folder/model`, the SAE to `folder/sae` and the texts to `folder/documents.jsonl`."""
        self.model.module.save_pretrained(folder / "model")
        self.model.tokenizer.save_pretrained(str(folder / "model"))
        self.dictionary.sae.save_model(folder / "sae")
        lines = (json.dumps({"id": name, "text": text}) for name, text in self.documents)
        (folder / "documents.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def planted() -> Planted:
    """Build the planted subject; the same on every machine."""
    tokenizer = weights.build_tokenizer()
    model = subject_model.wrap(
        weights.build_model(tokenizer), tokenizer, name="planted", revision=None, dtype="float32", device="cpu"
    )
    live = len(words.MEANINGS)
    return Planted(
        model=model,
        dictionary=wrap(weights.build_sae(), model, hook=weights.HOOK, name="planted", source={"planted": True}),
        documents=words.documents(DOCUMENTS, seed=SEED),
        meanings=dict(words.MEANINGS),
        wrong={k: words.MEANINGS[(k + 4) % live] for k in words.MEANINGS},
    )
