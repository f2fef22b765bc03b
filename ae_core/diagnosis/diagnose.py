"""Why does it not learn? A trained network, measured and explained.

`diagnose` runs a network on data, compares it with the column mean and with PCA, looks at every
layer, at the code and at the loss curve, and says in words what it found and what to try.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT
from ..data.checks import is_sparse
from ..data.rows import Rows, as_rows
from ..network.checks import check_targets
from ..network.reference import Network
from ..training.progress import History
from . import curves, findings
from .findings import Finding
from .measures import Code, Layer, Measures, evenly, mean_error, measure, some_of
from .report import html_report, text_report
from .words import count

Check = Callable[[Measures], Finding | None]

CHECKS: tuple[Check, ...] = (
    curves.diverged,
    findings.column_mean,
    findings.worse_than_mean,
    findings.worse_than_pca,
    findings.bounded_output,
    findings.saturated_units,
    findings.dead_units,
    findings.idle_code_units,
    curves.oscillating,
    curves.still_falling,
    curves.overfitting,
    findings.badly_scaled_columns,
    findings.constant_columns,
    findings.heavy_outliers,
)
"""All that is looked for, in the order of the report."""

EXPLAINED_BY = {
    "worse_than_pca": {"diverged", "column_mean", "worse_than_mean", "still_falling"},
    "worse_than_mean": {"diverged", "column_mean"},
    "column_mean": {"diverged"},
    "oscillating": {"diverged"},
    "still_falling": {"diverged", "oscillating"},
    "idle_code_units": {"diverged", "column_mean", "worse_than_mean"},
}
"""Findings that say nothing new beside graver ones."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What `diagnose` found. Prints as a report; shows as a table in notebooks."""

    n_rows: int
    """Rows that were looked at."""
    loss: float
    """The network's mean loss on them, without the penalty on weights."""
    baselines: dict[str, float]
    """'column mean' and 'PCA, k components' → loss, on the same rows and in the same loss."""
    feature_names: tuple[str, ...]
    explained: Array
    """(n_features,): the share of each column's variance that the output explains; NaN for
    constant columns, negative where the output is worse than a constant."""
    layers: tuple[Layer, ...]
    """Per layer the number of units, and of dead and saturated ones."""
    code: Code
    """Per code unit its standard deviation, and the share it carries."""
    findings: tuple[Finding, ...]
    """What is wrong or worth knowing, gravest first; empty when nothing is."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are more than notes."""
        return tuple(f for f in self.findings if f.severity == "warning")

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it; what is no finite number is None."""
        layers = [{**asdict(layer), "label": layer.label} for layer in self.layers]
        return {
            "ok": self.ok,
            "n_rows": self.n_rows,
            "loss": _json(self.loss),
            "baselines": {name: _json(loss) for name, loss in self.baselines.items()},
            "feature_names": list(self.feature_names),
            "explained": [_json(share) for share in self.explained.tolist()],
            "layers": layers,
            "code": {
                "standard_deviation": [_json(s) for s in self.code.standard_deviation.tolist()],
                "share": [_json(s) for s in self.code.share.tolist()],
            },
            "findings": [asdict(finding) for finding in self.findings],
        }

    def __str__(self) -> str:
        return text_report(self)

    def _repr_html_(self) -> str:
        return html_report(self)


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
        The data that it was trained on, as it sees them (scaled).
    history : History, optional
        What `ae_core.train` returned; without it nothing is said about loss curves.
    X_val : array of shape (n_validation, n_features) or Rows, optional
        The validation data of that training, to see what the network makes of it now.
    feature_names : sequence of str, optional
        What to call the columns; 0, 1, … when absent.
    raw : array of shape (n, n_features), optional
        The data in the user's units, in which constant columns are told.
    n_components : int, optional
        Size of PCA's code; by default that of the network's.
    max_rows : int
        Of more rows than this, so many are looked at, evenly spaced.
    settings : mapping, optional
        What the fit was told (``learning_rate_init``, ``max_iter``, ``solver``,
        ``learning_rate``), so that the advice can name numbers.

    Returns
    -------
    Diagnosis

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
    architecture = network.architecture
    COUNT("max_rows", max_rows)
    k = COUNT("n_components", architecture.n_components if n_components is None else n_components)
    names = _names(feature_names, architecture.n_features)
    table = _some(network, X, max_rows, "X")
    shown = table if raw is None else _some(network, raw, max_rows, "raw", compared=False)
    # Numbers beyond all bounds are a finding, not an accident to warn of.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        validation_loss = None
        if X_val is not None:
            some = _some(network, X_val, max_rows, "X_val")
            validation_loss = mean_error(network, some)
        measures = measure(
            network, table, shown, names, k, history, validation_loss, settings or {}
        )
        found = explain(measures)
    return Diagnosis(
        n_rows=measures.n_rows,
        loss=measures.loss,
        baselines={
            "column mean": measures.mean_loss,
            f"PCA, {count(k, 'component')}": measures.pca_loss,
        },
        feature_names=names,
        explained=measures.columns.explained,
        layers=measures.layers,
        code=measures.code,
        findings=found,
    )


def explain(measures: Measures) -> tuple[Finding, ...]:
    """What those measures mean: warnings first."""
    found = {f.name: f for check in CHECKS if (f := check(measures)) is not None}
    said = [f for name, f in found.items() if not EXPLAINED_BY.get(name, set()) & set(found)]
    return tuple(sorted(said, key=lambda f: f.severity != "warning"))


def _some(network: Network, X: Any, max_rows: int, name: str, *, compared: bool = True) -> Array:
    """At most max_rows rows of X, evenly spaced, as the network sees them, in float64: (m, n)."""
    rows = X if isinstance(X, Rows) else _evenly_spaced(X, max_rows, name)
    rows = as_rows(rows, network.architecture.n_features, network.dtype if compared else float)
    if compared:
        check_targets(rows, network.architecture)
    return rows.take(some_of(rows, max_rows), np.float64)


def _evenly_spaced(X: Any, max_rows: int, name: str) -> Rows:
    if is_sparse(X):
        return Rows(X, name=name)
    array = np.asanyarray(X)
    if array.ndim == 2 and len(array) > max_rows:
        array = array[evenly(len(array), max_rows)]
    return Rows(array, name=name)


def _names(feature_names: Sequence[Any] | None, n_features: int) -> tuple[str, ...]:
    if feature_names is None:
        return tuple(map(str, range(n_features)))
    names = [str(name) for name in feature_names]
    if len(names) != n_features:
        raise ValueError(
            f"feature_names has {len(names)} names: one per column is needed, {n_features}"
        )
    return tuple(names)


def _json(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
