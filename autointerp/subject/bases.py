"""Bases of activations: the directions of a baseline, fitted by scikit-learn to streamed activations."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from sklearn.decomposition import FastICA, IncrementalPCA
from sklearn.preprocessing import StandardScaler

from autointerp.domain.seeds import rng_for
from autointerp.domain.specs import Baseline, BaselineSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject.streams import Chunk, gathered, sampled

BATCH = 5  # tokens in a step of the incremental PCA, as a multiple of the width
NOTHING = 1e-12  # the share of the largest variance below which a direction has none
ITERATIONS = 200


@dataclass(frozen=True, eq=False, slots=True)
class Basis:
    """Directions of unit norm and what reads their amounts: `(x - mean) @ read` are the amounts of `write` in x.

    `settled` is False where the fit stopped before it converged.
    """

    mean: Float[ndarray, "width"]
    read: Float[ndarray, "width direction"]
    write: Float[ndarray, "direction width"]
    settled: bool = True


def fit_basis(spec: BaselineSpec, chunks: Iterable[Chunk], width: int) -> Basis:
    """Fit the basis of a kind to activations; InvalidCorpus when they do not vary.

    Memory is bounded: that of `2 · BATCH · width` tokens for PCA, of `2 · spec.sample` for ICA.
    """
    return _FITS[spec.kind](spec, chunks, width)


def _neurons(spec: BaselineSpec, chunks: Iterable[Chunk], width: int) -> Basis:
    """The axes, as they are: a neuron that is zero does not fire."""
    return Basis(np.zeros(width), np.eye(width), np.eye(width))


def _pca(spec: BaselineSpec, chunks: Iterable[Chunk], width: int) -> Basis:
    """The eigenvectors of the covariance, those with the most variance first; all are kept until the end."""
    pca: Any = IncrementalPCA()
    for chunk in gathered(chunks, BATCH * width):
        with np.errstate(invalid="ignore"):  # the shares of the variance, where there is none
            pca.partial_fit(_enough(chunk))
    count = min(_varying(pca.explained_variance_), spec.directions or width)
    return Basis(pca.mean_, pca.components_[:count].T, pca.components_[:count])


def _ica(spec: BaselineSpec, chunks: Iterable[Chunk], width: int) -> Basis:
    """Independent components of a uniform sample; rows of the unmixing read, columns of the mixing are written.

    The components have unit variance, so the norm of a column is how much it contributes; the largest come first.
    """
    scaler: Any = StandardScaler()
    sample = scaler.fit_transform(_enough(sampled(chunks, spec.sample, rng_for(spec.seed, "ica", "sample"))))
    rank = _varying(np.linalg.eigvalsh(sample.T @ sample)[::-1])
    ica: Any = FastICA(
        n_components=min(rank, len(sample) - 1, spec.directions or width),
        whiten="unit-variance",
        whiten_solver="eigh" if len(sample) > width else "svd",
        max_iter=ITERATIONS,
        random_state=np.random.RandomState(rng_for(spec.seed, "ica").integers(2**32)),
    )
    with warnings.catch_warnings():
        # That it did not converge is kept as `settled`; directions without variance are known, and left out.
        warnings.simplefilter("ignore")
        ica.fit(sample)
    write = (ica.mixing_ * scaler.scale_[:, None]).T
    norms = np.linalg.norm(write, axis=1)
    order = np.argsort(-norms, kind="stable")
    return Basis(
        mean=scaler.mean_ + ica.mean_ * scaler.scale_,
        read=((ica.components_ / scaler.scale_).T * norms)[:, order],
        write=(write / norms[:, None])[order],
        settled=bool(ica.n_iter_ < ITERATIONS),
    )


def _random(spec: BaselineSpec, chunks: Iterable[Chunk], width: int) -> Basis:
    """Uniformly random directions through the mean: without it, the same few would be the largest at every token."""
    total, count = np.zeros(width), 0
    for chunk in chunks:
        total += chunk.sum(axis=0)
        count += len(chunk)
    drawn = rng_for(spec.seed, "random").standard_normal((spec.directions or width, width))
    write = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return Basis(total / max(count, 1), write.T, write)


def _enough(chunk: Chunk) -> Chunk:
    if len(chunk) < 2:
        raise InvalidCorpus(f"the corpus has {len(chunk)} tokens with finite activations to fit to; give more text")
    return chunk


def _varying(variances: Float[ndarray, "direction"]) -> int:
    """How many of the variances, largest first, are not nothing."""
    count = int((variances > variances[0] * NOTHING).sum()) if variances[0] > 0 else 0
    if count == 0:
        raise InvalidCorpus("the activations at the hook point are the same at every token; give more text")
    return count


_FITS: dict[Baseline, Callable[[BaselineSpec, Iterable[Chunk], int], Basis]] = {
    "neurons": _neurons,
    "pca": _pca,
    "ica": _ica,
    "random": _random,
}
