"""The report on a detector: have its networks learned what rows look like, and is the table one?"""

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from .._typing import Array
from ..data.checks import is_sparse
from ..data.rows import Rows
from ..data.scaling import saturated
from ..diagnosis.diagnose import OF_THE_FIT, examine
from ..diagnosis.findings import Finding
from ..diagnosis.reconstruction import bounded, mean_error, some_of
from ..diagnosis.references import References, references
from ..diagnosis.result import Diagnosis
from ..diagnosis.suspects import Change, detector_suspects
from ..diagnosis.trials import Trials, run_trials
from ..diagnosis.words import count, number, percent
from .tables import checked
from .trying import Table, announce, seed_of

ROWS = 1000
"""Rows of a trial, and rows by which networks are judged."""
UNTRAINED = 0.65
"""Share of what PCA gains that the networks, in the mean, fall short of. They are trained for a few
dozen steps, so that healthy ones fall short of it, too: by 0.1 to 0.55."""
USUAL = frozenset(("heavy_outliers", "badly_scaled_columns"))
"""Findings about a table that are none to a detector of outliers, which scales as it must."""
GROSS = 100.0
"""Times the usual squared distance from the middle: a row so far out says nothing of what networks
have learned of the others, and is what a detector is for."""
OF_CATEGORIES = frozenset(("constant_columns",))
"""More of them where columns are mixed: categories that do not occur have a column of zeros."""
FARTHEST_LOOKED_AT = 1e15
"""Spreads from the median within which a diagnosis looks at entries."""


def diagnose_detector(
    detector: Any, X: Any, *, trials: bool, budget: float, sample_weight: Array | None
) -> Diagnosis:
    """Look at a fitted detector's networks, and at the table.

    Parameters
    ----------
    detector : fitted AutoencoderOutlierDetector
    X : array or DataFrame of shape (m, n_features)
    trials : bool
        Whether to try settings where the networks have not learned.
    budget : float
        Seconds that this may take.
    sample_weight : array of shape (m,), optional

    Returns
    -------
    Diagnosis
        Losses are means over the networks; layers and code are those of the largest.
    """
    rows = _seen_by_networks(detector, X)
    if sample_weight is not None:
        rows = rows.reweighted(sample_weight)
    networks = detector.ensemble_.networks
    largest = max(networks, key=lambda network: network.architecture.n_components)
    examined = examine(
        largest,
        rows,
        raw=Rows(rows.X, missing=rows.missing),
        feature_names=(
            getattr(detector, "feature_names_in_", None)
            if detector.encoding_ is None
            else detector.encoding_.names_with_others
        ),
        sources=None if detector.encoding_ is None else detector.encoding_.sources,
        settings=detector.get_params(deep=False),
    )
    loss, judged_by, n_left_out = _judged(networks, rows)
    usual = USUAL if detector.encoding_ is None else USUAL | OF_CATEGORIES
    found = tuple(f for f in examined.found if f.name not in OF_THE_FIT | usual)
    tried = None
    if examined.measures.varies and _is_untrained(loss, judged_by):
        tried = _try_settings(detector, X, budget, sample_weight) if trials else None
        found = (_untrained(loss, judged_by, tried), *found)
    n_rows, n_outliers = Table(X).n_rows, int((detector.predict(X) == -1).sum())
    sizes = [network.architecture.n_components for network in networks]
    far = f"without {count(n_left_out, 'row')} ten times as far out as usual; " * bool(n_left_out)
    return replace(
        examined.report(),
        loss=loss,
        baselines=judged_by.table(),
        findings=found,
        trials=tried,
        subject="these networks",
        lines=(
            f"{count(len(sizes), 'network')}, with codes of {', '.join(map(str, sizes))}; losses "
            f"are their means, {far}layers those of the largest",
            f"{n_outliers} of {count(n_rows, 'row')} are outliers "
            f"({percent(n_outliers / n_rows)}): their score is above {number(detector.threshold_)}",
        ),
    )


