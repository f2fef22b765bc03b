"""What spoils the input of a denoising autoencoder, and what hides units: noise by formulas.

Vincent, Larochelle, Bengio & Manzagol 2008, "Extracting and composing robust features with
denoising autoencoders"; Vincent et al. 2010, section 3.3, for the other two kinds. Only training
spoils anything: the loss compares the output with the row as it was.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._typing import Array
from . import noise
from .noise import Draw

Limits = tuple[Array, Array]
"""The smallest and the largest number of each column: two (n_features,)."""


def gaussian(X: Array, draw: Draw, level: float, limits: Limits) -> Array:
    """X̃ = x + level · ε, with ε ~ N(0, 1): the level is in units of what the network sees."""
    epsilon = noise.normals(draw, noise.CORRUPTION, X.shape[1], noise.COARSE_LEVELS)
    return X + (level * epsilon).astype(X.dtype)


def masking(X: Array, draw: Draw, level: float, limits: Limits) -> Array:
    """X̃ = 0 with probability level, else x."""
    return np.where(hidden_entries(draw, level, X.shape[1]), X.dtype.type(0), X)


def hidden_entries(draw: Draw, level: float, n_columns: int) -> Array:
    """Which entries `masking` hides, each with probability level: (m, n_columns) bool."""
    return noise.integers(draw, noise.CORRUPTION, n_columns) < noise.threshold(level)


def salt_and_pepper(X: Array, draw: Draw, level: float, limits: Limits) -> Array:
    """X̃ = the column's smallest or largest number with probability level / 2 each, else x."""
    numbers = noise.integers(draw, noise.CORRUPTION, X.shape[1])
    low, high = (limit.astype(X.dtype) for limit in limits)
    changed = np.where(numbers < noise.threshold(level / 2), low, high)
    return np.where(numbers < noise.threshold(level), changed, X)


class Corruption(NamedTuple):
    """Everything that anybody asks of a corruption."""

    function: Callable[[Array, Draw, float, Limits], Array]
    """``(X, draw, level, limits) -> X̃``, both (m, n_features)."""
    level_is_share: bool = True
    """Whether the level is a share of entries, below 1."""
    hides: bool = False
    """Whether what it spoils is as if it were missing: 0, also in the mask of what is seen."""
    needs_limits: bool = False
    """Whether it asks for each column's smallest and largest number."""
    needs_normals: bool = False
    """Whether it draws normal numbers."""


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian": Corruption(gaussian, level_is_share=False, needs_normals=True),
    "masking": Corruption(masking, hides=True),
    "salt_and_pepper": Corruption(salt_and_pepper, needs_limits=True),
}

NOTHING = Corruption(lambda X, draw, level, limits: X, level_is_share=False)
"""What no corruption does."""


def corruption_of(name: str | None) -> Corruption:
    """The record of a name, or of None."""
    return NOTHING if name is None else CORRUPTIONS[name]


def dropout_mask(draw: Draw, layer: int, n_units: int, share: float, dtype: np.dtype) -> Array:
    """0 for units that are hidden, 1 / (1 - share) for the others: (m, n_units).

    Srivastava et al. 2014, "Dropout"; scaled while training, so that inference needs no change.
    """
    kept = noise.integers(draw, layer, n_units) >= noise.threshold(share)
    return kept * dtype.type(1 / (1 - share))
