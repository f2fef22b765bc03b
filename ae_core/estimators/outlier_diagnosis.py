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
from ..diagnosis.diagnose import OF_THE_FIT, Examination, examine
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
        finding = _untrained(loss, judged_by)
        if trials:
            tried = _try_settings(detector, X, budget, sample_weight)
            message = finding.message if tried.is_reproduced else _unknown(loss, judged_by)
            finding = replace(finding, message=message, advice=tried.advice)
        found = (finding, *found)
    return _report(detector, X, examined, loss, judged_by, found, tried, n_left_out)


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
            architecture = network.architecture
            judged_by = references(
                architecture,
                X,
                architecture.n_components,
                weights,
                is_sample=is_sample,
            )
            losses.append(mean_error(network, X, weights))
            of_pca.append(judged_by.pca)
    judged_by = replace(judged_by, pca=float(np.mean(of_pca)), n_components=0)
    return float(np.mean(losses)), judged_by, int(is_gross.sum())


def _is_untrained(loss: float, judged_by: References) -> bool:
    if not math.isfinite(loss):
        return True
    return judged_by.has_structure and judged_by.lost(loss) > UNTRAINED


def _untrained(loss: float, judged_by: References) -> Finding:
    return Finding(
        "not_learned",
        f"The networks have not learned what rows look like: their mean loss is {number(loss)}, "
        f"returning the {judged_by.constant_name} for every row has {number(judged_by.constant)}, "
        f"PCA with codes of the same sizes {number(judged_by.pca)}. Their scores say little more "
        "than how far a row is from the mean.",
        "Try the defaults of learning_rate_init and n_steps.",
    )


def _unknown(loss: float, judged_by: References) -> str:
    """What to say where such networks do learn these rows."""
    return (
        f"The networks do not know rows like these: their mean loss is {number(loss)}, returning "
        f"the {judged_by.constant_name} for every row has {number(judged_by.constant)}, PCA with "
        f"codes of the same sizes {number(judged_by.pca)}."
    )


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


def _report(
    detector: Any,
    X: Any,
    examined: Examination,
    loss: float,
    judged_by: References,
    found: tuple[Finding, ...],
    tried: Trials | None,
    n_left_out: int,
) -> Diagnosis:
    n_outliers = int((detector.predict(X) == -1).sum())
    n_rows = Table(X).n_rows
    sizes = [network.architecture.n_components for network in detector.ensemble_.networks]
    far = f"without {count(n_left_out, 'row')} ten times as far out as usual; " * bool(n_left_out)
    lines = (
        f"{count(len(sizes), 'network')}, with codes of {', '.join(map(str, sizes))}; losses are "
        f"their means, {far}layers those of the largest",
        f"{n_outliers} of {count(n_rows, 'row')} are outliers "
        f"({percent(n_outliers / n_rows)}): their score is above {number(detector.threshold_)}",
    )
    return replace(
        examined.report(),
        loss=loss,
        baselines=judged_by.table(),
        findings=found,
        trials=tried,
        subject="these networks",
        lines=lines,
    )
