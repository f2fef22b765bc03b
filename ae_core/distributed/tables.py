"""From a collection to pieces on workers: shapes, scaling and limits, each from one pass."""

from typing import Any

import numpy as np
from dask.array import Array as DaskArray
from dask.delayed import Delayed, delayed

from .._typing import Array
from ..data.frames import library_of
from ..data.rows import Rows
from ..data.scaling import SeenColumns
from ..diagnosis.reconstruction import evenly
from ..estimators.tables import note_columns
from .collections import is_distributed, is_list_of_delayed, partitions_of
from .epochs import Pieces
from .machines import Machines, given
from .pieces import Piece, Whole, aligned, measure, peek, table


class DistributedTable:
    """The partitions of a collection that have rows, as arrays that stay on their workers.

    Parameters
    ----------
    machines : Machines
    X : dask array, dask DataFrame or list of Delayed
    estimator : estimator
        Which checks the number and names of the columns, and how partitions are read.
    name : str
        What errors call it.
    reset : bool
        Whether the estimator notes the columns, to compare others with.
    reader : callable, optional
        What makes a checked array of a partition.

    Attributes
    ----------
    lengths : list of int
        Rows of each of these partitions.
    numbers : list of int
        Which partitions of X they are.
    tables : list of Delayed
        The arrays, which are kept.

    Raises
    ------
    TypeError
        For another collection, or partitions that are no dense tables.
    ValueError
        When there are no rows, or partitions of different widths.
    """

    def __init__(
        self,
        machines: Machines,
        X: Any,
        estimator: Any,
        name: str = "X",
        *,
        reset: bool = False,
        reader: Any = table,
    ) -> None:
        self.machines, self.name = machines, name
        self._part = name if is_list_of_delayed(X) else f"{name}.partitions"
        partitions = machines.kept(partitions_of(X, name))
        look = delayed(peek, pure=False)
        seen = machines.results(
            [look(partition, self.called(i)) for i, partition in enumerate(partitions)]
        )
        shapes, heads = zip(*seen, strict=True)
        for i, shape in enumerate(shapes):
            if len(shape) != 2:
                raise ValueError(
                    f"{self.called(i)} has shape {shape}: (n_samples, n_features) is needed"
                )
        self.numbers = [i for i, shape in enumerate(shapes) if shape[0]]
        if not self.numbers:
            raise ValueError(f"{name} has no rows in any partition: at least one sample is needed")
        first = self.numbers[0]
        self.n_columns, head = shapes[first][1], heads[first]
        for i in self.numbers:
            if shapes[i][1] != self.n_columns:
                raise ValueError(
                    f"{self.called(i)} has {shapes[i][1]} columns, and {self.called(first)} "
                    f"has {self.n_columns}: all partitions must have the same"
                )
        self.lengths = [shapes[i][0] for i in self.numbers]
        if head is None:
            head = np.empty((0, self.n_columns))
        note_columns(estimator, head, reset=reset)
        if reset:
            estimator.encoding_, estimator._library = None, library_of(head)
        read, local = delayed(reader, pure=False), given(estimator.to_local())
        self.tables = machines.kept(
            [read(local, partitions[i], self.called(i)) for i in self.numbers]
        )
        kinds = machines.results([t.dtype for t in self.tables])
        self.dtype = np.result_type(*kinds)
        machines.release(partitions)

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

    def counted(self, weights: Array | None) -> list[tuple[int, Delayed, Array | None]]:
        """Number, array and weights of each partition of which some rows count, in order."""
        if weights is None:
            return [(i, t, None) for i, t in zip(self.numbers, self.tables, strict=True)]
        parts = np.split(weights, np.cumsum(self.lengths)[:-1])
        each = zip(self.numbers, self.tables, parts, strict=True)
        return [(i, t, part) for i, t, part in each if part.any()]

    def measured(self, weights: Array | None, missing: str | None) -> list[SeenColumns]:
        """What each partition says of its columns, in order; of those of which some rows count."""
        task = delayed(measure, pure=False)
        return self.machines.results([task(t, w, missing) for _, t, w in self.counted(weights)])

    def rows(self, which: Array) -> Array:
        """Some rows, brought here: by number, in ascending order."""
        return np.concatenate(self.machines.results(self.parts_of(which)))

    def parts_of(self, which: Array) -> list[Delayed]:
        """Tasks that give some rows, by number, in ascending order."""
        ends = np.cumsum(self.lengths)
        owners = np.searchsorted(ends, which, side="right")
        starts = ends - self.lengths
        return [self.tables[i][which[owners == i] - starts[i]] for i in np.unique(owners)]

    def scores(self, local: Any) -> Array:
        """What a detector's ensemble gives each row, brought here: (n_rows,) float64."""
        estimator = given(Whole(local))
        tasks = [delayed(_scores, pure=False)(estimator, t) for t in self.tables]
        return np.concatenate(self.machines.results(tasks))

    def limits(self, weights: Array | None, missing: str | None) -> tuple[Array, Array]:
        """The smallest and largest number of each column over the rows that count; NaN for none."""
        task = delayed(_limits, pure=False)
        tasks = [task(t, w, missing) for _, t, w in self.counted(weights)]
        low, high = zip(*self.machines.results(tasks), strict=True)
        return np.fmin.reduce(low), np.fmax.reduce(high)

    def spread(self, weights: Array | None, at_most: int) -> tuple[Array, Array | None]:
        """At most so many rows of positive weight, evenly spaced, and their weights."""
        counted = np.arange(self.n_rows) if weights is None else np.flatnonzero(weights)
        which = counted[evenly(len(counted), at_most)]
        return self.rows(which), None if weights is None else weights[which]

    def pieces(self, local: Any, weights: Array | None) -> Pieces:
        """The rows that count as pieces that stay on workers.

        Scaled, and checked by the network of `local`.
        """
        estimator, piece = given(Whole(local)), delayed(Piece, pure=False)
        tasks = self.machines.kept(
            [
                piece(estimator, t, w, place, self.called(i))
                for place, (i, t, w) in enumerate(self.counted(weights))
            ]
        )
        architecture = given(local.network_.architecture)
        found = self.machines.results([task.check(architecture) for task in tasks])
        n_visited, n_counted, low, high = zip(*found, strict=True)
        if not sum(n_visited):
            raise ValueError(f"{self.name} has no entry that is seen: there is no loss of nothing")
        limits = np.fmin.reduce(low), np.fmax.reduce(high)
        return Pieces(self.machines, tasks, list(n_visited), float(sum(n_counted)), limits)


def _scores(local: Whole, X: Array) -> Array:
    rows = Rows(aligned(X), missing=local.value.missing_values)
    return np.asarray(local.value.ensemble_.scores(rows))


def _limits(X: Array, weights: Array | None, missing: str | None) -> tuple[Array, Array]:
    return Rows(X if weights is None else X[weights > 0], missing=missing).limits


def gathered(machines: Machines, values: Any) -> Any:
    """One number per row, of a collection or an array, as one array here; None for None."""
    if values is None:
        return None
    if isinstance(values, DaskArray):
        tasks = list(values.to_delayed().ravel())
    elif is_distributed(values):
        tasks = partitions_of(values)
    else:
        tasks = [delayed(values, pure=False)]
    return np.concatenate([np.ravel(part) for part in machines.results(tasks)])
