"""The largest entries of each row of a matrix."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from autointerp.compiled import compiled


def largest(values: Float[Tensor, "row column"], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the columns and the values of the `k` largest entries of each row, (row, k), largest first.

    Of equal ones the first column wins on a CPU. `k` is at most the number of columns.
    """
    if values.device.type == "cpu":
        return _largest(values.float().contiguous().numpy(), k)
    found = torch.topk(values, k)
    return found.indices.int().cpu().numpy(), found.values.float().cpu().numpy()


@compiled
def _largest(rows: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Scan each row once: only what beats the last of the `k` so far is moved to its place among them."""
    count, width = rows.shape
    column = np.zeros((count, k), np.int32)
    value = np.full((count, k), -np.inf, np.float32)
    for row in range(count):
        if k == 0:
            break
        held, least = 0, np.float32(-np.inf)
        for i in range(width):
            candidate = rows[row, i]
            if held == k and candidate <= least:
                continue
            at = min(held, k - 1)
            while at > 0 and value[row, at - 1] < candidate:
                value[row, at], column[row, at] = value[row, at - 1], column[row, at - 1]
                at -= 1
            value[row, at], column[row, at] = candidate, i
            held = min(held + 1, k)
            least = value[row, k - 1]
    return column, value
