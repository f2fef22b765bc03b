"""Tables of numbers, flags and categories: as one array of numbers, and back.

A number stays one column, a flag becomes 0 or 1, and a category a group of columns of which one is
1. What a column is, its dtype says. Losses that fit stand beside each other: see `Encoding.loss`.

Where entries may be missing, a flag is a category of two. To a network, what is unseen is 0: of a
group, that is no category; of a flag, it would be False. (The softmax of two logits is the logistic
function of their difference, so that the likelihood is the same.)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import as_tuple, check_name, shown
from ..formulas.losses import LOSSES, LossGroups
from .cells import is_missing
from .checks import check_frame
from .encoded_columns import (
    CATEGORY,
    FLAG,
    NUMBER,
    OTHER,
    Column,
    categories_of,
    category_codes,
    codes_of_cells,
    described_column,
    learned_column,
    numbers_of,
    numbers_of_cells,
    restored_column,
    whole_numbers,
)


@dataclass(frozen=True)
class Encoding:
    """How a DataFrame becomes an array, learned from its dtypes and values.

    Parameters
    ----------
    columns : tuple of Column
        From left to right.

    Examples
    --------
    >>> import pandas as pd
    >>> from ae_core.data.encoding import Encoding
    >>> trees = pd.DataFrame({"height": [3.5, 9.0], "kind": ["oak", "ash"], "old": [False, True]})
    >>> encoding = Encoding.learn(trees)
    >>> encoding.names
    ('height', 'kind=ash', 'kind=oak', 'old')
    >>> encoding.encode(trees)
    array([[3.5, 0. , 1. , 0. ],
           [9. , 1. , 0. , 1. ]])
    >>> encoding.decode(encoding.encode(trees)).equals(trees)
    True
    """

    columns: tuple[Column, ...]

    @classmethod
    def learn(cls, X: Any, *, has_missing: bool = False, name: str = "X") -> "Encoding":
        """The encoding of a pandas DataFrame (m, n_columns).

        Columns of pandas' category dtype have the categories it lists, whether they occur or not;
        of text, those that occur, sorted.

        Parameters
        ----------
        X : DataFrame of shape (m, n_columns)
        has_missing : bool
            Whether entries may be missing, here or later.
        name : str
            What errors call the table.

        Raises
        ------
        ValueError
            When X is no DataFrame, or has a column that is neither numbers, flags nor categories;
            names it.
        """
        check_frame(X, name)
        return cls(
            tuple(learned_column(X.iloc[:, i], has_missing, name) for i in range(X.shape[1]))
        )

    # --- there and back -------------------------------------------------------------------------

    def encode(
        self, X: Any, *, has_missing: bool = False, others: bool = False, name: str = "X"
    ) -> Array:
        """The DataFrame X (m, n_columns) as numbers: (m, n_encoded) float64.

        Parameters
        ----------
        X : DataFrame of shape (m, n_columns)
        has_missing : bool
            Whether what is missing, or a category that was not there in `learn`, becomes NaN, in
            all columns of its group. Otherwise it is an error.
        others : bool
            Whether a category that was not there in `learn` is 0 in all columns of its group, and
            1 in a column that is added, one for each column of categories: (m, n_with_others).
        name : str
            What errors call the table.

        Raises
        ------
        ValueError
            Naming the column and the value that does not fit.
        """
        check_frame(X, name)
        if X.shape[1] != len(self.columns):
            raise ValueError(
                f"{name} has {X.shape[1]} columns: {len(self.columns)} are needed, as in the fit"
            )
        values = [X.iloc[:, i] for i in range(X.shape[1])]
        return self._encoded(values, category_codes, numbers_of, has_missing, others, name)

    def encode_cells(
        self, columns: Mapping[str, Array], *, has_missing: bool, others: bool
    ) -> Array:
        """The same of columns (m,) by their names, without pandas.

        Parameters
        ----------
        columns : mapping of str to array of shape (m,)
            All of those of the fit; missing is what `ae_core.data.cells.is_missing` takes for it.
        has_missing, others : bool
            As of `encode`.

        Raises
        ------
        ValueError
            Naming the column and the value that does not fit.
        """
        values = [columns[column.name] for column in self.columns]
        return self._encoded(values, codes_of_cells, numbers_of_cells, has_missing, others, "X")

    def _encoded(
        self,
        values: Sequence[Any],
        codes_of: Callable[..., Array],
        numbers_of: Callable[..., Array],
        has_missing: bool,
        others: bool,
        name: str,
    ) -> Array:
        """Columns (m,) as one array, by functions that make codes and numbers of them."""
        n_rows = len(values[0])
        encoded = np.zeros((n_rows, self.n_with_others if others else self.n_encoded))
        others_of = iter(range(self.n_encoded, encoded.shape[1]))
        for given, column, own in zip(values, self.columns, self._parts(encoded), strict=True):
            if column.kind == CATEGORY:
                codes = codes_of(given, column, has_missing, name, others)  # (m,), -1 where unseen
                known = np.flatnonzero(codes >= 0)
                own[known, codes[known]] = 1
                own[codes == -1] = np.nan
                if others:
                    encoded[:, next(others_of)] = codes == OTHER
            else:
                own[:, 0] = numbers_of(given, column, name)
            if not has_missing and np.isnan(own[:, 0]).any():
                first = int(np.isnan(own[:, 0]).argmax())
                raise ValueError(
                    f"{name} has missing values in column {shown(column.name)}, first in row "
                    f"{first}: drop those rows, fill them in, or fit with missing_values='mask' "
                    "to learn around what is missing"
                )
        return encoded

    def _parts(self, encoded: Array) -> list[Array]:
        """Each column's own (m, width) of an array (m, n_encoded) or (m, n_with_others)."""
        return [encoded[:, start:end] for start, end in pairwise(self.starts)]

    def decode(self, encoded: Array, index: Any = None) -> Any:
        """The DataFrame that an array (m, n_encoded) stands for: columns, dtypes and categories.

        Of categories the most probable one, a flag where it is at least as probable as not, and
        whole numbers, within what they can be, where whole numbers were learned from.
        """
        import pandas as pd  # optional, and here already: the encoding is of a DataFrame

        frame = {}
        for column, values in self._decoded(encoded):
            if column.kind == CATEGORY:
                frame[column.name] = categories_of(values, column)
            else:
                frame[column.name] = pd.Series(values).astype(column.dtype)
        result = pd.DataFrame(frame)
        return result if index is None else result.set_axis(index)

    def decode_cells(self, encoded: Array) -> dict[str, Array]:
        """The same as arrays (m,) by the columns' names, without pandas; of categories objects."""
        columns = {}
        for column, values in self._decoded(encoded):
            if column.kind == CATEGORY:
                values = np.array([*column.categories, None], dtype=object)[values]
            columns[column.name] = values
        return columns

    def _decoded(self, encoded: Array) -> Iterator[tuple[Column, Array]]:
        """Of each column what an array (m, n_encoded) says: (m,), of a category its number."""
        for column, own in zip(self.columns, self._parts(encoded), strict=True):
            if column.kind == CATEGORY:
                yield column, own.argmax(axis=1)
            elif column.kind == FLAG:
                yield column, own[:, 0] >= 0.5
            else:
                yield column, whole_numbers(own[:, 0], column.dtype)

    def drawn(self, encoded: Array, uniform: Callable[..., Array]) -> Array:
        """Probabilities of flags and categories (m, n_encoded) as ones that were drawn by them.

        Parameters
        ----------
        encoded : array of shape (m, n_encoded)
        uniform : function
            Draws numbers from 0 to 1, as NumPy's generators do with ``size``.
        """
        result = encoded.copy()
        for column, own in zip(self.columns, self._parts(result), strict=True):
            if column.kind == NUMBER:
                continue
            chance = uniform(size=(len(own), 1))
            if column.kind == FLAG:
                own[...] = chance < own
            else:
                bounds = np.cumsum(own, axis=1, dtype=np.float64)
                which = (chance * bounds[:, -1:] >= bounds).sum(axis=1)  # (m,)
                own[...] = np.arange(column.width) == which[:, None]
        return result

    def filled(self, X: Any, reconstruction: Any, never: Array | None = None) -> Any:
        """X (m, n_columns) with what is missing, or of unknown categories, from a reconstruction.

        Both are DataFrames. The dtypes are those of the fit; but where it had whole numbers and X
        has others, they stay as they are. Columns `never` seen (n_columns,) stay missing.
        """
        import pandas as pd

        unseen = np.isnan(self.encode(X, has_missing=True)[:, self.starts[:-1]])  # (m, n_columns)
        if never is not None:
            unseen[:, never] = False
        frame = {}
        for i, column in enumerate(self.columns):
            values = X.iloc[:, i].to_numpy(dtype=object, copy=True)  # (m,)
            values[unseen[:, i]] = reconstruction.iloc[:, i].to_numpy(dtype=object)[unseen[:, i]]
            dtype = reconstruction.dtypes.iloc[i]
            if "int" in column.dtype.lower() and any(
                value % 1 for value in values if not is_missing(value)
            ):
                dtype = np.dtype(np.float64)
            frame[column.name] = pd.Series(values, dtype=object).astype(dtype)
        return pd.DataFrame(frame).set_axis(X.index)

    # --- which columns become which -------------------------------------------------------------

    @cached_property
    def starts(self) -> Array:
        """Where each column's own begin, and where all end: (n_columns + 1,)."""
        return np.cumsum([0, *(column.width for column in self.columns)])

    @property
    def n_encoded(self) -> int:
        """Columns of the array."""
        return int(self.starts[-1])

    @property
    def n_with_others(self) -> int:
        """Columns of the array when categories that were not there have their own."""
        return self.n_encoded + len(self._categories)

    @cached_property
    def _categories(self) -> Array:
        """The numbers of the columns that are categories."""
        return np.flatnonzero([column.kind == CATEGORY for column in self.columns])

    @cached_property
    def is_number(self) -> Array:
        """Which columns of the array are numbers, to be scaled: (n_encoded,) bool."""
        return np.array([c.kind == NUMBER for c in self.columns for _ in range(c.width)])

    @property
    def sources(self) -> Array:
        """Which column each of `names_with_others` was made of: (n_with_others,)."""
        own = np.repeat(np.arange(len(self.columns)), np.diff(self.starts))
        return np.concatenate([own, self._categories])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the columns of the array, such as ``'height'`` and ``'kind=oak'``."""
        names: list[str] = []
        for column in self.columns:
            groups = [f"{column.name}={category}" for category in column.categories]
            names.extend(groups if column.kind == CATEGORY else [column.name])
        return tuple(names)

    @property
    def names_with_others(self) -> tuple[str, ...]:
        """Of the columns of the array when categories that were not there have their own."""
        others = (f"{self.columns[i].name}=(another)" for i in self._categories)
        return (*self.names, *others)

    def loss(self, of_numbers: Any = "squared_error") -> str | LossGroups:
        """The losses of the array's columns, for an `Architecture`.

        That of numbers is given; flags have binary cross-entropy, and the columns of a category
        softmax cross-entropy. A name where there is but one.

        Raises
        ------
        ValueError
            When that of numbers is no loss of one number.
        """
        elementwise = [name for name, loss in LOSSES.items() if loss.is_elementwise]
        losses = {
            NUMBER: check_name("loss", of_numbers, elementwise),
            FLAG: "binary_cross_entropy",
            CATEGORY: "softmax_cross_entropy",
        }
        groups: list[tuple[str, int]] = []
        for column in self.columns:
            loss, width = losses[column.kind], column.width
            if column.kind != CATEGORY and groups and groups[-1][0] == loss:
                width += groups.pop()[1]  # neighbours with one loss are one group
            groups.append((loss, width))
        return groups[0][0] if len(groups) == 1 else tuple(groups)

    def expanded(self, feature_weights: Iterable[Any]) -> list[Any]:
        """The weights of columns (n_columns,), for each column of the array (n_encoded,).

        Raises
        ------
        ValueError
            When there are not as many as columns.
        """
        weights = as_tuple("feature_weights", feature_weights)
        if len(weights) != len(self.columns):
            raise ValueError(
                f"feature_weights has {len(weights)} entries: one per column of the table, "
                f"{len(self.columns)}, are needed"
            )
        pairs = zip(self.columns, weights, strict=True)
        return [weight for column, weight in pairs for _ in range(column.width)]

    def summed(self, encoded: Array) -> Array:
        """The sum (m, n_columns) of what each column's own have in an array (m, n_encoded).

        Or (m, n_with_others).
        """
        sums = np.asarray(np.add.reduceat(encoded[:, : self.n_encoded], self.starts[:-1], axis=1))
        if encoded.shape[1] > self.n_encoded:
            sums[:, self._categories] += encoded[:, self.n_encoded :]
        return sums

    # --- files ----------------------------------------------------------------------------------

    def described(self) -> list[dict[str, Any]]:
        """The encoding as JSON has it.

        Raises
        ------
        ValueError
            When categories are something else than text, numbers and truth values.
        """
        return [described_column(column) for column in self.columns]

    @classmethod
    def restored(cls, described: Any) -> "Encoding":
        """The encoding that `described` gave.

        Raises
        ------
        ValueError, TypeError, LookupError, AttributeError
            When it is none.
        """
        columns = tuple(restored_column(entry) for entry in described)
        if len({column.name for column in columns}) != len(columns) or not columns:
            raise ValueError("columns need names of their own")
        return cls(columns)
