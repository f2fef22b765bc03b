from typing import Self

from .._typing import Array
from .plan import Plan
from .rows import Rows

class Detector:
    n_columns: int
    n_members: int
    n_weights: int
    needs_blas: bool
    def __new__(
        cls,
        members: list[tuple[Plan, Array, Array, Array, Array, Array, Array, Array, float]],
        scaling: tuple[Array, Array, Array, Array] | None,
        changed: float,
    ) -> Self: ...
    def scores(self, rows: Rows, result: Array, n_threads: int) -> None: ...
    def distances(self, rows: Rows, result: Array, n_threads: int) -> None: ...
    def score_one(self, X: Array, has_missing: bool) -> float | None: ...
