"""What workers hold: the rows of one partition each, and which of them each step takes.

Nothing here depends on which worker it is: draws are seeded by the fit, the epoch and the number of
the piece, so that a piece that was lost is made anew from its partition, and goes on as before.
"""

import copy
import pickle
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from ..data.checks import is_sparse
from ..data.frames import is_frame
from ..data.rows import Rows
from ..data.scaling import SeenColumns, seen_columns
from ..estimators.fitting import seen
from ..estimators.tables import checked
from ..network.architecture import Architecture
from ..network.checks import check_targets

GOLDEN = 0.6180339887498949
"""Its multiples modulo 1 are spread evenly: so pieces take turns in having a row more."""


def aligned(array: Array) -> Array:
    """The array, copied if the engine can't read it: one from a network may not be aligned."""
    return np.require(array, requirements=["C", "A"])


class InOneString:
    """A dataclass that moves between workers as one string of bytes: so its arrays are aligned."""

    def __reduce__(self) -> Any:
        own: Any = self
        values = [getattr(self, field.name) for field in fields(own)]
        return _unpacked, (type(self), pickle.dumps(values))


def _unpacked(kind: Any, values: bytes) -> Any:
    return kind(*pickle.loads(values))


@dataclass
class Whole(InOneString):
    """Any value, moved as one string."""

    value: Any


def peek(partition: Any, name: str) -> tuple[tuple[int, ...], Any]:
    """The shape of a partition, and a frame's columns: the frame without its rows, or None.

    Raises
    ------
    TypeError
        When it is no table.
    """
    if is_sparse(partition):
        raise TypeError(f"{name} is sparse: partitions must be dense, such as {name}.toarray()")
    shape = getattr(partition, "shape", None)
    if shape is None:
        raise TypeError(f"{name} is a {type(partition).__name__}: an array or DataFrame is needed")
    return tuple(shape), partition[:0] if is_frame(partition) else None


def table(local: Any, partition: Any, name: str) -> Array:
    """A partition as an array, checked as the estimator checks a table."""
    return np.asarray(checked(local, partition, reset=False, name=name))


def measure(X: Array, weights: Array | None, missing: str | None) -> SeenColumns:
    """What scaling needs to know of the rows of a partition."""
    with np.errstate(over="ignore", invalid="ignore"):
        return seen_columns(X, weights, missing)


class Piece:
    """The rows of a partition that count, as a network sees them.

    Parameters
    ----------
    local : Whole
        An estimator of the single-machine class, with its scaling.
    X : array of shape (n_rows, n_features)
    weights : array of shape (n_rows,), optional
        Some of them above 0.
    number : int
        Among all pieces, in the order of the partitions.
    name : str
        What errors call its table.
    """

    def __init__(
        self, local: Whole, X: Array, weights: Array | None, number: int, name: str = "X"
    ) -> None:
        rows = seen(local.value, aligned(X), weights, name=name)
        self.rows, self.number = rows, number
        self.visited = np.flatnonzero(self.rows.counts(slice(None)))
        self._order: tuple[Any, Array] = (None, self.visited)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_order": (None, self.visited)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for name in ("X", "shift", "factor", "sample_weight", "seen"):
            array = getattr(self.rows, name)
            if array is not None:
                setattr(self.rows, name, aligned(array))

    def __sizeof__(self) -> int:
        """Its size in bytes: a scheduler moves what it thinks is small."""
        return int(self.rows.X.nbytes) + object.__sizeof__(self)

    def check(self, architecture: Architecture) -> tuple[int, float, Array, Array]:
        """Its visited rows, what they count as, and the limits of its columns, scaled.

        Raises
        ------
        ValueError
            When the loss can't be taken of it.
        """
        if len(self.visited):
            check_targets(self.rows, architecture)
        low, high = self.rows.limits
        return len(self.visited), float(self.rows.counts(self.visited).sum()), low, high

    def batch(self, limits: Any, moment: "Moment") -> Rows | None:
        """The rows that a step takes of it, None for none, with the limits of the whole table."""
        which = self.visited
        if moment.n_steps > 1:
            start, stop = (
                bounds(len(self.visited), self.number, moment.n_steps, step)
                for step in (moment.step, moment.step + 1)
            )
            which = np.sort(self.order(moment)[start:stop])
        if not len(which):
            return None
        if len(which) == len(self.rows):
            return self.limited(limits)
        rows = self.rows.part(which)
        rows.limits = limits
        return rows

    def limited(self, limits: Any) -> Rows:
        """All rows, with the limits of the whole table."""
        rows = copy.copy(self.rows)
        rows.limits = limits
        return rows

    def order(self, moment: "Moment") -> Array:
        """The visited rows in the order of this epoch."""
        if moment.seed is None:
            return self.visited
        key = (moment.seed, moment.epoch)
        if self._order[0] != key:  # kept for the other steps of the epoch
            random = np.random.default_rng((*key, self.number))
            self._order = (key, random.permutation(self.visited))
        return self._order[1]


class Moment(NamedTuple):
    """The place of a step in a fit."""

    seed: int | None = None
    """From which orders of rows are drawn; None where rows are not shuffled."""
    epoch: int = 0
    step: int = 0
    """Its number in the epoch."""
    n_steps: int = 1
    """How many the epoch has."""
    noise_key: int = 0
    """The epoch's."""
    annealing: float = 1.0


def bounds(n_rows: int, number: int, n_steps: int, step: int) -> int:
    """How many of a piece's rows come before a step of an epoch: its share, evenly rounded."""
    if step == n_steps:
        return n_rows
    return int(np.floor(n_rows * step / n_steps + GOLDEN * number % 1))
