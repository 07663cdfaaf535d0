"""The planted subject on disk, laid out as any other: a model, an SAE and documents, and the harvest of them."""

import json
from pathlib import Path

from autointerp.domain.specs import CorpusSpec, HarvestSpec, SaeSpec, SubjectSpec
from autointerp.subject.planted_weights import build_tokenizer
from autointerp.subject.quiet import quiet
from benchmarks.planted.documents import documents
from benchmarks.planted.vocabulary import WORDS
from benchmarks.planted.weights import CONTEXT, build_model, build_sae

TOKENS_OF_A_DOCUMENT = 85  # at least, on average


def save(folder: Path, tokens: int, *, pool: int) -> HarvestSpec:
    """Write everything to `folder`, and return a harvest of `tokens` tokens of it, one document a row."""
    tokenizer = build_tokenizer(WORDS)
    with quiet():
        build_model(tokenizer).save_pretrained(folder / "model")
        tokenizer.save_pretrained(str(folder / "model"))
    build_sae().save_model(folder / "sae")
    with (folder / "documents.jsonl").open("w", encoding="utf-8") as file:
        for name, text in documents(tokens // TOKENS_OF_A_DOCUMENT, seed=0):
            file.write(json.dumps({"id": name, "text": text}) + "\n")
    return HarvestSpec(
        subject=SubjectSpec(model=str(folder / "model")),
        saes=(SaeSpec(path=str(folder / "sae")),),
        corpus=CorpusSpec(kind="jsonl", path=str(folder / "documents.jsonl"), id_field="id", layout="rows", long="cut"),
        tokens=tokens,
        context=CONTEXT,
        batch=64,
        pool=pool,
    )
