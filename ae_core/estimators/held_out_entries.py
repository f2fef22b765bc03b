"""Entries that a fit holds out where entries are missing, and the warning that they can give."""

import warnings
from typing import Any

import numpy as np

from ..basics.callers import level_outside
from ..data.checks import is_sparse
from ..data.held_out import EntrySplit, HeldOutEntries, hold_out_entries
from ..data.imputation import parts_of
from ..data.rating_biases import learn_biases, minus_of_rows, without_row_biases
from ..data.rows import Rows
from ..data.seen_rows import side_by_side
from ..formulas.losses import ANYTHING, LOSSES
from .beside import Beside
from .fit_warnings import NotLearningWarning

WORTH_SAYING = 1.01
"""A model is warned of if its error is so many times that of the biases: less is chance."""


def holds_out_entries(estimator: Any, X: Any) -> bool:
    """Whether entries are held out, and not rows: where some are missing.

    A sparse X whose NaN is missing has zeros that it does not store, so rows are.
    """
    missing = estimator.missing_values
    return missing == "implicit" or (missing == "mask" and not is_sparse(X))


def split_entries(estimator: Any, X: Any, seed: int) -> EntrySplit:
    """The entries of X that are learned from, and those that are held out."""
    encoding = estimator.encoding_
    starts = None if encoding is None else encoding.starts
    random = np.random.default_rng(seed)
    return hold_out_entries(X, estimator.validation_fraction, random, starts)


def targets_of(split: EntrySplit, rows: Rows, beside: Beside) -> Rows:
    """The held-out entries as the network is to predict them from the rows that are given."""
    held_out = split.held_out
    if rows.row_shift is not None:
        held_out = minus_of_rows(held_out, rows.row_shift)
    if beside.covariates is not None:  # which the decoder is given, too
        held_out = side_by_side(held_out, beside.covariates)
    return Rows(
        held_out,
        rows.shift,
        rows.factor,
        rows.sample_weight,
        clip=rows.clip,
        missing="implicit",
        n_covariates=rows.n_covariates,
        row_shift=rows.row_shift,
        row_size=rows.row_size,
    )


def warn_if_worse_than_biases(
    estimator: Any, split: EntrySplit, validation: HeldOutEntries
) -> bool:
    """Warn where held-out ratings are predicted worse than by the biases of rows and columns.

    Returns whether it has.
    """
    if estimator.missing_values != "implicit" or LOSSES[estimator.loss].domain is not ANYTHING:
        return False
    given, held_out = split
    biases = learn_biases(given, validation.given.sample_weight)
    _, of_rows = without_row_biases(given, biases.shift)
    errors = minus_of_rows(held_out, of_rows).data.astype(np.float64)
    errors -= biases.shift[held_out.indices]
    guesses = np.empty(len(errors))
    for part in parts_of(validation.given):
        X_hat = estimator._reconstructed(validation.given.part(part))
        block = held_out[part]
        row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        stored = slice(held_out.indptr[part.start], held_out.indptr[part.start] + block.nnz)
        guesses[stored] = X_hat[row, block.indices]
    theirs = float(np.sqrt(np.mean(errors**2)))
    ours = float(np.sqrt(np.mean((guesses - held_out.data) ** 2)))
    is_worse = ours > WORTH_SAYING * theirs
    if is_worse:
        warnings.warn(
            f"Of ratings that were held out, the error (RMSE) is {ours:.3g}, and the biases of "
            f"rows and columns alone have {theirs:.3g}: what was learned is a copy of what was "
            "seen. Leave scale, alpha and activation at their defaults, or try a larger alpha",
            NotLearningWarning,
            stacklevel=level_outside(),
        )
    return is_worse
