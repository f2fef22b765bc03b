"""Names of types that several floors share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""A NumPy array of any dtype; docstrings give the shapes."""

RandomState = int | np.random.Generator | np.random.RandomState | None
"""A seed, a generator of either kind, or None for fresh entropy."""
