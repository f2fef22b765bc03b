from .._typing import Array

ELEMENTARY: tuple[str, ...]

def cut_by_columns_from(work: float) -> float: ...
def levels() -> int: ...
def gemm(
    a: Array,
    b: Array,
    c: Array,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    beta: float = 0.0,
) -> None: ...
def product(
    form: str, a: Array, b: Array, c: Array, level: int, accumulate: bool = False
) -> None: ...
def elementary(name: str, x: Array, y: Array, level: int) -> None: ...
