"""What a diagnosis can find: each a condition on measured quantities, and what to try.

`findings` asks them all. What is a consequence of a graver finding is left unsaid.
"""

import math
from dataclasses import dataclass

import numpy as np

from .measures import Layer, Measures, reach
from .words import (
    NAMED,
    columns,
    count,
    is_large,
    label,
    larger_rate,
    learning_rate,
    listed,
    more_training,
    number,
    of_layers,
    percent,
    smaller_rate,
    usual_rate,
)

# Each threshold lies in a wide gap between healthy fits and the trouble it is for.
IGNORES_INPUT = 0.05
"""Output varies by less than this share of what PCA explains. Healthy fits vary by 0.5 and more."""
CODE_VARIES = 1e-3
"""A code whose units all have a smaller standard deviation hardly differs between rows."""
WORSE_THAN_MEAN = 1.02
"""Times the column mean's loss; 2 % leave room for noise, and for data without structure."""
WORSE_THAN_PCA = 1.1
"""Times PCA's loss, and …"""
WORTH_SAYING = 0.02
"""… by more than this share of the column mean's loss: below it both are nearly perfect."""
HAD_LEARNED = 0.9
"""Of the column mean's loss: a curve that was lower once shows that the network did learn."""
MANY_SATURATED = 0.25
"""Share of a layer; healthy fits have none or nearly none."""
MANY_DEAD = 0.5
"""Share of a layer. With relu a quarter may die in a fit that is better than PCA."""
IDLE = 0.01
"""Of an even share of what the code gains: a unit that carries less might as well not be there."""
BADLY_SCALED = 100.0
"""Times the median column's variance, and …"""
DOMINATES = 0.5
"""… together with its like more than half of all variance, so that the loss is about it."""
FAR_FROM_ZERO = 30.0
"""Standard deviations: biases that start at zero have to travel that far first."""
FEW_ROWS = 0.5
"""Share of all squared distance to the mean that 1 % of the rows make; of a normal one, 0.02."""
ROWS_FOR_ONE_PERCENT = 100
BEYOND_REACH = 0.02
"""Share of the data's variance that the output activation cannot give, however it is trained."""
NOT_LEARNING = 0.95
"""Of the column mean's loss, at the end of a fit: from there on it has learned next to nothing."""
PADDING = 0.5
"""Share of columns with the same least (or largest) value: that value then stands for nothing."""


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


def not_learning(loss: float, mean_loss: float) -> Finding | None:
    """A check that costs nothing: is the loss of a fit below what the column mean has?

    Parameters
    ----------
    loss : float
        Of the training data, at the end.
    mean_loss : float
        Of the column mean on the same data, in the same loss.
    """
    if not math.isfinite(loss):
        return Finding(
            "not_learning",
            "The loss is no longer a finite number.",
            "Try a learning rate ten times smaller, and scaled data (scale='standard').",
        )
    if not mean_loss > 0 or loss < NOT_LEARNING * mean_loss:
        return None
    return Finding(
        "not_learning",
        f"The network learned next to nothing: its loss is {number(loss)}, and returning the "
        f"column mean for every row has {number(mean_loss)}.",
        "Call diagnose(X) on the fitted model to see why; most often the learning rate is too "
        "small or too large.",
    )


# --- against the baselines ----------------------------------------------------------------------


def column_mean(m: Measures) -> Finding | None:
    """The output does not depend on the input: the question of examples/column_mean.py."""
    if not m.varies or not m.is_finite or not m.output_share < IGNORES_INPUT * m.pca_share:
        return None
    spread = float(m.code.standard_deviation.max())
    code = (
        f"The code does vary (by a standard deviation of up to {number(spread)}), so it is the "
        "decoder that ignores it."
        if spread > CODE_VARIES
        else f"The code hardly varies either (standard deviation of at most {number(spread)}), so "
        "the encoder has already lost the rows' differences."
    )
    what = (
        "the column mean"
        if m.loss < WORSE_THAN_MEAN * m.mean_loss
        else "one and the same row, and not even the column mean"
    )
    return Finding(
        "column_mean",
        f"The network returns {what}, whatever it is given: the variance of its output is "
        f"{percent(m.output_share)} of the data's. {code}",
        f"{smaller_rate(m)} Steps that are too large throw a network to where it learns no more."
        if _steps_are_too_large(m)
        else f"{larger_rate(m)} Training waits at the column mean for long when the rate is too "
        "small. If that does not help: larger starting weights; and for a network of your own, "
        "ae_core.check_gradient.",
    )


