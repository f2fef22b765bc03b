"""Covariates and size factors: what a fit and the methods are given beside the rows."""

from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from ..basics.arguments import as_numbers
from ..data.covariates import Covariates
from ..formulas.losses import LOSSES

NO_X_VAL = "is of X alone, and X_val needs its own: use early_stopping=True without X_val"
NOT_FOR_BLOCKS = "is not for X in blocks, or for to=…: give a table in memory"


class Beside(NamedTuple):
    """What is given beside the rows of a table, in the order of the rows."""

    covariates: Array | None = None
    """Covariates in the form that the network takes: (m, n_covariates)."""
    sizes: Array | None = None
    """Size factors as they were given: (m,)."""

    def at(self, which: Any) -> "Beside":
        """The same for some of the rows."""
        return Beside(*(None if each is None else each[which] for each in self))


NOTHING = Beside()


def given_beside(
    estimator: Any,
    n_rows: int,
    covariates: Any,
    size_factors: Any,
    *,
    learns: bool = False,
    weights: Array | None = None,
) -> Beside:
    """What is given beside n_rows rows, checked; with `learns` what a fit makes of it, is learned.

    Raises
    ------
    ValueError, TypeError
        When it is not of these rows, not as in the fit, or missing.
    """
    if learns:
        estimator._covariates = None
        if covariates is not None:
            scale = "minmax" if estimator.scale == "minmax" else "standard"
            estimator._covariates = Covariates.learn(covariates, n_rows, scale, weights)
    return Beside(
        covariates_of(estimator, covariates, n_rows),
        sizes_of(estimator, size_factors, n_rows),
    )


def covariates_of(estimator: Any, covariates: Any, n_rows: int) -> Array | None:
    """The covariates of n_rows rows as the network is given them, where it is given any.

    Raises
    ------
    ValueError, TypeError
        When there are none where the fit had some, or the other way round, or others.
    """
    learned: Covariates | None = estimator._covariates
    if learned is None:
        if covariates is None:
            return None
        raise ValueError(
            "covariates are given, and the model was fitted without: leave them out, or fit with "
            "fit(X, covariates=…)"
        )
    if covariates is None:
        names = ""
        if learned.encoding is not None:
            names = f" ({', '.join(c.name for c in learned.encoding.columns)})"[:100]
        raise ValueError(
            f"covariates=None: the model was fitted with {learned.n_columns} column"
            f"{'s' * (learned.n_columns > 1)} of covariates{names}, so give those of these rows"
        )
    return learned.encode(covariates, n_rows)


def sizes_of(
    estimator: Any, size_factors: Any, n_rows: int, *, is_needed: bool = True
) -> Array | None:
    """How much was counted of each of n_rows rows (m,), where that is given.

    Raises
    ------
    ValueError
        When it is not, and `size_factors` says so, or the other way round; or no positive numbers.
    """
    is_given = estimator.size_factors == "given"
    if size_factors is None:
        if is_given and is_needed:
            raise ValueError(
                "size_factors=None: the model was made with size_factors='given', so give a "
                "positive number for each row"
            )
        return None
    if not is_given:
        raise ValueError(
            "size_factors are given, and the model was made with "
            f"size_factors={estimator.size_factors!r}: make it with size_factors='given'"
        )
    sizes = np.asarray(as_numbers("size_factors", size_factors), dtype=np.float64)
    if sizes.shape == (n_rows, 1):
        sizes = sizes[:, 0]
    if sizes.shape != (n_rows,):
        raise ValueError(
            f"size_factors has shape {sizes.shape}: one per row, ({n_rows},), is needed"
        )
    bad = np.flatnonzero(~((sizes > 0) & np.isfinite(sizes)))
    if len(bad):
        raise ValueError(
            f"size_factors[{bad[0]}] is {sizes[bad[0]]:g}: each must be a finite number above 0 "
            "(leave out rows of which nothing was counted)"
        )
    return np.ascontiguousarray(sizes)


def usual_size(sizes: Array, weights: Array | None) -> float:
    """The median of the sizes of the rows that count."""
    return float(np.median(sizes if weights is None else sizes[weights > 0]))


def divides_counts(estimator: Any) -> bool:
    """Whether rows are divided by their sizes and weigh as much, instead of an offset.

    s times the loss of x / s, with rate exp(z), is that of x with rate s exp(z): then the same is
    learned. But what a row weighs is multiplied with the divergence of a drawn code, too.
    """
    loss = LOSSES[estimator.loss]
    draws = estimator._draws_codes and loss.has_size
    return estimator.size_factors != "given" and loss.is_scaled_by_size and not draws


def refuse_beside(what: dict[str, Any], words: str) -> None:
    """Refuse what is given beside rows, where it can't be.

    Raises
    ------
    ValueError
        Naming the first of them that is given.
    """
    for name in ("covariates", "size_factors"):
        if what.get(name) is not None:
            raise ValueError(f"{name} {words}")


def refuse_covariates(estimator: Any, words: str) -> None:
    """Refuse a fitted model that is to be given something beside each row.

    Raises
    ------
    ValueError
    """
    if getattr(estimator, "_covariates", None) is not None:
        raise ValueError(
            f"a model that was fitted with covariates {words}: they are given beside X; "
            "use the estimator itself, or fit without covariates"
        )
    refuse_size_factors(estimator, words)


def refuse_size_factors(estimator: Any, words: str) -> None:
    """Refuse a fitted model that is to be given how much was counted of each row.

    Raises
    ------
    ValueError
    """
    if getattr(estimator, "size_factors", None) == "given":
        raise ValueError(
            f"size_factors='given' {words}: they are given beside X; use the estimator itself, or "
            "fit with size_factors=None"
        )


def refuse_export(estimator: Any) -> None:
    """Refuse to export a fitted model that takes more of a row than its numbers.

    Raises
    ------
    ValueError
    """
    refuse_covariates(estimator, "can't be exported")
    if getattr(estimator, "_usual_sum", None) is not None:
        raise ValueError(
            "size_factors='row_sum' can't be exported: rows are divided by their sums; "
            "fit with size_factors=None"
        )
