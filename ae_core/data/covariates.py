"""Covariates: what is known of each row and given to a network, but not reconstructed.

Such as the batch that a cell was measured in, or the age of who was asked: see
`ae_core.network.architecture.Architecture`, ``n_covariates``.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .._typing import Array
from ..basics.arguments import shown
from .checks import check_frame, check_table, is_sparse
from .containers import table_of
from .encoded_columns import COVARIATES
from .encoding import Encoding
from .frames import as_pandas, is_frame
from .scaling import learn_scaling

TEXT = "give a DataFrame, whose text and categories become a column for each category"


@dataclass(frozen=True, eq=False)
class Covariates:
    """How a table of covariates becomes numbers: categories by columns, numbers scaled."""

    n_columns: int
    """Of the table."""
    encoding: Encoding | None
    """Of a DataFrame; None for an array."""
    shift: Array
    """(n_encoded,): numbers are given as (number - shift) * factor; flags and categories as are."""
    factor: Array

    @classmethod
    def learn(cls, covariates: Any, n_rows: int, scale: str, weights: Array | None = None) -> Self:
        """What a fit makes of its covariates (n_rows, n_columns).

        Parameters
        ----------
        covariates : array, DataFrame or Series of shape (n_rows, n_columns)
        n_rows : int
            Of X.
        scale : {'standard', 'minmax'}
            How numbers are scaled.
        weights : array of shape (n_rows,), optional

        Raises
        ------
        ValueError, TypeError
            When it is no such table.
        """
        table = _table_of(covariates)
        check_rows(table, n_rows)
        encoding = Encoding.learn(table, name=COVARIATES) if is_frame(table) else None
        numbers = _numbers(table, encoding)
        shift, factor = learn_scaling(numbers, scale, weights)
        assert shift is not None  # the table is dense
        assert factor is not None
        scaled = np.ones(numbers.shape[1], bool) if encoding is None else encoding.is_number
        shift, factor = np.where(scaled, shift, 0.0), np.where(scaled, factor, 1.0)
        return cls(table.shape[1], encoding, shift, factor)

    @property
    def n_encoded(self) -> int:
        """Numbers that the network is given."""
        return len(self.shift)

    def encode(self, covariates: Any, n_rows: int) -> Array:
        """The covariates of n_rows rows, with the columns of the fit: (n_rows, n_encoded) float64.

        Raises
        ------
        ValueError, TypeError
            When they are not as in the fit.
        """
        table = _table_of(covariates)
        names = None if self.encoding is None else [c.name for c in self.encoding.columns]
        if names is not None and not is_frame(table):
            raise ValueError(
                f"covariates is an array: the fit had a DataFrame with {_named(names)}; give one"
            )
        if names is None and is_frame(table):
            raise ValueError(
                f"covariates is a DataFrame: the fit had an array of {self.n_columns} columns; "
                "give covariates.to_numpy(), or fit with a DataFrame"
            )
        if names is not None and list(table.columns) != names:
            raise ValueError(
                f"covariates has {_named(list(table.columns))}: the fit had {_named(names)}, in "
                "this order"
            )
        if table.shape[1] != self.n_columns:
            raise ValueError(
                f"covariates has {table.shape[1]} columns: the fit had {self.n_columns}"
            )
        check_rows(table, n_rows)
        return np.asarray((_numbers(table, self.encoding) - self.shift) * self.factor)

    # --- files ------------------------------------------------------------------------------------

    def described(self) -> dict[str, Any]:
        """What a model file says of them, beside the arrays."""
        encoding = None if self.encoding is None else self.encoding.described()
        return {"n_columns": self.n_columns, "encoding": encoding}

    @classmethod
    def restored(cls, described: Any, shift: Array, factor: Array) -> Self:
        """What `described` gave, with the arrays.

        Raises
        ------
        ValueError, TypeError, LookupError, AttributeError
            When it is none.
        """
        n_columns, encoding = described["n_columns"], described["encoding"]
        if type(n_columns) is not int or n_columns < 1 or len(described) != 2:
            raise ValueError(f"n_columns={n_columns!r} of covariates: a number above 0 is needed")
        if encoding is not None:
            encoding = Encoding.restored(encoding)
            if len(encoding.columns) != n_columns or encoding.n_encoded != len(shift):
                raise ValueError("the encoding of covariates does not fit their columns")
        elif len(shift) != n_columns:
            raise ValueError("the scaling of covariates does not fit their columns")
        return cls(n_columns, encoding, shift, factor)


def check_rows(table: Any, n_rows: int) -> None:
    """Refuse covariates of other rows.

    Raises
    ------
    ValueError
        Naming both numbers.
    """
    if table.shape[0] != n_rows:
        raise ValueError(
            f"covariates has {table.shape[0]} rows, and there are {n_rows}: one for each is needed"
        )


def _table_of(covariates: Any) -> Any:
    """A pandas DataFrame whose columns have names, or an array (m, n_columns) of numbers."""
    if hasattr(covariates, "to_frame") and not is_frame(covariates):  # a Series
        name = getattr(covariates, "name", None)
        covariates = covariates.to_frame(name if isinstance(name, str) and name else "covariate")
    if is_frame(covariates):
        frame = as_pandas(covariates, "covariates")
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        check_frame(frame, "covariates")
        missing = frame.isna().to_numpy()
        if missing.any():
            row, column = np.argwhere(missing)[0]
            raise ValueError(
                f"covariates has no value in column {shown(frame.columns[column])}, row {row}: "
                "each must be known; fill them in, or leave such rows out"
            )
        return frame
    table = table_of(covariates, "covariates", text=TEXT)
    table = check_table(table, "covariates", advice="")
    if is_sparse(table):
        table = table.toarray()
    if table.shape[1] == 0:
        raise ValueError("covariates has no columns: leave it out, or give some")
    return table


def _numbers(table: Any, encoding: Encoding | None) -> Array:
    """The table (m, n_columns) as numbers, not scaled: (m, n_encoded) float64."""
    if encoding is None:
        return np.asarray(table, dtype=np.float64)
    return encoding.encode(table, name=COVARIATES)


def _named(names: list[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {shown(', '.join(names))}"