def _steps_are_too_large(m: Measures) -> bool:
    """Whether the network was at a better place once, or its units were driven to a dead end."""
    rate = learning_rate(m)
    if rate is not None and rate < usual_rate(m) / 10:
        return False
    curve = m.loss_curve[np.isfinite(m.loss_curve)]
    was_better = bool(len(curve)) and float(curve.min()) < HAD_LEARNED * min(m.mean_loss, m.loss)
    stuck = any(_is_dead(layer) or _is_saturated(layer) for layer in m.layers)
    return was_better or stuck or is_large(rate, m)


def worse_than_mean(m: Measures) -> Finding | None:
    """The loss is above the column mean's."""
    if not m.varies or not m.is_finite or not m.loss > WORSE_THAN_MEAN * m.mean_loss:
        return None
    return Finding(
        "worse_than_mean",
        f"The loss, {number(m.loss)}, is {number(m.loss / m.mean_loss)} times that of returning "
        f"the column mean for every row ({number(m.mean_loss)}).",
        f"{smaller_rate(m)} Steps that are too large lead away from what was learned."
        if _steps_are_too_large(m)
        else f"It has hardly been trained. {larger_rate(m)} Or more epochs (max_iter).",
    )


def worse_than_pca(m: Measures) -> Finding | None:
    """Clearly worse than the best linear code of the same size."""
    margin = m.loss - m.pca_loss
    if not m.varies or not m.is_finite or not m.loss > WORSE_THAN_PCA * m.pca_loss:
        return None
    if not margin > WORTH_SAYING * m.mean_loss:
        return None
    return Finding(
        "worse_than_pca",
        f"PCA with {count(m.n_pca, 'component')} has a loss of {number(m.pca_loss)}, the network "
        f"{number(m.loss)}: a linear code of the same size does better.",
        f"{more_training(m)} Or try wider hidden layers, activation='tanh' or 'elu', and "
        "code_activation='identity', which does not squeeze the code.",
        "note",
    )


# --- units --------------------------------------------------------------------------------------


def saturated_units(m: Measures) -> Finding | None:
    """Units of a bounded activation that sit at an end of its range for almost all rows."""
    layers = [layer for layer in m.layers if _is_saturated(layer)]
    if not layers:
        return None
    return Finding(
        "saturated_units",
        "Saturated, at an end of their range for nearly every row: "
        f"{of_layers(layers, 'saturated')}. Next to no gradient passes through them.",
        "Try scale='standard', smaller starting weights or a smaller learning rate; or an "
        "activation that is not bounded, such as 'elu'.",
    )


def dead_units(m: Measures) -> Finding | None:
    """Units that give the same for every row, or pass no gradient for any."""
    layers = [layer for layer in m.layers if _is_dead(layer)]
    if not layers:
        return None
    return Finding(
        "dead_units",
        f"Dead, the same for every row: {of_layers(layers, 'dead')}. They say nothing about a "
        "row, and do not come back by training.",
        f"Fit again. {smaller_rate(m)} Or activation='elu' or 'leaky_relu', of which fewer units "
        "die.",
    )


def _is_saturated(layer: Layer) -> bool:
    return layer.saturated >= MANY_SATURATED * layer.units


def _is_dead(layer: Layer) -> bool:
    return layer.dead >= MANY_DEAD * layer.units


def idle_code_units(m: Measures) -> Finding | None:
    """Code units that could be left out, or that repeat another."""
    share, spread = m.code.share, m.code.standard_deviation
    k = len(share)
    with np.errstate(invalid="ignore"):
        idle = np.abs(share) < IDLE / k
        if m.architecture.k_sparse:
            idle = np.zeros(k, bool)  # a unit of a few rows carries little, and is none too many
        idle |= (spread == 0) & (m.n_rows > 1)
    named = any(layer.is_code and (_is_dead(layer) or _is_saturated(layer)) for layer in m.layers)
    units = np.flatnonzero(idle & ~(m.code.is_dead & named))
    twins = [t for t in m.code.twins if not np.isin(t[:2], units).any()]
    if not m.varies or not m.is_finite or (not len(units) and not twins):
        return None
    said = []
    if len(units):
        carry = "carries" if len(units) == 1 else "carry"
        said.append(
            f"{listed('Code unit', units)} of {k} (counted from 0) {carry} nothing: set to the "
            "mean, the loss does not rise."
        )
    if twins:
        pairs = ", ".join(f"{i} and {j} ({r:+.4f})" for i, j, r in twins[:NAMED])
        more = f" and {len(twins) - NAMED} pairs more" if len(twins) > NAMED else ""
        said.append(f"Code units that repeat each other (correlation): {pairs}{more}.")
    fewer = k - len(units) - len({j for _, j, _ in twins})
    advice = (
        f"n_components={fewer} would do as well."
        if fewer > 0
        else "Look at the other findings first: nothing seems to reach the decoder."
    )
    return Finding("idle_code_units", " ".join(said), advice, "note")


