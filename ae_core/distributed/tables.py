"""From a collection to pieces on workers: shapes, scaling and limits, each from one pass."""

from typing import Any

import numpy as np
from dask.delayed import Delayed, delayed

from .._typing import Array
from ..data.frames import library_of
from ..data.rows import Rows
from ..data.scaling import SeenColumns
from ..diagnosis.reconstruction import evenly
from ..estimators.tables import note_columns
from .collections import is_list_of_delayed, partitions_of, vector_partitions
from .epochs import Pieces
from .machines import Machines, given
from .pieces import Peek, Piece, Whole, aligned, measure, peek, some_rows, table


class DistributedTable:
    """The partitions of a collection that have rows, as arrays that stay on their workers.

    Parameters
    ----------
    machines : Machines
    X : dask array, dask DataFrame or list of Delayed
    name : str
        What errors call it.

    Attributes
    ----------
    lengths : list of int
        Rows of each of these partitions.
    numbers : list of int
        Which partitions of X they are.
    head : array or frame of no rows
        With the columns of X.

    Raises
    ------
    TypeError
        For another collection, or partitions that are no dense tables.
    ValueError
        When there are no rows, or partitions of different widths.
    """

    def __init__(self, machines: Machines, X: Any, name: str = "X") -> None:
        self.machines, self.name = machines, name
        self._part = name if is_list_of_delayed(X) else f"{name}.partitions"
        partitions = machines.kept(partitions_of(X, name))
        seen: list[Peek] = machines.results(
            [
                delayed(peek, pure=False)(partition, self.called(i))
                for i, partition in enumerate(partitions)
            ]
        )
        for i, found in enumerate(seen):
            if len(found.shape) != 2:
                raise ValueError(
                    f"{self.called(i)} has shape {found.shape}: (n_samples, n_features) is needed"
                )
        self.numbers = [i for i, found in enumerate(seen) if found.shape[0]]
        if not self.numbers:
            raise ValueError(f"{name} has no rows in any partition: at least one sample is needed")
        first = self.numbers[0]
        for i in self.numbers:
            if seen[i].shape[1] != seen[first].shape[1]:
                raise ValueError(
                    f"{self.called(i)} has {seen[i].shape[1]} columns, and {self.called(first)} "
                    f"has {seen[first].shape[1]}: all partitions must have the same"
                )
        self.n_columns = seen[first].shape[1]
        self.lengths = [seen[i].shape[0] for i in self.numbers]
        self.head = seen[first].head
        if self.head is None:
            self.head = np.empty((0, self.n_columns))
        self._raw = [partitions[i] for i in self.numbers]
        self.tables: list[Delayed] = []
        self.dtype = np.dtype(np.float64)

    def called(self, partition: int) -> str:
        """What errors call a partition."""
        return f"{self._part}[{partition}]"

    @property
    def n_rows(self) -> int:
        """Rows of all partitions."""
        return sum(self.lengths)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the whole."""
        return self.n_rows, self.n_columns

    def note_columns(self, estimator: Any, *, reset: bool) -> None:
        """Let an estimator note, or compare, number and names of the columns."""
        note_columns(estimator, self.head, reset=reset)
        if reset:
            estimator.encoding_, estimator._library = None, library_of(self.head)

    def read(self, local: Any, reader: Any = table) -> None:
        """Make arrays of the partitions, checked as a single-machine estimator does."""
        estimator = given(local)
        self.tables = self.machines.kept(
            [
                delayed(reader, pure=False)(estimator, raw, self.called(i))
                for i, raw in zip(self.numbers, self._raw, strict=True)
            ]
        )
        kinds = self.machines.results([delayed(_dtype, pure=False)(t) for t in self.tables])
        self.dtype = np.result_type(*kinds)
        self.machines.release(self._raw)
        self._raw = []

    def divided(self, per_row: Array | None) -> list[Array | None]:
        """An array (n_rows,) in parts, one for each partition."""
        if per_row is None:
            return [None] * len(self.lengths)
        return list(np.split(per_row, np.cumsum(self.lengths)[:-1]))

    def measured(self, weights: Array | None, missing: str | None) -> list[SeenColumns]:
        """What each partition says of its columns, in order; of those of which some rows count."""
        return list(
            self.machines.results(
                [
                    delayed(measure, pure=False)(t, w, missing)
                    for t, w in zip(self.tables, self.divided(weights), strict=True)
                    if w is None or w.any()
                ]
            )
        )

    def rows(self, which: Array) -> Array:
        """Some rows, brought here: by number, in ascending order."""
        return np.concatenate(self.machines.results(self.parts_of(which)))

    def parts_of(self, which: Array) -> list[Delayed]:
        """Tasks that give some rows, by number, in ascending order."""
        ends = np.cumsum(self.lengths)
        owners = np.searchsorted(ends, which, side="right")
        starts = ends - self.lengths
        return [
            delayed(some_rows, pure=False)(self.tables[i], which[owners == i] - starts[i])
            for i in np.unique(owners)
        ]

    def scores(self, local: Any) -> Array:
        """What a detector's ensemble gives each row, brought here: (n_rows,) float64."""
        estimator = given(Whole(local))
        tasks = [delayed(_scores, pure=False)(estimator, t) for t in self.tables]
        return np.concatenate(self.machines.results(tasks))

    def limits(self, weights: Array | None, missing: str | None) -> tuple[Array, Array]:
        """The smallest and largest number of each column over the rows that count; NaN for none."""
        found = self.machines.results(
            [
                delayed(_limits, pure=False)(t, w, missing)
                for t, w in zip(self.tables, self.divided(weights), strict=True)
                if w is None or w.any()
            ]
        )
        low, high = zip(*found, strict=True)
        return np.fmin.reduce(low), np.fmax.reduce(high)

    def release(self) -> None:
        """Let workers forget the partitions."""
        self.machines.release([*self._raw, *self.tables])
        self._raw, self.tables = [], []

    def spread(self, weights: Array | None, at_most: int) -> tuple[Array, Array | None]:
        """At most so many rows of positive weight, evenly spaced, and their weights."""
        counted = np.arange(self.n_rows) if weights is None else np.flatnonzero(weights)
        which = counted[evenly(len(counted), at_most)]
        return self.rows(which), None if weights is None else weights[which]

    def pieces(self, local: Any, weights: Array | None) -> tuple[Pieces, tuple[Array, Array]]:
        """The rows that count as pieces that stay on workers; and the limits of their columns.

        Scaled, and checked by the network of `local`, if it has one.
        """
        estimator = given(Whole(local))
        made: list[Delayed] = []
        for i, t, w in zip(self.numbers, self.tables, self.divided(weights), strict=True):
            if w is None or w.any():
                made.append(delayed(Piece, pure=False)(estimator, t, w, len(made), self.called(i)))
        tasks = self.machines.kept(made)
        architecture = given(local.network_.architecture)
        found = self.machines.results(
            [delayed(_checked, pure=False)(task, architecture) for task in tasks]
        )
        n_visited = [int(each[0]) for each in found]
        if not sum(n_visited):
            raise ValueError(f"{self.name} has no entry that is seen: there is no loss of nothing")
        low = np.fmin.reduce([each[2] for each in found])
        high = np.fmax.reduce([each[3] for each in found])
        return (
            Pieces(self.machines, tasks, n_visited, float(sum(each[1] for each in found))),
            (low, high),
        )


def _dtype(X: Array) -> Any:
    return X.dtype


def _checked(piece: Piece, architecture: Any) -> Any:
    return piece.check(architecture)


def _scores(local: Whole, X: Array) -> Array:
    rows = Rows(aligned(X), missing=local.value.missing_values)
    return np.asarray(local.value.ensemble_.scores(rows))


def _limits(X: Array, weights: Array | None, missing: str | None) -> tuple[Array, Array]:
    return Rows(X if weights is None else X[weights > 0], missing=missing).limits


def gathered(machines: Machines, values: Any, name: str) -> Any:
    """One number per row, of a collection or an array, brought here; None for None."""
    if values is None:
        return None
    parts = [np.asarray(part) for part in machines.results(vector_partitions(values, name))]
    return np.concatenate([part.ravel() if part.ndim else part.reshape(1) for part in parts])
