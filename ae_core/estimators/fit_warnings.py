"""What a fit warns of at its end: nothing learned, not converged, columns without an entry."""

import math
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._typing import Array
from ..basics.arguments import shown
from ..basics.callers import level_outside
from ..data.rows import Rows
from ..diagnosis.findings import WORSE_THAN_CONSTANT, is_worth_a_look, not_learning
from ..diagnosis.reconstruction import judged_rows, mean_error, rates_of
from ..diagnosis.references import references
from ..network.compiled import Network
from ..network.output import own_parameters
from .parameters import TOLERANCE

ROWS_JUDGED = 1000
"""How many rows, at most, tell whether a fit was better than a constant."""

NAMES_SHOWN = 5
"""How many columns a warning names."""


def warn_of_never_seen(estimator: Any, never: Array) -> None:
    """Warn of columns (n_features,) that stay missing, because nothing was seen of them."""
    places = np.flatnonzero(never)
    if not len(places):
        return
    names = getattr(estimator, "feature_names_in_", None)
    called = [str(i) if names is None else shown(names[i]) for i in places[:NAMES_SHOWN]]
    rest = f" and {len(places) - NAMES_SHOWN} more" if len(places) > NAMES_SHOWN else ""
    warnings.warn(
        f"column{'s' if len(places) > 1 else ''} {', '.join(called)}{rest} had no entry in the "
        "fit, which knows nothing of it: impute leaves it missing",
        stacklevel=level_outside(),
    )


class NotLearningWarning(UserWarning):
    """A fit ended with a model that is hardly better than returning the same for every row."""


def warn_if_not_learning(network: Network, rows: Rows) -> None:
    """Warn when the model is hardly better than the best constant, judged on some of the rows.

    Only then PCA is computed, too: where it is no better either, there is little to learn.
    """
    which = judged_rows(rows, ROWS_JUDGED)
    if len(which) < 2:
        return
    some, weights = rates_of(rows, which)
    architecture = network.architecture
    with np.errstate(over="ignore", invalid="ignore"):
        loss = mean_error(network, some, weights)
        given = np.nan_to_num(some[:, rows.n_features :]) if rows.n_covariates else None
        some = some[:, : rows.n_features]
        own = own_parameters(architecture, network.params.astype(np.float64))
        constant = references(architecture, some, 0, weights, own)
        if not is_worth_a_look(loss, constant):
            return
        k, is_sample = architecture.n_components, len(which) < len(rows)
        best = references(architecture, some, k, weights, own, is_sample=is_sample, given=given)
        if not best.has_structure and loss < WORSE_THAN_CONSTANT * best.constant:
            return
        reachable = best.pca if best.has_structure else best.constant
        found = not_learning(loss, best.constant, best.constant_name, best.floor, reachable)
    if found:
        warnings.warn(
            f"{found.message} {found.advice}", NotLearningWarning, stacklevel=level_outside()
        )


def warn_if_not_converged(estimator: Any) -> None:
    """Warn where convergence was asked for, by 'lbfgs' or a `tol`, and the fit ended before it.

    That is where the watched loss still improved by more than the tolerance in the last
    `n_iter_no_change` epochs.
    """
    history, patience = estimator.history_, estimator.n_iter_no_change
    asked_for = estimator.tol is not None or estimator.solver == "lbfgs"
    if not asked_for or not history.stopped_because.startswith("reached "):
        return
    tol = TOLERANCE if estimator.tol is None else estimator.tol
    best, n_stale = math.inf, 0
    for loss in history.watched:
        n_stale = 0 if loss < best - tol else n_stale + 1
        best = min(best, loss)
    if n_stale >= patience:
        return
    warnings.warn(
        f"The fit {history.stopped_because} before {patience} epochs came by without the loss "
        f"improving by more than tol={tol:g}: raise that limit, or tol",
        ConvergenceWarning,
        stacklevel=level_outside(),
    )
