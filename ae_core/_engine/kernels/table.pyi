ACTIVATIONS: tuple[str, ...]
LOSSES: tuple[str, ...]
CORRUPTIONS: tuple[str, ...]
SOLVERS: tuple[str, ...]

def instruction_set() -> str: ...
