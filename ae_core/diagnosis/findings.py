"""What a diagnosis can find out about a fit: a condition on measured quantities, and what to try.

Of units see `unit_findings`, of loss curves `curves`, of the data `data_findings`.
"""

import math
from dataclasses import dataclass
from functools import partial

from .advice import for_a_poor_fit, for_no_learning, larger_rate, more_training, steps_are_too_large
from .measures import Measures
from .reconstruction import reach
from .references import References
from .words import count, label, number, percent

# Each threshold lies in a wide gap between healthy fits and the trouble it is for.
IGNORES_INPUT = 0.05
"""Output varies by less than this share of what PCA explains. Healthy fits vary by 0.5 and more."""
LEARNED_SOMETHING = 0.3
"""Share of what PCA gains that a network has not, whose output is hardly more than a constant."""
CODE_HARDLY_VARIES, CODE_VARIES = 1e-3, 0.1
"""A code whose units all have a smaller standard deviation than the first hardly differs between
rows; from the second on a decoder could use it. Between them nobody can tell which is to blame."""
WORSE_THAN_CONSTANT = 1.02
"""Times the constant's loss; 2 % leave room for noise, and for data without structure."""
BEYOND_REACH = 0.02
"""Share of the data's variance that the output activation cannot give, however it is trained."""
NOT_LEARNING = 0.95
"""Of the constant's loss, at the end of a fit: from there on it has learned next to nothing, …"""
WORTH_LEARNING = 0.5
"""… if that is less than this share of what PCA gains."""
COPIES = 0.35
"""Share of what PCA improves on the mean for hidden entries; a network with less copies."""
FILLS_IN = 0.9
"""Of the mean's error: PCA has to be below it for columns to say something about each other."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing."""

    name: str
    """A stable slug, such as 'column_mean'."""
    message: str
    """What was measured."""
    advice: str
    """What to try."""
    severity: str = "warning"
    """'warning' or 'note'."""


note = partial(Finding, severity="note")
"""A finding that is worth knowing, and no reason to change anything by itself."""


def not_learning(
    loss: float,
    constant: float,
    constant_name: str = "column mean",
    floor: float = 0.0,
    pca: float | None = None,
) -> Finding | None:
    """A check that costs nothing: is the loss of a fit below that of the best constant?

    Parameters
    ----------
    loss : float
        Of the training data, at the end.
    constant : float
        Of the best constant on the same data, in the same loss.
    constant_name : str
        What that is: 'column mean', 'column median'.
    floor : float
        The least loss that there can be.
    pca : float, optional
        Of PCA with as many components: where that is no better either, nothing is said.
    """
    if not math.isfinite(loss):
        return Finding(
            "not_learning",
            "The loss is no longer a finite number.",
            "Try a learning rate ten times smaller, and scaled data (scale='standard').",
        )
    if not constant > floor or loss - floor < NOT_LEARNING * (constant - floor):
        return None
    if pca is not None and not constant - loss < WORTH_LEARNING * (constant - pca):
        return None  # also where PCA gains nothing
    of_pca = "" if pca is None else f", PCA with as many components {number(pca)}"
    return Finding(
        "not_learning",
        f"The network learned next to nothing: its loss is {number(loss)}, and returning the "
        f"{constant_name} for every row has {number(constant)}{of_pca}.",
        "Call diagnose(X) on the fitted model: it tries which setting is the reason.",
    )


def is_worth_a_look(loss: float, judged_by: References) -> bool:
    """Whether `not_learning` may have something to say, before PCA is computed."""
    return not_learning(loss, judged_by.constant, floor=judged_by.floor) is not None


# --- against the references ---------------------------------------------------------------------


def column_mean(m: Measures) -> Finding | None:
    """The output does not depend on the input: the question of examples/column_mean.py."""
    if not m.varies or not m.is_finite or not m.references.has_structure:
        return None
    if not m.output_share < IGNORES_INPUT * m.pca_share:
        return None
    if m.references.lost(m.loss) < LEARNED_SOMETHING:
        return None  # with weights, a column or two may be all that counts
    if m.loss < NOT_LEARNING * m.constant_loss and m.references.of_covariates is not None:
        what = "what the covariates alone say, whatever the row is: but for them,"
    elif m.loss < WORSE_THAN_CONSTANT * m.constant_loss:
        what = f"the {m.constant_name}, whatever it is given:"
    else:
        what = f"one and the same row, and not even the {m.constant_name}, whatever it is given:"
    return Finding(
        "column_mean",
        f"The network returns {what} the variance of its output is {percent(m.output_share)} of "
        f"the data's. {_where_rows_are_lost(m)}",
        for_no_learning(m),
    )


