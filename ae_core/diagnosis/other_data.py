"""Whether the rows of a diagnosis are those of the fit: of others nothing can be said about it."""

import numpy as np

from ..formulas.losses import LOSSES
from .findings import Finding
from .measures import Measures
from .words import label, number

OTHER_DATA = 3.0
"""Times the loss at the end of the fit. On the same rows, without noise, it is nearly the same."""
SAME = 1.5
"""Times that loss: below it, nothing speaks for other rows."""
PART, CALM = 10, 2.0
"""The end of a curve is its last tenth, and calm if the loss there is never twice as large."""
BEYOND = 0.5
"""Of a column's range in the fit: values that are so far beyond it are not its own."""
AS_SCALED = 2.0
"""Standard deviations of the fit: columns that lie, or spread, by more are not those that it
scaled."""


def other_data(m: Measures) -> Finding | None:
    """Columns that are not as the fit scaled them, and a loss far from where it ended.

    A loss alone does not tell: somebody may have changed the network.
    """
    ended, told = _ended_at(m), _not_as_scaled(m)
    if ended is None or not told or not m.is_finite or not m.loss > OTHER_DATA * ended:
        return None
    if not (m.is_poor or m.loss > OTHER_DATA * m.constant_loss > 0):
        return None
    return Finding(
        "other_data",
        f"The fit ended at a loss of {number(ended)}; on these rows it is {number(m.loss)}, and "
        f"{told}.",
        "Give diagnose the columns of the fit, in the same order and the same units: is this the "
        "data that it was fitted to?",
    )


def is_where_it_ended(m: Measures) -> bool:
    """Whether the loss on these rows is about that at which the fit ended."""
    ended = _ended_at(m)
    return ended is not None and m.loss < SAME * ended and not _not_as_scaled(m)


def _ended_at(m: Measures) -> float | None:
    """The loss at which the fit ended, where it is the same measure as that of the report."""
    curve, a = m.loss_curve, m.architecture
    if len(curve) < 2 or not np.isfinite(curve).all() or not m.stopped_because:
        return None
    sizes = m.settings.get("size_factors")
    if sizes is not None and any(LOSSES[group.loss].has_size for group in a.output_groups):
        return None  # it is judged by rates
    if m.settings.get("missing_values") == "implicit":
        return None  # ratings, by what is left of them without biases
    # Under noise rows without any are something else; a mean of parameters is not the last ones.
    if a.is_noisy or a.variational or m.settings.get("averaging") is not None:
        return None
    end = curve[-max(1, len(curve) // PART) :]
    ended = float(end.max())
    if not ended < CALM * end.min():
        return None
    if len(m.validation_curve) == len(curve):  # it may have got back its best epoch's parameters
        ended = max(ended, float(curve[int(m.validation_curve.argmin())]))
    return ended


def _not_as_scaled(m: Measures) -> str:
    """What is not as the fit scaled it: to means of 0 and deviations of 1, or from 0 to 1."""
    c, scale = m.columns, m.settings.get("scale")
    if scale == "minmax":
        beyond = np.fmax(c.high - 1, -c.low)
        worst = int(np.argmax(np.nan_to_num(beyond)))
        if not beyond[worst] > BEYOND:
            return ""
        return (
            f"{label(c.names, worst)}, which went from 0 to 1 when scaled, goes from "
            f"{number(float(c.low[worst]))} to {number(float(c.high[worst]))} now"
        )
    if scale not in ("standard", "auto"):
        return ""
    deviation, away = np.sqrt(c.variance), np.abs(c.mean)
    worst = int(np.argmax(away))
    if away[worst] > AS_SCALED:
        return (
            f"the mean of {label(c.names, worst)} was 0 when scaled, and lies "
            f"{number(float(away[worst]))} of the fit's standard deviations from it now"
        )
    worst = int(np.argmax(deviation))
    if not deviation[worst] > AS_SCALED:
        return ""
    times = number(float(deviation[worst]))
    return f"the standard deviation of {label(c.names, worst)} is {times} times the fit's"
