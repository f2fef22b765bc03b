"""What `diagnose` returns: what was measured, found and tried, as text, HTML and a dict."""

from dataclasses import asdict, dataclass
from typing import Any

from .._typing import Array
from .findings import Finding
from .hidden import FilledIn
from .report import html_report, text_report
from .trials import Trials
from .units import Code, Layer
from .words import as_json


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What `diagnose` found. Prints as a report; shows as a table in notebooks."""

    n_rows: int
    """Rows that were looked at."""
    loss: float
    """The network's mean loss on them, without the penalty on weights."""
    baselines: dict[str, float]
    """'column mean' and 'PCA, k components' → loss, on the same rows and in the same loss; also
    'column median' where that is the best constant, and the least loss there can be where it is not
    0."""
    feature_names: tuple[str, ...]
    """What the columns are called; as they are encoded, where they are mixed."""
    explained: Array
    """(n_features,): the share of each column's variance that the output explains; NaN for columns
    that are constant or have no weight, negative where the output is worse than a constant."""
    layers: tuple[Layer, ...]
    """Per layer the number of units, and of dead and saturated ones."""
    code: Code
    """Per code unit its standard deviation, and the share it carries."""
    findings: tuple[Finding, ...]
    """What is wrong or worth knowing, gravest first; empty when nothing is."""
    constant: str = "column mean"
    """The best constant under that loss, a key of `baselines`."""
    filled_in: FilledIn | None = None
    """Where entries may be missing: how well seen ones are filled in when they are hidden."""
    stopped_because: str = ""
    """Why training ended."""
    trials: Trials | None = None
    """What was tried, where the fit is poor."""
    filling_trials: Trials | None = None
    """The same where hidden entries are filled in badly, by their error."""
    subject: str = "this network"
    """What the table of losses calls it."""
    lines: tuple[str, ...] = ()
    """What else there is to say of the model, in lines of the report."""
    has_weights: bool = False
    """Whether columns have weights of their own."""

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
        parts = {
            "ok": self.ok,
            "n_rows": self.n_rows,
            "loss": self.loss,
            "baselines": self.baselines,
            "constant": self.constant,
            "feature_names": self.feature_names,
            "explained": self.explained,
            "layers": [{**asdict(layer), "label": layer.label} for layer in self.layers],
            "code": {
                "standard_deviation": self.code.standard_deviation,
                "share": self.code.share,
                "information": self.code.information,
            },
            "filled_in": self.filled_in,
            "stopped_because": self.stopped_because,
            "lines": self.lines,
            "findings": self.findings,
            "trials": self.trials and self.trials.to_dict(),
            "filling_trials": self.filling_trials and self.filling_trials.to_dict(),
        }
        return {name: as_json(part) for name, part in parts.items()}

    def __str__(self) -> str:
        return text_report(self)

    def _repr_html_(self) -> str:
        return html_report(self)
