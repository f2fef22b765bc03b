"""Why does it not learn? A trained network, measured and explained.

`diagnose` runs a network on data, compares it with the best constant and with PCA, looks at every
layer, at the code, at the loss curve and at the table, and says in words what it found and what to
try. Of an estimator, which can be fitted again, what to try has been tried before it is said.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT
from ..data.checks import is_sparse
from ..data.rows import Rows, as_rows
from ..network.checks import check_targets
from ..network.reference import Network
from ..training.progress import History
from . import curves, data_findings, findings, unit_findings
from .column_findings import FAR_ROWS, FarValues, far_columns, far_values, without_far
from .findings import Finding
from .measures import Measures, Table, measure
from .other_data import is_where_it_ended, other_data
from .reconstruction import bounded, evenly, mean_error, some_of
from .result import Diagnosis
from .table_facts import ENTRIES, TableFacts, table_facts
from .trials import Trials
from .words import names_of

Check = Callable[[Measures], Finding | None]

CHECKS_OF_THE_FIT: tuple[Check, ...] = (
    curves.diverged,
    findings.column_mean,
    findings.worse_than_mean,
    unit_findings.collapsed_units,
    findings.bounded_output,
    unit_findings.saturated_units,
    unit_findings.dead_units,
    unit_findings.dead_code_units,
    findings.worse_than_pca,
    unit_findings.idle_code_units,
    curves.oscillating,
    curves.still_falling,
)
"""What other settings of the fit may mend, so that it can be tried which ones do."""

CHECKS: tuple[Check, ...] = (
    *CHECKS_OF_THE_FIT,
    curves.overfitting,
    findings.learned_to_copy,
    other_data,
    data_findings.badly_scaled_columns,
    data_findings.concentrated_weights,
    data_findings.constant_columns,
    data_findings.heavy_outliers,
)
"""All that is looked for in a fit, in the order of the report; each is called like its finding."""

OF_THE_FIT = frozenset(check.__name__ for check in CHECKS_OF_THE_FIT)

NO_LEARNING = {"diverged", "column_mean", "worse_than_mean"}
EXPLAINED_BY = {
    "worse_than_pca": NO_LEARNING
    | {"collapsed_units", "dead_code_units", "still_falling", "bounded_output"},
    "worse_than_mean": {"diverged", "column_mean"},
    "column_mean": {"diverged"},
    "oscillating": {"diverged"},
    "still_falling": {"diverged", "oscillating"},
    "idle_code_units": NO_LEARNING | {"badly_scaled_columns"},
    "other_data": {"diverged", "oscillating"},
}
"""Findings that say nothing new beside graver ones."""

SEE_ABOVE = "What helped is said above."


def diagnose(
    network: Network,
    X: Any,
    *,
    history: History | None = None,
    X_val: Any = None,
    feature_names: Sequence[Any] | None = None,
    raw: Any = None,
    n_components: int | None = None,
    max_rows: int = 10_000,
    settings: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """Say whether a network learned something, and if not, why and what to try.

    Parameters
    ----------
    network : Network
        Either twin, trained.
    X : array of shape (n_samples, n_features) or Rows
        The data that it was trained on, as it sees them (scaled), covariates last. Weights of
        `Rows` count.
    history : History, optional
        What `ae_core.train` returned; without it nothing is said about loss curves.
    X_val : array of shape (n_validation, n_features) or Rows, optional
        The validation data of that training, to see what the network makes of it now.
    feature_names : sequence of str, optional
        What to call the columns; 0, 1, … when absent.
    raw : array of shape (n, n_features), optional
        The data in the user's units, in which constant columns, dates and the like are told.
    n_components : int, optional
        Size of PCA's code; by default that of the network's.
    max_rows : int
        Of more rows than this, so many are looked at, evenly spaced.
    settings : mapping, optional
        What the fit was told (``learning_rate_init``, ``max_iter``, ``solver``,
        ``learning_rate``, …), so that the advice can name numbers.

    Returns
    -------
    Diagnosis
        What was found; prints as a report.

    Raises
    ------
    ValueError
        When the data do not fit the network, or names do not fit the data.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core import Adam, Architecture, Network, train
    >>> from ae_core.diagnosis.diagnose import diagnose
    >>> t = np.linspace(0, 6, 200)
    >>> X = np.stack([np.sin(t), np.cos(t), t - 3], axis=1)
    >>> network = Network(Architecture.symmetrical((3, 8, 2), activation="tanh"), random_state=0)
    >>> history = train(network, X, solver=Adam(1e-6), max_iter=50, random_state=0)
    >>> report = diagnose(network, X, history=history, settings={"learning_rate_init": 1e-6})
    >>> [finding.name for finding in report.findings]
    ['worse_than_mean', 'still_falling']
    """
    examined = examine(
        network, X, history, X_val, feature_names, raw, n_components, max_rows, settings
    )
    return examined.report()


@dataclass(frozen=True, eq=False)
class Examination:
    """What was measured and found, before it is known what helps."""

    measures: Measures
    found: tuple[Finding, ...]

    @property
    def wants_trials(self) -> bool:
        """Whether something was found that another setting may mend."""
        m = self.measures
        is_warned = any(f.name in OF_THE_FIT and f.severity == "warning" for f in self.found)
        return m.is_poor or (is_warned and m.varies and m.references.has_structure)

    @property
    def wants_filling(self) -> bool:
        """Whether hidden entries are filled in badly."""
        return any(f.name == "learned_to_copy" for f in self.found)

    def report(self, trials: Trials | None = None, filling: Trials | None = None) -> Diagnosis:
        """What was found, with what helped when tried in place of guesses."""
        m = self.measures
        found = self.found
        if trials is not None:
            trials = replace(trials, is_where_it_ended=is_where_it_ended(m))
            found = tried_advice(found, trials, OF_THE_FIT)
        if filling is not None:
            found = tried_advice(found, filling, frozenset(("learned_to_copy",)))
        return Diagnosis(
            n_rows=m.n_rows,
            loss=m.loss,
            baselines=m.references.table(),
            feature_names=m.columns.names,
            explained=m.explained,
            layers=m.layers,
            code=m.code,
            findings=found,
            constant=m.constant_name,
            filled_in=m.filled_in,
            stopped_because=m.stopped_because,
            trials=trials,
            filling_trials=filling,
            has_weights=m.architecture.feature_weights is not None,
        )


def examine(
    network: Network,
    X: Any,
    history: History | None = None,
    X_val: Any = None,
    feature_names: Sequence[Any] | None = None,
    raw: Any = None,
    n_components: int | None = None,
    max_rows: int = 10_000,
    settings: Mapping[str, Any] | None = None,
    sources: Array | None = None,
) -> Examination:
    """Measure and explain, as `diagnose` does, and leave the report open for trials.

    ``sources`` (n_features,) says of which column of a mixed table each was made.

    Raises
    ------
    ValueError
        When the data do not fit the network, or names do not fit the data.
    """
    architecture = network.architecture
    COUNT("max_rows", max_rows)
    k = COUNT("n_components", architecture.n_components if n_components is None else n_components)
    names = names_of(feature_names, tuple(map(str, range(architecture.n_features))))
    rows = _rows(network, X, max_rows, "X", network.dtype)
    check_targets(rows, architecture)
    which = some_of(rows, max_rows)
    is_sample = len(which) < _length(X)
    which = which[rows.weights(which) > 0]  # rows without weight are none that it has learned from
    weights = None if rows.sample_weight is None else rows.weights(which)
    whole = bounded(rows.take(which, np.float64), network.dtype)  # (m, n_columns)
    seen, given = whole[:, : rows.n_features], None
    if architecture.n_covariates:
        given = np.nan_to_num(whole[:, rows.n_features :])  # as the network takes what is missing
    shown = seen
    if raw is not None:
        shown_rows = _rows(network, raw, max_rows, "raw", float)
        shown = _some(shown_rows, max_rows)[:, : architecture.n_features]
    if weights is not None and (weights == weights[0]).all():
        weights = None
    table = Table(seen, weights, shown, names, given, is_sample, rows.missing is not None)
    # Numbers beyond all bounds are a finding, not an accident to warn of.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        validation_loss = None
        if X_val is not None:
            validation = _rows(network, X_val, max_rows, "X_val", network.dtype)
            check_targets(validation, architecture)
            some = bounded(_some(validation, max_rows), network.dtype)
            validation_loss = mean_error(network, some)
        measures = measure(network, table, k, history or History(), validation_loss, settings or {})
        # As the network sees them, columns are not in anybody's units.
        facts = table_facts(shown, names, _length(X), sources) if raw is not None else None
        return Examination(measures, explain(measures, facts, shown))


def explain(measures: Measures, facts: TableFacts | None, shown: Array) -> tuple[Finding, ...]:
    """What those measures mean, and facts of a table ``shown`` (m, n) as it was given.

    Warnings come first.
    """
    found = {f.name: f for check in CHECKS if (f := check(measures)) is not None}
    if facts is not None:
        some = shown[evenly(len(shown), max(FAR_ROWS, ENTRIES // shown.shape[1]))]
        told = {sentinel.column for sentinel in facts.sentinels}
        which = [int(i) for i in np.flatnonzero(measures.columns.weight > 0) if i not in told]
        _tell_far_values(found, measures, far_columns(some, which))
    if "other_data" in found and not EXPLAINED_BY["other_data"] & set(found):
        # What such rows make of the network says nothing of how it was trained.
        for name in OF_THE_FIT | {"badly_scaled_columns", "overfitting"}:
            found.pop(name, None)
    said = [f for name, f in found.items() if not EXPLAINED_BY.get(name, set()) & set(found)]
    if facts is not None:
        of_table = (check(facts) for check in data_findings.OF_TABLES)
        said += [f for f in of_table if f is not None]
    return tuple(sorted(said, key=lambda f: f.severity != "warning"))


def _tell_far_values(found: dict[str, Finding], measures: Measures, far: list[FarValues]) -> None:
    """Say of which column a few values are nearly all; its scale is then theirs."""
    finding = far_values(far, measures.columns.names)
    if finding is None:
        return
    if len(far) == 1 or "heavy_outliers" not in found:  # of whole rows it is said already
        found["heavy_outliers"] = finding
    but_for_them = replace(measures, columns=without_far(measures.columns, far))
    for check in (data_findings.badly_scaled_columns, other_data):
        if check.__name__ in found and check(but_for_them) is None:
            found.pop(check.__name__)


def tried_advice(
    found: tuple[Finding, ...], trials: Trials, names: frozenset[str]
) -> tuple[Finding, ...]:
    """The findings, of which those of these names say what helped when it was tried, and lead."""
    said, advice = [], trials.advice
    for finding in found:
        if finding.name in names:
            finding, advice = replace(finding, advice=advice), SEE_ABOVE
        said.append(finding)
    return tuple(sorted(said, key=lambda f: (f.severity != "warning", f.name not in names)))


def _rows(network: Network, X: Any, max_rows: int, name: str, dtype: Any) -> Rows:
    """X as rows that fit the network; of long arrays some, evenly spaced."""
    if not isinstance(X, Rows):
        X = X if is_sparse(X) else np.asanyarray(X)
        is_long = not is_sparse(X) and X.ndim == 2 and len(X) > max_rows
        X = Rows(X[evenly(len(X), max_rows)] if is_long else X, name=name)
    architecture = network.architecture
    return as_rows(X, architecture.n_features, dtype, n_covariates=architecture.n_covariates)


def _some(rows: Rows, max_rows: int) -> Array:
    """At most so many rows, evenly spaced: (m, n_columns)."""
    return rows.take(some_of(rows, max_rows), np.float64)


def _length(X: Any) -> int:
    return len(X) if isinstance(X, Rows) else int(np.shape(X)[0])
