from .._typing import Array
from .plan import Plan
from .rows import Rows

def run_layers(
    plan: Plan,
    params: Array,
    rows: Rows,
    result: Array,
    first_layer: int,
    last_layer: int,
    wants_losses: bool,
    n_threads: int,
    table: Rows | None = None,
) -> None: ...
