"""The input of a predictor: tables of any kind, checked as in the fit, without scikit-learn."""

from typing import Any, NamedTuple

from .._typing import Array
from ..data.checks import FIT_MASK, check_frame, check_table
from ..data.columns import columns_of_array, named_columns, side_by_side
from ..data.containers import table_of
from ..data.encoding import Encoding
from ..data.frames import as_pandas, is_frame, names_of
from ..data.plain_rows import is_plain


class Columns(NamedTuple):
    """The columns of the fit, and how their values become numbers."""

    kind: str
    """The class that was fitted, for errors."""
    n_columns: int
    names: tuple[str, ...] | None
    encoding: Encoding | None
    missing: str | None
    takes_other_categories: bool
    """Whether a category that was not there in the fit has a column of its own."""
    advice: str = FIT_MASK
    """What errors advise about NaN, where it is not allowed."""

    def numbers_of(self, X: Any) -> Any:
        """X (m, n_columns) as the network has it before scaling: an array or a CSR matrix.

        Raises
        ------
        ValueError, TypeError
            Naming what is not as in the fit.
        """
        if self.encoding is not None:
            has_missing, others = self.missing == "mask", self.takes_other_categories
            if not is_frame(X):
                cells = self.cells_of(X)
                return self.encoding.encode_cells(cells, has_missing=has_missing, others=others)
            frame = as_pandas(X)
            check_frame(frame)
            self._check_columns(frame.shape[1], list(frame.columns))
            return self.encoding.encode(frame, has_missing=has_missing, others=others)
        if is_plain(X, self.n_columns, self.missing):
            return X
        if self.names is not None and not is_frame(X):
            by_name = named_columns(X, self.names)
            X = X if by_name is None else side_by_side(by_name)
        table = check_table(
            table_of(X, missing=self.missing),
            missing=self.missing,
            columns=names_of(X),
            advice=self.advice,
        )
        self._check_columns(table.shape[1], names_of(X))
        return table

    def cells_of(self, X: Any) -> dict[str, Array]:
        """The columns of a table that is no frame, by their names, as they are: (m,) each."""
        assert self.names is not None
        by_name = named_columns(X, self.names)
        return columns_of_array(X, self.names) if by_name is None else by_name

    def is_by_name(self, X: Any) -> bool:
        """Whether X is a mapping of columns, or rows that are mappings, and columns have names."""
        is_rows = isinstance(X, list) and bool(X) and isinstance(X[0], dict)
        return self.names is not None and (isinstance(X, dict) or is_rows)

    def _check_columns(self, n_columns: int, names: list[Any] | None) -> None:
        if names is not None and self.names is not None and tuple(names) != self.names:
            odd = [each for each in names if each not in self.names]
            lost = [each for each in self.names if each not in names]
            what = (
                f"X has the column {odd[0]!r}, which the fit did not have"
                if odd
                else f"X lacks the column {lost[0]!r}, which the fit had"
                if lost
                else "X has the columns of the fit in another order"
            )
            raise ValueError(
                f"{what}: the feature names should match those that were passed during fit"
            )
        if n_columns != self.n_columns:
            raise ValueError(
                f"X has {n_columns} features, but {self.kind} is expecting {self.n_columns} "
                "features as input"
            )
