ACTIVATIONS: tuple[str, ...]
LOSSES: tuple[str, ...]
CORRUPTIONS: tuple[str, ...]
SOLVERS: tuple[str, ...]
INSTRUCTION_SETS: tuple[str, ...]

def instruction_set() -> str: ...
