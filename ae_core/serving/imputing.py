"""A saved imputer at work: what `Predictor` does of a file that holds one."""

from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import is_number
from ..data.encoding import Encoding
from ..data.frames import filled_frame, is_frame, some_columns, with_columns
from ..data.markers import says_nan, without_marker
from ..files.model_content import ModelFile
from .completing import completed_cells, completed_mixed
from .filling import is_marker, restore_filling, restore_indicated
from .tables import Columns

INDICATOR = "missingindicator_"
"""Prefix of the column names of scikit-learn's MissingIndicator."""

MARKED = "missing_values=nan takes it for missing; or "
"""Advice about NaN where a number is the marker of missing entries."""


def are_parameters(found: Any) -> bool:
    """Whether the parameters that are used here are valid ones of an imputer."""
    return (
        isinstance(found, dict)
        and is_marker(found.get("missing_values"))
        and all(
            isinstance(found.get(name, False), bool)
            for name in ("add_indicator", "keep_empty_features", "sample_posterior")
        )
    )


class Imputing:
    """What is needed to fill in tables, of a file and of the columns it is for.

    Parameters
    ----------
    file : ModelFile
    columns : Columns
        Of which NaN is missing.
    parameters : dict
        Of the estimator's constructor.

    Raises
    ------
    ModelFileError
        When the file does not describe an imputer, or one that draws.
    """

    def __init__(self, file: ModelFile, columns: Columns, parameters: dict[str, Any]) -> None:
        if parameters.get("sample_posterior", False):
            raise file.error(
                "sample_posterior=True: it fills in draws, which Predictor does not make; use "
                "ae_core.load"
            )
        self.columns, self.marker = columns, parameters.get("missing_values")
        self.is_number_marked = is_number(self.marker)
        """Whether a number stands for what is missing, and NaN is refused."""
        n_columns, encoding = columns.n_columns, columns.encoding
        self.encoding: Encoding | None = encoding
        self.filling = restore_filling(file, n_columns, encoding)
        keeps_empty = parameters.get("keep_empty_features", False)
        self.kept = np.ones(n_columns, bool) if keeps_empty else ~self.filling.is_empty
        self.indicated: Array | None = None
        if parameters.get("add_indicator", False):
            self.indicated = restore_indicated(file, n_columns)
        self.starts = np.arange(n_columns) if encoding is None else encoding.starts[:-1]
        names = columns.names or tuple(f"x{i}" for i in range(n_columns))
        self.names = [name for name, keeps in zip(names, self.kept, strict=True) if keeps]
        self.added_names = []
        if self.indicated is not None:
            self.added_names = [f"{INDICATOR}{names[i]}" for i in self.indicated]

    def transform(self, X: Any) -> Any:
        """X (m, n_columns) with what is missing of it filled in, as the estimator gives it.

        Of mappings a mapping of columns; of a mixed table that is no frame, too.
        """
        if not says_nan(self.marker) and (self.encoding is not None or not self.is_number_marked):
            X = self._unmarked(X)
        table = np.asarray(self.columns.numbers_of(X))
        if table.dtype.kind != "f":
            table = table.astype(np.float64)
        if self.encoding is None and self.is_number_marked:
            table = np.where(table == self.marker, table.dtype.type(np.nan), table)
        values = self.filling.predicted(table)
        added = None
        if self.indicated is not None:
            added = np.isnan(table[:, self.starts[self.indicated]]).astype(np.float64)
        if self.encoding is None:
            filled = np.where(np.isnan(table), values.astype(table.dtype), table)
            if not is_frame(X):
                filled = filled[:, self.kept]
                if self.columns.is_by_name(X):
                    return self._mapping(list(filled.T), added)
                return filled if added is None else np.hstack([filled, added])
            frame = filled_frame(X, table, filled)
        elif is_frame(X):
            frame = completed_mixed(X, self.encoding, values)
        else:
            cells = completed_cells(self.columns.cells_of(X), self.encoding, table, values)
            return self._mapping([cells[name] for name in self.names], added)
        frame = some_columns(frame, self.kept)
        return frame if added is None else with_columns(frame, added, self.added_names)

    def _unmarked(self, X: Any) -> Any:
        """X with None, or NaN, in place of the marker."""
        if not self.columns.is_by_name(X):
            return without_marker(X, self.marker)
        return {
            name: [None if cell == self.marker else cell for cell in column]
            for name, column in self.columns.cells_of(X).items()
        }

    def _mapping(self, columns: list[Array], added: Array | None) -> dict[str, Array]:
        """Columns (m,) by the names of the output, and after them the indicators."""
        all_columns = [*columns, *([] if added is None else added.T)]
        return dict(zip([*self.names, *self.added_names], all_columns, strict=True))
