from .._typing import Array
from .plan import Plan

def run_layers(
    plan: Plan,
    params: Array,
    X: Array,
    result: Array,
    first_layer: int,
    last_layer: int,
    wants_losses: bool,
    n_threads: int,
) -> None: ...
