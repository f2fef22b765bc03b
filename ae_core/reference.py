"""The definition: a dense autoencoder in NumPy, written to be read.

The compiled `ae_core.Network` must agree with this file to rounding. If you want to learn
backpropagation, read `forward`, then `backward`: they are the same loop, there and back.

Notation, for a batch of m samples and layers 1 … L:

    H[0] = X                                      (m, n_features)
    Z[l] = H[l-1] @ W[l] + b[l]                   (m, n_l)      the sums
    H[l] = f_l(Z[l])                              (m, n_l)      the activations
    X_hat = H[L]                                  (m, n_features)
    loss = sum over samples and features of loss(X, X_hat), divided by m

Where samples have weights w (m,), the mean is a weighted one: each counts by its share w / sum(w).

The gradient needs one more quantity per layer, the *delta*: how the loss changes with the sums.

    delta[l] = ∂loss / ∂Z[l]                      (m, n_l)
    ∂loss / ∂W[l] = H[l-1].T @ delta[l]           (n_{l-1}, n_l)
    ∂loss / ∂b[l] = sum of delta[l] over samples  (n_l,)
    delta[l-1] = (delta[l] @ W[l].T) * f'(Z[l-1])

Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating errors", eqs 4–7.
Note that every row has a delta of its own: f' is taken of the whole (m, n_l) array. Taking it of
the first row for all is the bug of `examples/column_mean.py`.
"""

from typing import Any, NamedTuple

import numpy as np

from ._typing import Array, RandomState
from .activations import ACTIVATIONS
from .architecture import Architecture
from .initialization import initial_params
from .losses import LOSSES
from .rows import Rows, as_rows, check_targets
from .solvers import Solver, SolverState
from .validation import check_dtype, check_n_threads, check_params, check_steps


class Trace(NamedTuple):
    """What the forward pass leaves for the backward pass."""

    H: list[Array]
    """Activations: H[0] is the input (m, n_features), H[l] the output of layer l (m, n_l)."""
    Z: Array
    """The last layer's sums (m, n_features): the logits, which some losses are taken of."""


def forward(architecture: Architecture, params: Array, X: Array) -> Trace:
    """Run every layer on X (m, n_features) and keep what each one gave."""
    H = [X]
    for (W, b), name in zip(architecture.layers(params), architecture.activations, strict=True):
        Z = H[-1] @ W  # (m, n_l)
        if b is not None:
            Z = Z + b
        H.append(ACTIVATIONS[name].function(Z))  # (m, n_l)
    return Trace(H, Z)


def backward(
    architecture: Architecture, params: Array, trace: Trace, sample_weight: Array
) -> Array:
    """The gradient (n_params,) of the mean loss, from what `forward` kept."""
    H = trace.H
    gradient = np.zeros_like(params)
    gradients = architecture.layers(gradient)
    share = (sample_weight / sample_weight.sum()).astype(params.dtype)  # (m,)
    delta = output_delta(architecture, trace) * share[:, None]  # (m, n_features)
    for layer in range(architecture.n_layers, 0, -1):
        W_gradient, b_gradient = gradients[layer - 1]
        # += because a tied weight is used twice and its gradient is the sum of both; for the
        # decoder W_gradient is the encoder's array transposed, so each part lands where it belongs.
        W_gradient += H[layer - 1].T @ delta  # (n_in, n_out)
        if b_gradient is not None:
            b_gradient += delta.sum(axis=0)  # (n_out,)
        if layer > 1:
            W = architecture.layers(params)[layer - 1].weights
            derivative = ACTIVATIONS[architecture.activations[layer - 2]].derivative
            delta = (delta @ W.T) * derivative(H[layer - 1])  # (m, n_in)
    return gradient


def output_delta(architecture: Architecture, trace: Trace) -> Array:
    """∂(loss of each row) / ∂(the last layer's sums), (m, n_features)."""
    X, X_hat = trace.H[0], trace.H[-1]
    loss = LOSSES[architecture.loss]
    if loss.from_logits:
        return loss.gradient(X, trace.Z)
    return loss.gradient(X, X_hat) * ACTIVATIONS[architecture.activations[-1]].derivative(X_hat)


def row_losses(architecture: Architecture, trace: Trace) -> Array:
    """The loss of each row, summed over features: (m,)."""
    return np.asarray(element_losses(architecture, trace).sum(axis=1))


