from typing import Self

from .._typing import Array

class Rows:
    def __new__(
        cls,
        X: Array,
        shift: Array | None = None,
        factor: Array | None = None,
        sample_weight: Array | None = None,
        clip: bool = False,
        has_missing: bool = False,
        starts: Array | None = None,
        columns: Array | None = None,
        n_columns: int = 0,
        implicit: bool = False,
        sizes: Array | None = None,
    ) -> Self: ...
    def is_finite(self) -> bool: ...
