from typing import Any, Self

from .._typing import Array

class Plan:
    def __new__(
        cls,
        layers: list[tuple[int, int, int, str, bool, int, int, int, int]],
        groups: list[Any],
        own: int,
        n_own: int,
        feature_weights: Array | None,
        family: dict[str, Any],
        tables: list[Array],
    ) -> Self: ...
    def describe(self, n_rows: int, itemsize: int) -> tuple[int, int, bool, bool]: ...
