"""JAX: one jitted step with donated buffers, and many steps inside one `lax.scan`."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from problems import Problem

from . import BETA_1, BETA_2, EPSILON, LEARNING_RATE, NotExpressible, Peer

# A thread that runs what another queues gains nothing here, and costs 8 µs a call.
jax.config.update("jax_cpu_enable_async_dispatch", False)

ACTIVATIONS = {"logistic": jax.nn.sigmoid, "elu": jax.nn.elu, "identity": lambda z: z}
SCANNED_FLOPS = 2e9  # of one call of the scan: some tens of milliseconds


class Jitted(Peer):
    """One call per step."""

    distributions = ("jax", "jaxlib")

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.X = jnp.asarray(problem.X)
        params = [
            tuple(jnp.array(array) for array in layer if array is not None)
            for layer in problem.layers()
        ]
        zeros = partial(jax.tree.map, jnp.zeros_like)
        self.state = (params, zeros(params), zeros(params), jnp.float32(0))
        self.step = jax.jit(partial(adam_step, self.configuration), donate_argnums=0)
        self.run_forward = jax.jit(partial(forward, self.configuration))
        self.X_forward = jnp.array(self.forward_batch())

    def first_losses(self, n_steps: int) -> list[float]:
        """See `Peer`."""
        losses = []
        for step in range(n_steps):
            self.state, loss = self.step(self.state, self.X, self.batch_at(step).astype(np.int32))
            losses.append(float(loss))
        return losses

    def prepare(self, n_steps: int) -> int:
        """See `Peer`."""
        window = self.window(n_steps)
        order = self.shuffled(n_steps, window.stop - window.start) + window.start
        self.batches = [None] * n_steps if self.full_batch else order.astype(np.int32)
        return n_steps

    def train(self) -> None:
        """See `Peer`."""
        for rows in self.batches:
            self.state, _ = self.step(self.state, self.X, rows)
        jax.block_until_ready(self.state)

    def forward(self, n_calls: int) -> None:
        """See `Peer`."""
        params = self.state[0]
        for _ in range(n_calls):
            self.run_forward(params, self.X_forward).block_until_ready()


class Scanned(Jitted):
    """One call for many steps, for networks where a call costs more than a step."""

    kinds = ("train",)

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.n_scanned = int(min(1000, SCANNED_FLOPS / self.configuration.training_flops))
        if self.n_scanned < 2:
            raise NotExpressible("no use for lax.scan: a step is long")
        self.note = f"{self.n_scanned} steps a call"
        step = partial(adam_step, self.configuration)

        def scan(state, X, batches):
            return jax.lax.scan(lambda s, rows: step(s, X, rows), state, batches, self.n_scanned)

        self.scan = jax.jit(scan, donate_argnums=0)

    def prepare(self, n_steps: int) -> int:
        """See `Peer`."""
        n_calls = max(1, round(n_steps / self.n_scanned))
        n_steps = super().prepare(n_calls * self.n_scanned)
        self.calls = [None] * n_calls
        if not self.full_batch:
            shape = (n_calls, self.n_scanned, self.configuration.batch_size)
            self.calls = [jnp.asarray(batches) for batches in self.batches.reshape(shape)]
        return n_steps

    def train(self) -> None:
        """See `Peer`."""
        for batches in self.calls:
            self.state, _ = self.scan(self.state, self.X, batches)
        jax.block_until_ready(self.state)


def forward(configuration, params, X, logits=False):
    """The output (m, n_features), or the last layer's sums."""
    H = X
    for i, (layer, name) in enumerate(zip(params, configuration.activations, strict=True)):
        Z = H @ layer[0]
        if configuration.biases:
            Z = Z + layer[1]
        last = i == len(params) - 1
        H = Z if last and logits else ACTIVATIONS[name](Z)
    return H


def mean_loss(configuration, params, X):
    """Summed over features, averaged over rows."""
    if configuration.loss == "squared_error":
        losses = 0.5 * (forward(configuration, params, X) - X) ** 2
    else:
        Z = forward(configuration, params, X, logits=True)
        losses = jnp.maximum(Z, 0) - X * Z + jnp.log1p(jnp.exp(-jnp.abs(Z)))
    return losses.sum() / len(X)


def adam_step(configuration, state, X, rows):
    """One step of Adam on these rows of X (None: all): the new state, and the loss before it."""
    params, means, variances, n = state
    batch = X if rows is None else X.at[rows].get(mode="promise_in_bounds")
    loss, gradient = jax.value_and_grad(partial(mean_loss, configuration))(params, batch)
    n = n + 1
    means = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, means, gradient)
    variances = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g**2, variances, gradient)
    rate = LEARNING_RATE / (1 - BETA_1**n)
    scale = 1 / jnp.sqrt(1 - BETA_2**n)
    params = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) * scale + EPSILON), params, means, variances
    )
    return (params, means, variances, n), loss