def _seen_by_networks(detector: Any, X: Any) -> Rows:
    """X as the networks of the ensemble see it, but for entries far beyond the usual.

    Those are nearer than they are, so that networks can be asked at all.
    """
    table = checked(detector, X, reset=False)
    shift, factor = detector.shift_, detector.factor_
    width = FARTHEST_LOOKED_AT / factor  # (n_encoded,)
    with np.errstate(over="ignore"):
        low, high = saturated(shift - width), saturated(shift + width)
    if is_sparse(table):
        table = table.copy()
        table.data = np.clip(table.data, low[table.indices], high[table.indices])
    elif not ((low <= table) | np.isnan(table)).all() or (table > high).any():
        table = np.clip(table, low, high)
    return Rows(table, shift, factor, missing=detector.missing_values)


def _judged(networks: tuple[Any, ...], rows: Rows) -> tuple[float, References, int]:
    """The mean loss of the networks on some of the rows, and what it is judged by.

    Without rows that are far out; the last is how many these are.
    """
    which = some_of(rows, ROWS)
    which = which[rows.counts(which) > 0]
    is_sample = len(which) < len(rows)
    X = bounded(rows.take(which, np.float64), networks[0].dtype)
    distances = np.nansum(X**2, axis=1)
    is_gross = distances > GROSS * max(float(np.median(distances)), X.shape[1])
    which, X = which[~is_gross], X[~is_gross]
    weights = None if rows.sample_weight is None else rows.weights(which)
    losses, of_pca = [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for network in networks:
            a = network.architecture
            judged_by = references(a, X, a.n_components, weights, is_sample=is_sample)
            losses.append(mean_error(network, X, weights))
            of_pca.append(judged_by.pca)
    judged_by = replace(judged_by, pca=float(np.mean(of_pca)), n_components=0)
    return float(np.mean(losses)), judged_by, int(is_gross.sum())


def _is_untrained(loss: float, judged_by: References) -> bool:
    if not math.isfinite(loss):
        return True
    return judged_by.has_structure and judged_by.lost(loss) > UNTRAINED


def _untrained(loss: float, judged_by: References, tried: Trials | None) -> Finding:
    figures = (
        f"their mean loss is {number(loss)}, returning the {judged_by.constant_name} for every row "
        f"has {number(judged_by.constant)}, PCA with codes of the same sizes "
        f"{number(judged_by.pca)}."
    )
    if tried is not None and not tried.is_reproduced:  # such networks do learn these rows
        message = f"The networks do not know rows like these: {figures}"
    else:
        message = (
            f"The networks have not learned what rows look like: {figures} Their scores say little "
            "more than how far a row is from the mean."
        )
    otherwise = "Try the defaults of learning_rate_init and n_steps."
    return Finding("not_learned", message, otherwise if tried is None else tried.advice)


def _try_settings(detector: Any, X: Any, budget: float, sample_weight: Array | None) -> Trials:
    table = Table(X, sample_weight).some(ROWS)
    weights = table.sample_weight
    settings, seed = detector.get_params(deep=False), seed_of(detector)

    def fitted(changed: dict[str, Any]) -> Any:
        model = clone(detector).set_params(**{"random_state": seed, **changed})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.fit(table.X, sample_weight=weights)

    base = fitted({})
    seen = _seen_by_networks(base, table.X)
    seen = seen if weights is None else seen.reweighted(weights)
    loss, judged_by, _ = _judged(base.ensemble_.networks, seen)
    is_reproduced = _is_untrained(loss, judged_by)
    changes = detector_suspects(settings, type(detector)().get_params(deep=False))

    def loss_with(change: Change) -> float | None:
        try:
            model = fitted(dict(change.settings))
        except (ValueError, ArithmeticError):
            return None
        return _judged(model.ensemble_.networks, seen)[0]

    result = Trials(
        n_rows=table.n_rows,
        n_epochs=0,
        loss=loss,
        references=judged_by,
        budget=budget,
        is_reproduced=is_reproduced,
        seed=seed,
        measure="mean loss",
    )
    if not is_reproduced:
        return result
    announce(len(changes), budget)
    tried, left = run_trials(changes, settings, loss_with, lambda _: judged_by, budget=budget)
    return replace(result, tried=tried, n_left_out=left)
