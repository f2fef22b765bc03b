from .._typing import Array
from .plan import Plan
from .rows import Rows

def train_steps(
    plan: Plan,
    params: Array,
    rows: Rows,
    order: Array,
    batch_size: int,
    solver: str,
    memory: list[Array],
    constants: Array,
    losses: Array,
    done: Array,
    n_threads: int,
    counts: Array | None = None,
    keys: Array | None = None,
    annealing: Array | None = None,
    low: Array | None = None,
    high: Array | None = None,
    average: Array | None = None,
    clip_norm: float = 0,
) -> None: ...
def loss_and_gradient(
    plan: Plan,
    params: Array,
    rows: Rows,
    gradient: Array,
    n_threads: int,
    counts: Array | None = None,
    keys: Array | None = None,
    low: Array | None = None,
    high: Array | None = None,
) -> float: ...
