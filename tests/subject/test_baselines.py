import tracemalloc
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.decomposition import PCA, FastICA
from sklearn.preprocessing import StandardScaler

from autointerp.domain.specs import BASELINES, Baseline, BaselineSpec, SaeSpec
from autointerp.domain.steering import Change, Mode
from autointerp.errors import InvalidCorpus, InvalidModel
from autointerp.subject.baselines import fit_baseline
from autointerp.subject.bases import Basis, fit_basis
from autointerp.subject.corpus import Corpus
from autointerp.subject.model import SubjectModel
from autointerp.subject.planted import Planted
from autointerp.subject.sae import Dictionary, load_sae
from autointerp.subject.steering import Steering
from autointerp.subject.streams import activations, gathered, sampled

Array = NDArray[np.float64]
HOOK = "blocks.2.hook_resid_post"
WIDTH = 64


@pytest.fixture(scope="module")
def corpus(stories: SubjectModel, shared: Path) -> Corpus:
    from autointerp.domain.specs import CorpusSpec
    from autointerp.subject.corpus import open_corpus

    path = shared / "corpora" / "tinystories_clean.jsonl"
    return open_corpus(CorpusSpec(kind="jsonl", path=str(path)), stories, context=64, tokens=6_000)


@pytest.fixture(scope="module")
def acts(stories: SubjectModel, corpus: Corpus) -> Array:
    """The activations of all tokens but special ones and padding, row by row."""
    rows = corpus.block(0, corpus.rows)
    read = stories.read(torch.from_numpy(rows.tokens.astype(np.int64)), [HOOK])[HOOK]
    return read.double().numpy()[rows.valid]


def saved(kind: Baseline, folder: Path, model: SubjectModel, corpus: Corpus, **options: Any) -> Dictionary:
    """Fit a baseline, save it, and load it as any SAE is loaded."""
    spec = BaselineSpec(kind=kind, **options)
    fit_baseline(spec, model, corpus, hook=HOOK).save_model(folder)
    return load_sae(SaeSpec(path=str(folder)), model)


def strongest(values: Array, k: int) -> Array:
    """The `k` largest of each row that are above zero."""
    floor = np.sort(values, axis=1)[:, -k][:, None]
    return np.where((values >= floor) & (values > 0), values, 0)


def check(found: torch.Tensor, expected: Array) -> None:
    torch.testing.assert_close(found.double(), torch.from_numpy(expected), rtol=1e-3, atol=2e-3)


def test_pca_features_are_both_sides_of_the_principal_components(
    stories: SubjectModel, corpus: Corpus, acts: Array, tmp_path: Path
) -> None:
    truth = PCA(n_components=20).fit(acts)

    pca = saved("pca", tmp_path, stories, corpus, k=7, directions=20)

    assert (40, "pca") == (pca.features, pca.kind)
    signs = np.sign((pca.directions[:20].double().numpy() * truth.components_).sum(1))
    amounts = truth.transform(acts) * signs
    check(pca.encode(torch.from_numpy(acts)), strongest(np.hstack([amounts, -amounts]), 7))


