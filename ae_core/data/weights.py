"""Weights of rows: only their ratios count.

Losses are weighted means, which a constant factor does not change. Penalties on the parameters are
divided by the number of rows, and that is where a number has to be made of weights: weights that
are all 1 are so many rows, and weights 2, 1, 1 are the four rows that repeating the first would
give. So the smallest weight stands for one row where all others are whole multiples of it. Whole
numbers that are not (2 and 3) count as they are, and other weights, as many as there are rows.
"""

import numpy as np

from .._typing import Array

ROUNDING = 1e-9
"""Of a multiple: what is nearer than that to a whole number is one."""

MOST = 1e6
"""A larger multiple can't be told from another number, nor a whole number of rows be meant."""


def relative_weights(weights: Array | None) -> Array | None:
    """Weights (m,), of which some are above 0, as numbers of rows; the same for c · weights.

    Those that are whole numbers with a 1 among them, and all that are 1, come back as they are;
    rows of weight 0 count nothing.
    So do those that all together are below the rounding of the largest weight.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core.data.weights import relative_weights
    >>> relative_weights(np.array([2e-6, 1e-6, 0, 1e-6]))
    array([2., 1., 0., 1.])
    >>> relative_weights(np.array([0.5, 1.3, 2.2]))
    array([0.375, 0.975, 1.65 ])
    """
    if weights is None:
        return None
    largest = weights.max()
    relative = weights / largest  # whose sum fits a float, however large they are
    relative[relative < np.finfo(np.float64).eps / len(relative)] = 0  # no sum has a digit of them
    positive = relative[relative > 0]
    least = positive.min()
    if least * MOST >= 1:
        multiples = relative / least
        whole = np.rint(multiples)
        if (np.abs(multiples - whole) <= ROUNDING * multiples).all():
            return np.asarray(whole)
    if largest <= MOST and (weights == np.rint(weights)).all():
        return weights
    return np.asarray(relative * (len(positive) / positive.sum()))
