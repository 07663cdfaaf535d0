"""Where the features of an SAE fire, found block by block, so that the dense activations are never written in full.

Each block does what `sae.encode` does, in the same order, so activations are those of `Dictionary.encode`.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from autointerp.compiled import compiled
from autointerp.subject.sae import Dictionary

if TYPE_CHECKING:
    from sae_lens import SAE

# Numbers in a block: on a CPU what stays in its cache, on an accelerator what keeps it busy.
_BLOCK = 1 << 22
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


Part = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]


def _parts(dictionary: Dictionary, acts: Float[Tensor, "place width"]) -> Iterator[Part]:
    sae, find = dictionary.sae, _finder(dictionary.sae)
    block = _BLOCK if acts.device.type == "cpu" else _BLOCK_ON_ACCELERATOR
    rows = max(1, block // dictionary.features)
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
    before = _products(sae, acts).add_(sae.get_parameter("b_enc"))
    if sae.cfg.rescale_acts_by_decoder_norm:
        before = before * sae.get_parameter("W_dec").norm(dim=-1)
    values, features = torch.topk(before, sae.cfg.k, dim=-1, sorted=False)
    value, feature = values.float().cpu().numpy().reshape(-1), features.int().cpu().numpy().reshape(-1)
    place = np.repeat(np.arange(len(acts), dtype=np.int32), values.shape[1])
    kept = ~(value <= 0)  # NaN is kept
    return [(place[kept], feature[kept], value[kept])]


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


def _in_threads(scan: Callable[[int, int], Part], rows: int) -> list[Part]:
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
    found = _collect(np.ascontiguousarray(dense), bias, floor, places, features, values)
    return places[:found] + np.int32(first), features[:found].copy(), values[:found].copy()


_CHUNK = 32


@compiled
def _collect(
    dense: NDArray[np.float32],
    bias: NDArray[np.float32],
    floor: NDArray[np.float32],
    places: NDArray[np.int32],
    features: NDArray[np.int32],
    values: NDArray[np.float32],
) -> int:
    """Write down the entries of `dense` + `bias` that are above `floor` or NaN, and return how many there are."""
    rows, width = dense.shape
    found = 0
    for row in range(rows):
        for chunk in range(0, width, _CHUNK):
            stop = min(chunk + _CHUNK, width)
            hits = 0
            for i in range(chunk, stop):  # branchless, so that it is done for several numbers at once
                hits += not (dense[row, i] + bias[i] <= floor[i])
            if hits:
                for i in range(chunk, stop):
                    value = dense[row, i] + bias[i]
                    if not (value <= floor[i]):
                        places[found] = row
                        features[found] = i
                        values[found] = value
                        found += 1
    return found
