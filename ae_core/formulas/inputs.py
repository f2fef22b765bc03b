"""What a network is given of each number, where that is not the number itself.

The loss is taken of the number as it is. Counts, for instance, differ by factors of thousands:
their logarithms are a better input, and a loss for counts wants them as they were counted.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._typing import Array


class InputTransform(NamedTuple):
    """A function of each number, increasing, with f(0) = 0, as sparse rows do not store zeros."""

    function: Callable[[Array], Array]
    least: float
    """The smallest number it may be taken of."""


INPUT_TRANSFORMS = {"log1p": InputTransform(np.log1p, 0.0)}
"""log1p: log(1 + x), as usual for the counts of genes in cells (Lopez, Regier, Cole, Jordan & Yosef
2018, "Deep generative modeling for single-cell transcriptomics")."""
