from ..._typing import Array

ACTIVATIONS: tuple[str, ...]
LOSSES: tuple[str, ...]
CORRUPTIONS: tuple[str, ...]
SOLVERS: tuple[str, ...]
ELEMENTARY: tuple[str, ...]
INSTRUCTION_SETS: tuple[str, ...]

def instruction_set() -> str: ...
def levels() -> int: ...
def elementary(name: str, x: Array, y: Array, level: int) -> None: ...