def _where_rows_are_lost(m: Measures) -> str:
    """Whether it is the encoder or the decoder that makes one of all rows, as far as it shows."""
    spread = float(m.code.standard_deviation.max())
    in_use = m.code.is_in_use
    if in_use is not None and not in_use.any():
        return (
            "Nor does the code say anything of a row: its distribution is nearly the same for all."
        )
    if not spread > CODE_HARDLY_VARIES:
        return (
            f"The code hardly varies either (standard deviation of at most {number(spread)}), so "
            "the encoder has already lost the rows' differences."
        )
    varies = f"The code does vary (by a standard deviation of up to {number(spread)})"
    return f"{varies}{', so it is the decoder that ignores it' * (spread > CODE_VARIES)}."


def worse_than_mean(m: Measures) -> Finding | None:
    """The loss is above the best constant's."""
    if not m.varies or not m.is_finite or not m.loss > WORSE_THAN_CONSTANT * m.constant_loss:
        return None
    is_untrained = m.settings.get("solver") == "lbfgs" and not steps_are_too_large(m)
    return Finding(
        "worse_than_mean",
        f"The loss, {number(m.loss)}, is {number(m.loss / m.constant_loss)} times that of "
        f"returning the {m.constant_name} for every row ({number(m.constant_loss)}).",
        f"It has hardly been trained. {larger_rate(m)} Or more epochs (max_iter)."
        if is_untrained
        else for_no_learning(m),
    )


def worse_than_pca(m: Measures) -> Finding | None:
    """Clearly worse than the best linear code of the same size."""
    if not m.is_finite or not m.is_poor:
        return None
    ideas = ["wider hidden layers"]
    if m.architecture.activations[0] not in ("elu", "tanh"):
        ideas.append("activation='tanh' or 'elu'")
    if m.architecture.activations[m.architecture.code_layer - 1] != "identity":
        ideas.append("code_activation='identity', which does not squeeze the code")
    beside = " beside the covariates" * (m.references.of_covariates is not None)
    return note(
        "worse_than_pca",
        f"PCA with {count(m.references.n_components, 'component')}{beside} has a loss of "
        f"{number(m.pca_loss)}, the network {number(m.loss)}: a linear code of the same size does "
        "better.",
        for_a_poor_fit(m) or f"{more_training(m)} Or try {'; or '.join(ideas)}.",
    )


def bounded_output(m: Measures) -> Finding | None:
    """The output activation cannot give what it should reconstruct."""
    missed = m.beyond_reach
    total = float(m.columns.variance.sum()) * m.n_rows
    if not float(missed.sum()) > BEYOND_REACH * total:
        return None
    worst = int(missed.argmax())
    groups = m.architecture.output_groups
    activation = next(g.activation for g in groups if g.start <= worst < g.stop)
    low, high = reach(activation)
    ends = f"[{low:g}, {high:g}]" if math.isfinite(high) else f"[{low:g}, ∞)"
    return Finding(
        "bounded_output",
        f"output_activation={activation!r} can give values in {ends} only, and "
        f"{int((missed > 0).sum())} of {len(missed)} columns go beyond, most of all "
        f"{label(m.columns.names, worst)} "
        f"({number(float(m.columns.low[worst]))} to {number(float(m.columns.high[worst]))}).",
        "Try output_activation='identity', or scale='minmax' for an output between 0 and 1.",
    )


# --- missing entries ----------------------------------------------------------------------------


def learned_to_copy(m: Measures) -> Finding | None:
    """Seen entries come back, but what is not shown is filled in no better than by the mean."""
    f = m.filled_in
    if f is None or not m.is_finite or not m.references.lost(m.loss) < 1 - LEARNED_SOMETHING:
        return None
    if not f.pca < FILLS_IN * f.column_mean:
        return None
    if not f.column_mean - f.network < COPIES * (f.column_mean - f.pca):
        return None
    corruption = m.architecture.corruption
    return Finding(
        "learned_to_copy",
        f"Of {f.n_hidden} seen entries that were hidden here, the network fills in with a root "
        f"mean squared error of {number(f.network)}; the column mean has "
        f"{number(f.column_mean)}, PCA {number(f.pca)}. It has learned to copy what it is shown, "
        "and not what columns say about each other.",
        "Try a smaller n_components."
        if corruption == "masking"
        else "Try corruption='masking', which hides entries in training, too; or a smaller "
        "n_components.",
    )
