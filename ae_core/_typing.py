"""Names of types that several floors share."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    """A NumPy array of any dtype; docstrings give the shapes."""

    RandomState = int | np.random.Generator | np.random.RandomState | None
    """A seed, a generator of either kind, or None for fresh entropy."""
else:
    # numpy.typing and numpy.random take a tenth of the time to a first score, which needs neither.
    Array = np.ndarray
    RandomState = Any