def test_ica_features_are_both_sides_of_the_independent_components(
    stories: SubjectModel, corpus: Corpus, acts: Array, tmp_path: Path
) -> None:
    ica = saved("ica", tmp_path, stories, corpus, k=7, directions=16, sample=100_000)

    # Fitted again to all tokens in order; a component is defined up to its sign and its place.
    scaler = StandardScaler().fit(acts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = FastICA(16, whiten="unit-variance", whiten_solver="eigh", random_state=0, max_iter=1000)
        sources = truth.fit_transform(scaler.transform(acts))
    amounts = sources * np.linalg.norm(truth.mixing_ * scaler.scale_[:, None], axis=0)
    read = ica.sae.W_enc[:, :16].double().numpy()
    found = (acts - ica.sae.b_dec.double().numpy()) @ read
    likeness = np.abs(np.corrcoef(amounts.T, found.T)[:16, 16:])
    assert (likeness.max(axis=0) > 0.98).sum() >= 12
    np.testing.assert_allclose(np.abs(np.corrcoef(found.T) - np.eye(16)).max(), 0, atol=1e-3)
    order = found.std(axis=0)
    assert (np.diff(order) < 1e-3).all()
    check(ica.encode(torch.from_numpy(acts)), strongest(np.hstack([found, -found]), 7))


def test_neurons_fire_where_they_are_among_the_largest_positive_ones(
    stories: SubjectModel, corpus: Corpus, acts: Array, tmp_path: Path
) -> None:
    neurons = saved("neurons", tmp_path, stories, corpus, k=5)

    found = neurons.encode(torch.from_numpy(acts))

    assert (WIDTH, "neurons") == (neurons.features, neurons.kind)
    assert torch.equal(found, torch.from_numpy(strongest(acts.astype(np.float32), 5)))


def test_random_directions_read_the_difference_from_the_mean(
    stories: SubjectModel, corpus: Corpus, acts: Array, tmp_path: Path
) -> None:
    random = saved("random", tmp_path, stories, corpus, k=9, directions=100, seed=4)

    directions = random.directions.double().numpy()
    assert 200 == random.features
    check(random.encode(torch.from_numpy(acts)), strongest((acts - acts.mean(0)) @ directions.T, 9))


@pytest.mark.parametrize("kind", BASELINES)
def test_a_baseline_is_the_same_after_saving_and_after_fitting_again(
    kind: Baseline, stories: SubjectModel, corpus: Corpus, acts: Array, tmp_path: Path
) -> None:
    fitted = fit_baseline(BaselineSpec(kind=kind), stories, corpus, hook=HOOK)

    first, again = (saved(kind, tmp_path / name, stories, corpus) for name in ("first", "again"))

    inputs = torch.from_numpy(acts[:64]).float()
    assert first.fingerprint == again.fingerprint
    assert first.scale is None
    assert torch.equal(first.encode(inputs), fitted.encode(inputs))
    torch.testing.assert_close(first.directions.norm(dim=1), torch.ones(first.features))


@pytest.mark.parametrize("kind", ["ica", "random"])
def test_another_seed_gives_another_baseline(
    kind: Baseline, stories: SubjectModel, corpus: Corpus, tmp_path: Path
) -> None:
    one, other = (saved(kind, tmp_path / str(seed), stories, corpus, directions=4, seed=seed) for seed in (0, 1))

    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize("kind", ["pca", "ica"])
def test_all_directions_together_rebuild_what_was_read(
    kind: Baseline, stories: SubjectModel, corpus: Corpus, acts: Array, tmp_path: Path
) -> None:
    full = saved(kind, tmp_path, stories, corpus, k=WIDTH)
    inputs = torch.from_numpy(acts)

    rebuilt = full.decode(full.encode(inputs)).double()

    # What is lost is only along directions in which nothing varies.
    assert (rebuilt - inputs).norm() < 1e-3 * inputs.norm()


def test_directions_in_which_nothing_varies_are_left_out(subject: Planted) -> None:
    corpus = subject.corpus(64, 4_000)
    rows = corpus.block(0, corpus.rows)
    hook = subject.dictionary.hook
    acts = subject.model.read(torch.from_numpy(rows.tokens.astype(np.int64)), [hook])[hook].double().numpy()[rows.valid]
    rank = np.linalg.matrix_rank(acts - acts.mean(0), tol=1e-4)

    sizes = [
        fit_baseline(BaselineSpec(kind=kind), subject.model, corpus, hook=hook).cfg.d_sae for kind in ("pca", "ica")
    ]

    assert rank < subject.model.width
    assert [2 * rank] * 2 == sizes


def test_a_baseline_of_the_neurons_inside_an_mlp(stories: SubjectModel, corpus: Corpus, tmp_path: Path) -> None:
    hook = "blocks.1.mlp.hook_post"
    fit_baseline(BaselineSpec(kind="neurons", k=3), stories, corpus, hook=hook).save_model(tmp_path)

    neurons = load_sae(SaeSpec(path=str(tmp_path)), stories)

    assert ("model.layers.1.mlp.down_proj.input", 172) == (neurons.hook, neurons.features)


@pytest.mark.parametrize("kind", BASELINES)
def test_a_feature_of_a_baseline_can_be_turned_up(kind: Baseline, subject: Planted, tmp_path: Path) -> None:
    corpus = subject.corpus(64, 2_000)
    sae = fit_baseline(BaselineSpec(kind=kind, k=4), subject.model, corpus, hook=subject.dictionary.hook)
    sae.save_model(tmp_path)
    baseline = load_sae(SaeSpec(path=str(tmp_path)), subject.model)
    prompt = corpus.block(0, 1).tokens[0, :12].tolist()

    (kl,) = Steering(subject.model, baseline).kl_now([prompt], Change(feature=0, mode=Mode.CLAMP, strength=6.0))

    assert baseline.steerable
    assert kl > 0


def test_text_without_variety_is_refused(stories: SubjectModel, corpus: Corpus) -> None:
    same = np.ones((40, 8))

    for kind in ("pca", "ica"):
        with pytest.raises(InvalidCorpus, match="the same at every token"):
            fit_basis(BaselineSpec(kind=kind), [same], 8)
        with pytest.raises(InvalidCorpus, match="has 1 tokens"):
            fit_basis(BaselineSpec(kind=kind), [same[:1], same[:0]], 8)
    with pytest.raises(InvalidModel, match="there is no hook point"):
        fit_baseline(BaselineSpec(kind="pca"), stories, corpus, hook="blocks.99.hook_resid_post")


def test_the_stream_has_every_token_once_in_order(stories: SubjectModel, corpus: Corpus, acts: Array) -> None:
    streamed = np.concatenate(list(activations(stories, corpus, "model.layers.2")))

    np.testing.assert_allclose(streamed, acts, rtol=1e-4, atol=1e-4)


def test_tokens_that_are_not_finite_are_left_out(subject: Planted) -> None:
    corpus = subject.corpus(16, 64)
    whole = np.concatenate(list(activations(subject.model, corpus, "model.layers.0")))
    broken = subject.model.module.get_input_embeddings().weight  # pyright: ignore[reportCallIssue]
    token = int(corpus.block(0, 1).tokens[0, 3])
    before = broken[token].clone()

    broken[token] = float("nan")
    try:
        rest = np.concatenate(list(activations(subject.model, corpus, "model.layers.0")))
    finally:
        broken[token] = before

    assert len(rest) < len(whole)
    assert np.isfinite(rest).all()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 12))
