"""What a diagnosis can find out about units: dead, saturated, idle, collapsed."""

import numpy as np

from .advice import (
    MANY_DEAD,
    MANY_SATURATED,
    first_of_all,
    holds_back,
    is_large,
    smaller_rate,
)
from .data_findings import heavy_outliers
from .findings import Finding, note
from .measures import Measures
from .units import Layer
from .words import NAMED, agree, and_more, listed, of_layers

IDLE = 0.01
"""Of an even share of what the code gains: a unit that carries less might as well not be there."""


def saturated_units(m: Measures) -> Finding | None:
    """Units of a bounded activation that sit at an end of its range for almost all rows."""
    layers = [layer for layer in m.layers if _is_saturated(layer)]
    if not layers or not m.varies:
        return None
    return Finding(
        "saturated_units",
        "Saturated, at an end of their range for nearly every row: "
        f"{of_layers(layers, 'saturated')}. Next to no gradient passes through them.",
        _against_saturation(m),
    )


def _against_saturation(m: Measures) -> str:
    if held := " ".join(holds_back(m)):
        return held
    other = "an activation that is not bounded, such as 'elu'."
    if is_large(m):
        return f"{smaller_rate(m)} Or {other}"
    scale = "" if m.settings.get("scale") in ("standard", "biases") else "scale='standard', "
    return f"Try {scale}smaller starting weights or a smaller learning rate; or {other}"


def dead_units(m: Measures) -> Finding | None:
    """Units that give the same for every row, or pass no gradient for any."""
    layers = [
        layer
        for layer in m.layers
        if _is_dead(layer) and (not layer.is_code or layer.dead == layer.units or not m.is_poor)
    ]  # of a code, those that are dead are told one by one
    if not layers or not m.varies:
        return None
    others = [repr(name) for name in ("elu", "leaky_relu") if name != layers[0].activation]
    # Units that are flat stay so; those whose weights are 0 need not.
    for_good = ", and do not come back by training" * all(x.stuck == x.dead for x in layers)
    otherwise = f"{smaller_rate(m)} Or activation={' or '.join(others)}, of which fewer units die."
    return Finding(
        "dead_units",
        f"Dead, the same for every row: {of_layers(layers, 'dead')}. They say nothing about a "
        f"row{for_good}.",
        f"Fit again. {first_of_all(m) or otherwise}",
    )


def _is_saturated(layer: Layer) -> bool:
    return layer.saturated >= MANY_SATURATED * layer.units


def _is_dead(layer: Layer) -> bool:
    return layer.dead >= MANY_DEAD * layer.units


def dead_code_units(m: Measures) -> Finding | None:
    """Some units of the code that give the same for every row, in a fit that would need them."""
    units = np.flatnonzero(m.code.is_dead)
    layer = m.layers[m.architecture.code_layer - 1]
    told = layer.dead == layer.units or _is_saturated(layer)
    if not len(units) or told or not m.is_poor or not m.is_finite:
        return None
    return Finding(
        "dead_code_units",
        f"{listed('Code unit', units)} of {len(m.code.share)} (counted from 0) "
        f"{agree(units, 'is', 'are')} dead: {layer.activation} gives the same for every row, and "
        f"no gradient comes through {agree(units, 'it', 'them')} any more.",
        "Fit again with another random_state, or code_activation='identity', whose units do not "
        "die.",
    )


def collapsed_units(m: Measures) -> Finding | None:
    """A drawn code whose units say nothing about a row: posterior collapse."""
    in_use = m.code.is_in_use
    if in_use is None or not m.is_finite or not m.is_poor or in_use.all():
        return None
    n, k = int(in_use.sum()), len(in_use)
    return Finding(
        "collapsed_units",
        f"{n} of {k} code units carry information about a row: the distribution of "
        f"{'the others' if n else 'all'} is the standard normal one, whatever the row is "
        "(posterior collapse).",
        " ".join(holds_back(m)) or "Try kl_warm_up, a smaller noise_variance or a smaller beta.",
    )


def idle_code_units(m: Measures) -> Finding | None:
    """Code units that could be left out, or that repeat another."""
    share, spread = m.code.share, m.code.standard_deviation
    k = len(share)
    if m.code.information is not None or not m.varies or not m.is_finite:
        return None  # of a drawn code, units that are not needed give up by themselves
    if k > int(((m.columns.variance > 0) & (m.columns.weight > 0)).sum()):
        return None  # a code longer than a row is meant to have units to spare
    with np.errstate(invalid="ignore"):
        idle = np.abs(share) < IDLE / k
        if m.architecture.k_sparse:
            idle = np.zeros(k, bool)  # a unit of a few rows carries little, and is none too many
        few_count = heavy_outliers(m) is not None  # what the other rows need carries little then
        idle = (idle & (not few_count)) | ((spread == 0) & (m.n_rows > 1))
    named = m.is_poor or any(
        layer.is_code and (_is_dead(layer) or _is_saturated(layer)) for layer in m.layers
    )
    units = np.flatnonzero(idle & ~(m.code.is_dead & named))
    twins = [t for t in m.code.twins if not (few_count or np.isin(t[:2], units).any())]
    if not len(units) and not twins:
        return None
    said = []
    if len(units):
        said.append(
            f"{listed('Code unit', units)} of {k} (counted from 0) "
            f"{agree(units, 'carries', 'carry')} nothing: set to the mean, the loss does not rise."
        )
    if twins:
        pairs = ", ".join(f"{i} and {j} ({r:+.4f})" for i, j, r in twins[:NAMED])
        more = and_more(len(twins), "pair")
        said.append(f"Code units that repeat each other (correlation): {pairs}{more}.")
    fewer = k - len(units) - len({j for _, j, _ in twins})
    if m.is_poor and not m.architecture.k_sparse:
        advice = "Look at the other findings first: the network makes little of its code."
    elif fewer > 0:
        advice = f"n_components={fewer} would do as well."
    else:
        advice = "Look at the other findings first: nothing seems to reach the decoder."
    return note("idle_code_units", " ".join(said), advice)
