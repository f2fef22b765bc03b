"""What a variational autoencoder's loss leaves out of a likelihood."""

import math

import numpy as np

from .._typing import Array
from ..data.imputation import parts_of
from ..data.rows import Rows
from ..formulas.latent import LOG_2_PI


def noise_constants(
    rows: Rows, variance: float | None, weights: Array, is_normal: Array
) -> Array | float:
    """What normal noise adds to minus the log-likelihood of each row: Σ ½ log(2 π s² / w).

    Over the columns that have it and of which the row is seen: (m,), or one for all rows.

    Parameters
    ----------
    rows : Rows
    variance : float or None
        s², of a column of weight 1; None where no column has normal noise.
    weights : array of shape (n_features,)
        w, of columns as they are encoded.
    is_normal : array of shape (n_features,), bool
        Which columns have it.
    """
    if variance is None:
        return 0.0
    counts = is_normal & (weights > 0)
    each = LOG_2_PI + math.log(variance) - np.log(np.where(counts, weights, 1.0))
    if counts.all() and (weights == 1).all():
        return rows.n_features * (1.0 if rows.seen is None else rows.seen) / 2 * each[0]
    each = np.where(counts, each, 0.0) / 2
    if rows.seen is None:
        return float(each.sum())
    total = np.empty(len(rows))
    for part in parts_of(rows):
        X = rows.part(part).take(slice(None), np.float64)[:, : rows.n_features]
        total[part] = ~np.isnan(X) @ each
    return total
