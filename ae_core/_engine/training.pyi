from .._typing import Array
from .plan import Plan

def train_steps(
    plan: Plan,
    params: Array,
    X: Array,
    order: Array,
    batch_size: int,
    solver: str,
    memory: list[Array],
    constants: Array,
    losses: Array,
    done: Array,
    n_threads: int,
) -> None: ...
def loss_and_gradient(
    plan: Plan, params: Array, X: Array, gradient: Array, n_threads: int
) -> float: ...
