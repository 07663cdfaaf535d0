"""Where the features of an SAE fire, found block by block, so that the dense activations are never written in full.

Each block does what `sae.encode` does, in the same order, so activations are those of `Dictionary.encode`.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from autointerp.subject.sae import Dictionary
from autointerp.subject.scanning import above, largest

if TYPE_CHECKING:
    from sae_lens import SAE

# Numbers in a block: on a CPU few enough to be read again at once, on an accelerator what keeps it busy; and the rows
# from which on a product on a CPU gets no faster.
_BLOCK, _ROWS = 1 << 24, 512
_BLOCK_ON_ACCELERATOR = 1 << 28
# A feature fires where its pre-activation is above its threshold: none for a ReLU.
_THRESHOLDED = frozenset(
    {"standard", "jumprelu", "transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder"}
)


@dataclass(frozen=True, eq=False, slots=True)
class Fired:
    """The activations that are not zero, in the order of places: rows of what was encoded, counted from 0.

    Values are positive, or NaN or infinite where the model or the SAE is broken.
    """

    place: NDArray[np.int32]
    feature: NDArray[np.int32]
    value: NDArray[np.float32]


def fired(dictionary: Dictionary, acts: Float[Tensor, "place width"]) -> Fired:
    """Find where the features of `dictionary` fire; equal to the positive entries of `dictionary.encode(acts)`."""
    with torch.no_grad():
        parts = list(_parts(dictionary, acts))
    place, feature, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    if dictionary.scale is not None:
        with np.errstate(over="ignore"):  # infinity is told as such
            value = value * dictionary.scale.cpu().numpy()[feature]
        kept = ~(value <= 0)  # a direction of norm zero, or a product below all numbers
        place, feature, value = place[kept], feature[kept], value[kept]
    return Fired(place, feature, value)


R = TypeVar("R")
Part = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]


def _parts(dictionary: Dictionary, acts: Float[Tensor, "place width"]) -> Iterator[Part]:
    sae, find = dictionary.sae, _finder(dictionary.sae)
    on_cpu = acts.device.type == "cpu"
    block, most = (_BLOCK, _ROWS) if on_cpu else (_BLOCK_ON_ACCELERATOR, len(acts))
    rows = min(most, max(1, block // dictionary.features))
    for first in range(0, len(acts), rows):
        for place, feature, value in find(sae, acts[first : first + rows]):
            yield place + np.int32(first), feature, value


def _finder(sae: "SAE[Any]") -> "Callable[[SAE[Any], Tensor], list[Part]]":
    architecture = sae.cfg.architecture()
    if architecture == "topk":
        return _strongest
    if architecture in _THRESHOLDED and sae.dtype == torch.float32:
        return _above_thresholds
    return _nonzero


def _strongest(sae: "SAE[Any]", acts: Float[Tensor, "place width"]) -> list[Part]:
    """The `k` largest pre-activations of each place, those that are positive."""
    products, bias, k = _products(sae, acts), sae.get_parameter("b_enc"), sae.cfg.k
    rescaled = sae.cfg.rescale_acts_by_decoder_norm
    norm = sae.get_parameter("W_dec").norm(dim=-1) if rescaled else torch.ones_like(bias)
    if products.device.type != "cpu" or products.dtype != torch.float32:
        before = products.add_(bias)
        return [_topk(before * norm if rescaled else before, k)]
    dense, biases, norms = (tensor.detach().numpy() for tensor in (products, bias, norm))
    found = _in_threads(lambda low, high: _largest(dense[low:high], biases, norms, k, low), len(dense))
    parts, unclear = [part for part, _ in found], np.concatenate([rows for _, rows in found])
    if len(unclear) == 0:
        return parts
    # Which of equal entries fires is torch's to say, and so is what becomes of NaN.
    place, feature, value = _topk((products[unclear] + bias) * norm, k)
    return [_in_order([*parts, (unclear[place], feature, value)])]


def _topk(before: Float[Tensor, "place feature"], k: int) -> Part:
    values, features = torch.topk(before, k, dim=-1, sorted=False)
    value, feature = values.float().cpu().numpy().reshape(-1), features.int().cpu().numpy().reshape(-1)
    place = np.repeat(np.arange(len(before), dtype=np.int32), values.shape[1])
    kept = ~(value <= 0)  # NaN is kept
    return place[kept], feature[kept], value[kept]


def _in_order(parts: Sequence[Part]) -> Part:
    place, feature, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(place, kind="stable")
    return place[order], feature[order], value[order]


def _above_thresholds(sae: "SAE[Any]", acts: Float[Tensor, "place width"]) -> list[Part]:
    """The pre-activations above zero and above their feature's threshold."""
    products, bias = _products(sae, acts), sae.get_parameter("b_enc")
    jumps = "jumprelu" in sae.cfg.architecture()
    floor = sae.get_parameter("threshold").clamp(min=0) if jumps else torch.zeros_like(bias)
    if products.device.type != "cpu":
        before = products.add_(bias)
        return _nonzero_of(torch.where(before <= floor, 0, before))
    dense, biases, floors = (tensor.detach().numpy() for tensor in (products, bias, floor))
    return _in_threads(lambda low, high: _scan(dense[low:high], biases, floors, low), len(dense))