def element_losses(architecture: Architecture, trace: Trace) -> Array:
    """The loss of each entry: (m, n_features)."""
    loss = LOSSES[architecture.loss]
    return loss.function(trace.H[0], trace.Z if loss.from_logits else trace.H[-1])


def penalty(architecture: Architecture, params: Array, sample_weight: Array) -> tuple[float, Array]:
    """The L2 penalty on the weights, ½ α Σ W² / Σ w, and its gradient (n_params,).

    As in scikit-learn's `MLPRegressor`: the more samples, the less it counts. Biases go free.
    """
    strength = architecture.alpha / sample_weight.sum()
    gradient = np.zeros_like(params)
    squares = 0.0
    for name, W in architecture.views(params).items():
        if name.startswith("W"):
            squares += float(np.square(W, dtype=np.float64).sum())
            architecture.views(gradient)[name][...] = strength * W
    return 0.5 * strength * squares, gradient


class Network:
    """A dense autoencoder: an architecture and a flat parameter vector.

    The NumPy reference. Its compiled twin has the same constructor and methods.

    Parameters
    ----------
    architecture : Architecture
    params : array of shape (n_params,), optional
        Parameters to start from; drawn when absent. Used as it is when it already is contiguous and
        of the right dtype, so that the caller's array changes as the network learns.
    dtype : {'float64', 'float32'}
        What the parameters and every computation are in.
    initialization : {'glorot', 'he', 'uniform'}
        How to draw parameters: see `ae_core.initialization`.
    random_state : None, int, Generator or RandomState
        For drawing parameters.
    n_threads : int, optional
        For the compiled twin; here NumPy decides.

    Attributes
    ----------
    params : array of shape (n_params,)
        Every weight and bias, laid out as `Architecture.blocks` says.

    Raises
    ------
    ValueError
        When an argument is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core import Architecture
    >>> from ae_core.reference import Network
    >>> X = np.random.default_rng(0).random((10, 6))
    >>> network = Network(Architecture.symmetrical((6, 4, 2)), random_state=0)
    >>> network.encode(X).shape
    (10, 2)
    >>> loss, gradient = network.loss_and_gradient(X)
    >>> gradient.shape == network.params.shape
    True
    """

    def __init__(
        self,
        architecture: Architecture,
        params: Any = None,
        *,
        dtype: Any = np.float64,
        initialization: str = "glorot",
        random_state: RandomState = None,
        n_threads: int | None = None,
    ) -> None:
        if not isinstance(architecture, Architecture):
            raise ValueError(f"architecture={architecture!r}: must be an ae_core.Architecture")
        self.architecture = architecture
        self.dtype = check_dtype(dtype)
        if params is None:
            params = initial_params(architecture, initialization, random_state)
        self.params = check_params(params, architecture, self.dtype)
        self.n_threads = check_n_threads(n_threads)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.architecture.layer_sizes))
        return f"<{type(self).__module__}.Network {sizes}, {self.params.size} params, {self.dtype}>"

    @property
    def weights(self) -> dict[str, Array]:
        """The parameters by name (``W1``, ``b1``, …), sharing memory with `params`."""
        return self.architecture.views(self.params)

    def forward(self, X: Any) -> Array:
        """The reconstruction X_hat (m, n_features) of X (m, n_features)."""
        return self._run(self._rows(X), 0, self.architecture.n_layers)

    def encode(self, X: Any) -> Array:
        """The code (m, n_components) of X (m, n_features)."""
        return self._run(self._rows(X), 0, self.architecture.code_layer)

    def decode(self, code: Any) -> Array:
        """The reconstruction (m, n_features) that a code (m, n_components) stands for.

        Raises
        ------
        ValueError
            When the code is not a finite (m, n_components) array.
        """
        n_components = self.architecture.n_components
        rows = as_rows(code, n_components, self.dtype, name="code", columns="components")
        return self._run(rows, self.architecture.code_layer, self.architecture.n_layers)

    def reconstruction_errors(self, X: Any) -> Array:
        """The loss of each row, summed over its features: (m,). Takes no notice of weights."""
        X = self._rows(X, compared=True).take(slice(None), self.dtype)
        return row_losses(self.architecture, forward(self.architecture, self.params, X))

    def feature_errors(self, X: Any) -> Array:
        """The loss of each entry of X: (m, n_features). Each row's sum is its loss."""
        rows, architecture = self._rows(X, compared=True), self.architecture
        H = self._run(rows, 0, architecture.n_layers - 1)  # (m, units of the last hidden layer)
        W, b = architecture.layers(self.params)[-1]
        Z = H @ W if b is None else H @ W + b  # (m, n_features)
        X_hat = ACTIVATIONS[architecture.activations[-1]].function(Z)
        return element_losses(architecture, Trace([rows.take(slice(None), self.dtype), X_hat], Z))

    def loss(self, X: Any, *, params: Any = None) -> float:
        """The loss of X (m, n_features): `reconstruction_errors` averaged, and the penalty."""
        return self._objective(self._rows(X, compared=True), self._params(params), False)[0]

    def loss_and_gradient(self, X: Any, *, params: Any = None) -> tuple[float, Array]:
        """The loss of X and its gradient with respect to the flat parameter vector.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
        params : array of shape (n_params,), optional
            Where to evaluate; by default at the network's own parameters.

        Returns
        -------
        loss : float
        gradient : array of shape (n_params,)

        Raises
        ------
        ValueError
            When X or params has the wrong shape or dtype, or X is not finite.
        """
        return self._objective(self._rows(X, compared=True), self._params(params), True)

    def train_steps(
        self,
        X: Any,
        order: Array,
        batch_size: int,
        solver: Solver,
        state: SolverState,
        rates: Array,
    ) -> Array:
        """Take one solver step per batch of rows, changing `params` and `state` in place.

        Stops before the first step whose loss is not finite, so that the parameters of the step
        before are kept.

        Parameters
        ----------
        X : array of shape (n_samples, n_features) or Rows
        order : array of int, shape (n_rows,)
            Which rows to visit, in this order; batch i is the i-th run of `batch_size` of them
            (the last may be shorter). Rows may come more than once.
        batch_size : int
        solver : Solver
        state : SolverState
            As `solver.start` or an earlier call left it.
        rates : array of shape (n_steps,)
            The learning rate of each step, where n_steps is n_rows / batch_size rounded up.

        Returns
        -------
        losses : array of shape (n_steps,)
            The loss of each batch before its step; from the first that is not finite on, NaN or
            infinite.
        """
        rows = self._rows(X, compared=True)
        order = check_steps(order, batch_size, rates, len(rows), solver, state)
        rows.batch_weights(order, batch_size)  # none may be zero
        losses = np.full(len(rates), np.nan)
        for step, rate in enumerate(rates):
            batch = order[step * batch_size : (step + 1) * batch_size]
            losses[step], gradient = self._objective(rows, self.params, True, batch)
            if not np.isfinite(losses[step]):
                break
            self.params[...] = solver.step(self.params, gradient, state, self.dtype.type(rate))
        return losses

    def _objective(
        self, rows: Rows, params: Array, wants_gradient: bool, which: Any = slice(None)
    ) -> tuple[float, Array]:
        """The loss of those rows, and its gradient (n_params,) or nothing."""
        architecture, sample_weight = self.architecture, rows.weights(which)  # (m,)
        trace = forward(architecture, params, rows.take(which, self.dtype))
        loss = float(np.average(row_losses(architecture, trace), weights=sample_weight))
        gradient = np.empty(0, self.dtype)
        if wants_gradient:
            gradient = backward(architecture, params, trace, sample_weight)
        if architecture.alpha:
            extra, extra_gradient = penalty(architecture, params, sample_weight)
            loss += extra
            if wants_gradient:
                gradient += extra_gradient
        return loss, gradient

    def _run(self, rows: Rows, start: int, stop: int) -> Array:
        """The layers after `start` up to and including `stop`, on rows (m, n_start)."""
        H = rows.take(slice(None), self.dtype)
        layers = self.architecture.layers(self.params)
        for (W, b), name in zip(
            layers[start:stop], self.architecture.activations[start:stop], strict=True
        ):
            Z = H @ W
            H = ACTIVATIONS[name].function(Z if b is None else Z + b)
        return H

    def _rows(self, X: Any, compared: bool = False) -> Rows:
        rows = as_rows(X, self.architecture.n_features, self.dtype)
        if compared:
            check_targets(rows, self.architecture)
        return rows

    def _params(self, params: Any) -> Array:
        return (
            self.params if params is None else check_params(params, self.architecture, self.dtype)
        )