# --- the data -----------------------------------------------------------------------------------


def constant_columns(m: Measures) -> Finding | None:
    """Columns of one value, unless it is what other columns also have where nothing is."""
    c = m.columns
    constant = c.is_constant
    which = np.flatnonzero(constant)
    if m.n_rows < 2 or not len(which):
        return None
    # The border of images, words never used: not a fault of the table. Zero, or white, is then
    # also the least or the largest value of many other columns.
    for ends in (c.shown_low, c.shown_high):
        values, counts = np.unique(ends[~constant], return_counts=True)
        if len(values) and counts.max() >= PADDING * (~constant).sum() and counts.max() > 1:
            which = which[ends[which] != values[counts.argmax()]]
    if not len(which):
        return None
    always = f", always {number(float(c.shown_low[which[0]]))}" if len(which) == 1 else ""
    return Finding(
        "constant_columns",
        f"{columns(m, which)} {'has' if len(which) == 1 else 'have'} the same value in every row"
        f"{always}: nothing can be learned of {'it' if len(which) == 1 else 'them'}, and a new row "
        "that differs there will look like an outlier.",
        "Leave such columns out.",
        "note",
    )


def badly_scaled_columns(m: Measures) -> Finding | None:
    """Columns whose size, not whose meaning, decides what the loss is about."""
    c = m.columns
    varying = c.variance > 0
    if not varying.any():
        return None
    variances = c.variance[varying]
    typical = float(np.sort(variances)[(len(variances) - 1) // 2])
    large = c.variance > BADLY_SCALED * typical
    if large.any() and c.variance[large].sum() > DOMINATES * variances.sum():
        which = np.flatnonzero(large)[np.argsort(-c.variance[large])]
        times = float(c.variance[which[0]] / typical)
        return Finding(
            "badly_scaled_columns",
            f"{columns(m, which)} {'has' if len(which) == 1 else 'have'} up to {number(times)} "
            f"times the variance of the median column, and so {'is' if len(which) == 1 else 'are'} "
            f"{percent(float(c.variance[which].sum() / variances.sum()))} of what the loss is "
            "about: the other columns hardly count.",
            "Try scale='standard' (or a logarithm, where a column spans powers of ten).",
        )
    deviation = np.sqrt(c.variance)
    far = varying & (np.abs(c.mean) > FAR_FROM_ZERO * np.maximum(deviation, math.sqrt(typical)))
    if not far.any():
        return None
    which = np.flatnonzero(far)
    which = which[np.argsort(-np.abs(c.mean[which] / deviation[which]))]
    times = float(abs(c.mean[which[0]] / deviation[which[0]]))
    return Finding(
        "badly_scaled_columns",
        f"{columns(m, which)} {'lies' if len(which) == 1 else 'lie'} up to {number(times)} "
        "standard deviations away from zero, where the network starts: it has to learn the offset "
        "before anything else.",
        "Try scale='standard', which takes the mean away.",
    )


def heavy_outliers(m: Measures) -> Finding | None:
    """A few rows so far away that the loss is about them."""
    if m.n_rows < ROWS_FOR_ONE_PERCENT or not m.few_rows_share > FEW_ROWS:
        return None
    return Finding(
        "heavy_outliers",
        f"The farthest {count(m.n_rows // 100, 'row')} of {m.n_rows} make "
        f"{percent(m.few_rows_share)} of the data's variance: the loss is mostly about them.",
        "Look at those rows: drop them if they are errors; else take a logarithm of the columns "
        "that they are large in, or loss='huber'.",
        "note",
    )


def bounded_output(m: Measures) -> Finding | None:
    """The output activation cannot give what it should reconstruct."""
    missed = m.beyond_reach
    total = float(m.columns.variance.sum()) * m.n_rows
    if not float(missed.sum()) > BEYOND_REACH * total:
        return None
    which = np.flatnonzero(missed > 0)
    which = which[np.argsort(-missed[which])]
    worst = int(which[0])
    groups = m.architecture.output_groups
    activation = next(g.activation for g in groups if g.start <= worst < g.stop)
    low, high = reach(activation)
    ends = f"[{low:g}, {high:g}]" if math.isfinite(high) else f"[{low:g}, ∞)"
    return Finding(
        "bounded_output",
        f"output_activation={activation!r} can give values in {ends} only, and "
        f"{len(which)} of {len(missed)} columns go beyond, most of all {label(m, worst)} "
        f"({number(float(m.columns.low[worst]))} to {number(float(m.columns.high[worst]))}).",
        "Try output_activation='identity', or scale='minmax' for an output between 0 and 1.",
    )