def _nonzero(sae: "SAE[Any]", acts: Float[Tensor, "place width"]) -> list[Part]:
    """What `sae.encode` leaves, for any architecture."""
    return _nonzero_of(sae.encode(acts).float())


def _nonzero_of(feats: Float[Tensor, "place feature"]) -> list[Part]:
    if feats.device.type == "cpu":
        dense = feats.detach().numpy()
        none = np.zeros(dense.shape[1], dtype=np.float32)
        return _in_threads(lambda low, high: _scan(dense[low:high], none, none, low), len(dense))
    where = torch.nonzero(~(feats <= 0), as_tuple=True)
    place, feature = (index.int().cpu().numpy() for index in where)
    return [(place, feature, feats[where].cpu().numpy())]


def _products(sae: "SAE[Any]", acts: Float[Tensor, "place width"]) -> Float[Tensor, "place feature"]:
    # Taken anew for each block: the allocator gives the same memory back, which is still in the cache.
    return sae.process_sae_in(acts) @ sae.get_parameter("W_enc")


def _in_threads(scan: Callable[[int, int], R], rows: int) -> list[R]:
    """Scan the rows in as many parts as torch has threads, in order."""
    parts = torch.get_num_threads()
    edges = [rows * part // parts for part in range(parts + 1)]
    return list(_threads(parts).map(scan, edges[:-1], edges[1:]))


@lru_cache(maxsize=1)
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="encode")


def _scan(dense: NDArray[np.float32], bias: NDArray[np.float32], floor: NDArray[np.float32], first: int) -> Part:
    # Memory that is never written to is never taken from the system.
    places, features = np.empty(dense.size, dtype=np.int32), np.empty(dense.size, dtype=np.int32)
    values = np.empty(dense.size, dtype=np.float32)
    found = above(np.ascontiguousarray(dense), bias, floor, places, features, values)
    return places[:found] + np.int32(first), features[:found].copy(), values[:found].copy()


def _largest(
    dense: NDArray[np.float32], bias: NDArray[np.float32], norm: NDArray[np.float32], k: int, first: int
) -> tuple[Part, NDArray[np.int32]]:
    """The largest entries of each row, and the rows of which only torch can say which they are."""
    features, values = np.empty(len(dense) * k, dtype=np.int32), np.empty(len(dense) * k, dtype=np.float32)
    counts = largest(np.ascontiguousarray(dense), bias, norm, k, features, values)
    found = np.maximum(counts, 0)
    written = (np.arange(k) < found[:, None]).reshape(-1)
    rows = np.arange(first, first + len(dense), dtype=np.int32)
    return (np.repeat(rows, found), features[written], values[written]), rows[counts < 0]
