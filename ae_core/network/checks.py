"""Checks of what a network is given: parameters, steps, noise, and data that suit its loss."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import Array
from ..basics.arguments import as_numbers, checked_int, shown
from ..data.block_rows import BlockRows
from ..data.rows import Rows
from ..formulas.inputs import INPUT_TRANSFORMS
from ..formulas.losses import ANYTHING, LOSSES
from .architecture import Architecture

if TYPE_CHECKING:
    from ..formulas.solvers import Solver, SolverState

LARGEST_KEY = 2**64 - 1

LARGEST_ROOT = 1e150
"""Of numbers up to this, even millions of squares have a sum that is a float64."""


def check_params(params: Any, architecture: Architecture, dtype: np.dtype[Any]) -> Array:
    """A flat vector (n_params,) of the network's dtype, C-contiguous; copied only to convert.

    Raises
    ------
    ValueError
        When it is no real vector of the right length.
    """
    params = as_numbers("params", params)
    if params.shape != (architecture.n_params,):
        raise ValueError(
            f"params has shape {params.shape}: this architecture needs ({architecture.n_params},)"
        )
    params = np.ascontiguousarray(params, dtype=dtype)
    return params if params.flags.aligned else params.copy()


def check_steps(
    order: Any, batch_size: Any, rates: Any, n_rows: int, solver: "Solver", state: "SolverState"
) -> Array:
    """The row numbers of some training steps, contiguous; refuse what would not make those steps.

    Raises
    ------
    ValueError
        When order is no vector of row numbers from 0 to n_rows - 1, batches of it are not as many
        as there are rates, or the state is another solver's.
    """
    from ..formulas.solvers import Solver, SolverState

    if not isinstance(solver, Solver):
        raise ValueError(f"solver={shown(solver)}: must be a Solver, such as Adam(1e-2)")
    if not isinstance(state, SolverState):
        raise ValueError(f"state={shown(state)}: must be what solver.start gives")
    order, rates = as_numbers("order", order), as_numbers("rates", rates)
    if order.ndim != 1 or order.dtype.kind not in "iu":
        raise ValueError(
            f"order has shape {order.shape} and dtype {order.dtype}: row numbers are needed"
        )
    if rates.ndim != 1:
        raise ValueError(f"rates has shape {rates.shape}: one per step is needed")
    outside = order[(order < 0) | (order >= n_rows)]
    if len(outside):
        raise ValueError(f"order has row {outside[0]}: X has rows 0 to {n_rows - 1}")
    if checked_int("batch_size", batch_size) < 1 or -(-len(order) // batch_size) != len(rates):
        raise ValueError(
            f"{len(order)} rows in batches of {shown(batch_size)} do not make {len(rates)} steps: "
            "change batch_size, order or rates"
        )
    if len(state.memory) != len(solver.remembers):
        raise ValueError(
            f"state has {len(state.memory)} vectors: {type(solver).__name__} remembers "
            f"{len(solver.remembers)} (make it with solver.start)"
        )
    return np.ascontiguousarray(order, dtype=np.intp)


def check_draws(noise_keys: Any, annealing: Any, n_steps: int) -> tuple[Array, Array]:
    """The key of each step's noise (uint64) and the factor of its divergence (float64).

    Raises
    ------
    ValueError
        When there is not one for each step.
    """
    keys = np.zeros(n_steps, np.uint64) if noise_keys is None else noise_keys
    factors = np.ones(n_steps) if annealing is None else annealing
    keys, factors = as_numbers("noise_keys", keys), as_numbers("annealing", factors)
    for name, values in (("noise_keys", keys), ("annealing", factors)):
        if values.shape != (n_steps,):
            raise ValueError(f"{name} has shape {values.shape}: one per step, ({n_steps},)")
    if keys.dtype.kind not in "iu":
        raise ValueError(f"noise_keys has dtype {keys.dtype}: integers of 64 bits are needed")
    keys = np.ascontiguousarray(keys, dtype=np.uint64)
    return keys, np.ascontiguousarray(factors, dtype=np.float64)


def check_key(noise_key: Any) -> int:
    """The key of some noise, 64 bits.

    Raises
    ------
    ValueError
        When it is no integer of that size.
    """
    if not 0 <= checked_int("noise_key", noise_key) <= LARGEST_KEY:
        raise ValueError(f"noise_key={shown(noise_key)}: must be from 0 to {LARGEST_KEY}")
    return int(noise_key)


def check_inputs(rows: Rows, architecture: Architecture) -> None:
    """Refuse data that the input transform cannot be taken of.

    Raises
    ------
    ValueError
        Naming the smallest number.
    """
    if architecture.input_transform is None:
        return
    least = INPUT_TRANSFORMS[architecture.input_transform].least
    smallest = np.fmin.reduce(rows.limits[0][: architecture.n_features])
    if smallest < least:
        raise ValueError(
            f"{rows.name} has values down to {smallest:g}: "
            f"input_transform={architecture.input_transform!r} needs numbers of at least {least:g} "
            "(leave counts as they are, with scale=None)"
        )


def check_squares(rows: Rows) -> None:
    """Refuse numbers whose squares, of which a loss is the sum, are beyond float64.

    Raises
    ------
    ValueError
        Naming the largest, and where it stands.
    """
    low, high = rows.limits
    largest = np.nan_to_num(np.fmax(np.abs(low), np.abs(high)), nan=0.0, posinf=np.inf)
    column = int(largest.argmax())
    most = float(largest[column])  # a float32 would have the limit cast to its type
    if most > LARGEST_ROOT:
        row = rows.place_of(column, most)
        raise ValueError(
            f"{rows.name}[{row}, {column}] is {rows.X[row, column]:g}: its square is beyond "
            "float64, so that there is no loss of it; leave that row out, or clip it"
        )


def check_drawn(codes: Array, rows: Rows) -> None:
    """Refuse rows so far from all that a network knows that their drawn codes (m, k) are infinite.

    Raises
    ------
    ValueError
        Naming the first such row, and what is largest in it.
    """
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if not len(bad):
        return
    row = int(bad[0])
    seen = np.nan_to_num(np.abs(rows.take(slice(row, row + 1), np.float64)[0]), nan=0.0)
    column = int(seen.argmax())
    more = f" ({len(bad)} such rows in all)" if len(bad) > 1 else ""
    raise ValueError(
        f"{rows.name}[{row}, {column}] is {rows.X[row, column]:g}: so far from what was learned "
        f"that the code of its row is infinite, and its likelihood none{more}; leave that row out, "
        "or clip it"
    )


def check_targets(rows: Rows | BlockRows, architecture: Architecture) -> None:
    """Refuse data that the loss cannot be taken of.

    Raises
    ------
    ValueError
        For values that the loss cannot be taken of, or when nothing is seen at all.
    """
    if rows.seen is not None and not rows.seen.any():
        raise ValueError(f"{rows.name} has no entry that is seen: there is no loss of nothing")
    for group in architecture.output_groups:
        domain = LOSSES[group.loss].domain
        if domain is ANYTHING:  # finding limits reads all of X
            continue
        smallest = np.fmin.reduce(rows.limits[0][group.columns])
        largest = np.fmax.reduce(rows.limits[1][group.columns])
        if smallest < domain.low or largest > domain.high:
            where = ""
            if len(architecture.output_groups) > 1:
                where = f" in columns {group.start} to {group.stop - 1}"
            raise ValueError(
                f"{rows.name} has values from {smallest:g} to {largest:g}{where}: "
                f"loss={group.loss!r} needs them {domain.words} ({domain.hint})"
            )