def test_gathering_keeps_tokens_and_order(lengths: list[int], size: int) -> None:
    chunks = parts(lengths)

    found = list(gathered(chunks, size))

    np.testing.assert_array_equal(np.concatenate(chunks), np.concatenate(found))
    assert len(found) == 1 or min(map(len, found)) >= size


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 12))
def test_a_sample_does_not_depend_on_how_the_tokens_were_cut(lengths: list[int], count: int) -> None:
    chunks = parts(lengths)

    found = sampled(chunks, count, np.random.default_rng(3))

    np.testing.assert_array_equal(sampled([np.concatenate(chunks)], count, np.random.default_rng(3)), found)
    assert min(count, sum(lengths)) == len({tuple(token) for token in found})


def test_a_sample_is_uniform() -> None:
    tokens = np.arange(30.0)[:, None]
    drawn = [sampled(np.split(tokens, 10), 6, np.random.default_rng(seed)) for seed in range(500)]

    counts = np.bincount(np.concatenate(drawn)[:, 0].astype(int), minlength=30)

    # Each is drawn 100 times in the mean; 4.5 standard deviations on either side.
    assert np.abs(counts - 100).max() < 4.5 * np.sqrt(100 * 0.8)


def parts(lengths: Sequence[int]) -> list[Array]:
    """Different tokens in chunks of these lengths."""
    tokens = np.arange(2.0 * sum(lengths)).reshape(-1, 2)
    return np.split(tokens, np.cumsum(lengths)[:-1])


@pytest.mark.parametrize("kind", ["pca", "ica", "random"])
def test_memory_does_not_grow_with_the_tokens(kind: Baseline) -> None:
    def peak(chunks: int) -> int:
        rng = np.random.default_rng(0)
        stream = (rng.laplace(size=(500, 16)) for _ in range(chunks))
        tracemalloc.start()
        fit_basis(BaselineSpec(kind=kind, sample=1_000), stream, 16)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(8)  # what is loaded once
    assert peak(80) < 1.1 * peak(20)


def test_what_a_basis_writes_is_what_it_reads() -> None:
    rng = np.random.default_rng(0)
    data = rng.laplace(size=(4_000, 6)) @ rng.normal(size=(6, 9)) + 5.0

    for kind in ("pca", "ica"):
        basis: Basis = fit_basis(BaselineSpec(kind=kind), np.split(data, 40), 9)

        assert (9, 6) == basis.read.shape
        np.testing.assert_allclose((data - basis.mean) @ basis.read @ basis.write + basis.mean, data, atol=1e-6)
