"""Baselines that stand in for an SAE: fitted bases in the form of a TopK SAE that every tool can read."""

from typing import TYPE_CHECKING, Any

import torch

from autointerp.domain.specs import BaselineSpec
from autointerp.subject.bases import Basis, fit_basis
from autointerp.subject.corpus import Corpus
from autointerp.subject.model import SubjectModel
from autointerp.subject.quiet import unwarned
from autointerp.subject.streams import activations

if TYPE_CHECKING:
    from sae_lens import SAE

ONE_SIGN = frozenset({"neurons"})  # their sign means something; that of a fitted direction is chosen by nobody


def fit_baseline(spec: BaselineSpec, model: SubjectModel, corpus: Corpus, *, hook: str) -> "SAE[Any]":
    """Fit a baseline to the activations of `corpus` at `hook`; the same arguments give the same one.

    InvalidModel when there is no such hook point, InvalidCorpus when the activations do not vary.
    """
    place = model.resolve(hook)
    width = model.read(torch.zeros(1, 1, dtype=torch.long), [place])[place].shape[-1]
    basis = fit_basis(spec, activations(model, corpus, place), width)
    sae = sae_of(basis, k=spec.k, both_signs=spec.kind not in ONE_SIGN)
    fit = {**spec.model_dump(), "corpus": corpus.fingerprint, "tokens": corpus.tokens, "settled": basis.settled}
    about = {"model_name": model.name, "hook_name": hook, "hf_hook_name": place, "kind": spec.kind, "fit": fit}
    for key, value in about.items():
        sae.cfg.metadata[key] = value
    return sae


def sae_of(basis: Basis, *, k: int, both_signs: bool) -> "SAE[Any]":
    """Return the TopK SAE that reads and writes a basis.

    With `both_signs`, feature i is the positive side of direction i of n, and feature i + n its negative side.
    """
    with unwarned():
        # sae-lens takes many seconds to import.
        from sae_lens import TopKSAE, TopKSAEConfig

    read, write = torch.from_numpy(basis.read), torch.from_numpy(basis.write)
    if both_signs:
        read, write = torch.cat([read, -read], dim=1), torch.cat([write, -write])
    features, width = write.shape
    sae = TopKSAE(TopKSAEConfig(d_in=width, d_sae=features, k=min(k, features), apply_b_dec_to_input=True))
    weights = {"W_enc": read, "b_enc": torch.zeros(features), "W_dec": write, "b_dec": torch.from_numpy(basis.mean)}
    sae.load_state_dict({name: values.float().contiguous() for name, values in weights.items()})
    return sae
