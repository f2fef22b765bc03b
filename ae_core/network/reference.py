"""The reference: a dense autoencoder in NumPy, the definition.

What it gives of rows stands in `inference`; its passes, which are to be read, in
`ae_core.network.passes`. The compiled `ae_core.Network` must agree with these to rounding.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..formulas.corruption import corruption_of
from ..formulas.noise import Draw
from .checks import check_draws, check_key, check_params, check_steps
from .inference import InferringNetwork
from .passes import forward, objective

if TYPE_CHECKING:
    from ..formulas.solvers import Solver, SolverState

__all__ = ["Network"]


class Network(InferringNetwork):
    """A dense autoencoder: an architecture and a flat parameter vector.

    The NumPy reference. Its compiled twin has the same constructor and methods.

    Parameters
    ----------
    architecture : Architecture
        Layers, activations and loss.
    params : array of shape (n_params,), optional
        Parameters to start from; drawn when absent. Used as it is when it already is contiguous and
        of the right dtype, so that the caller's array changes as the network learns.
    dtype : {'float64', 'float32'}
        What the parameters and every computation are in.
    initialization : {'glorot', 'he', 'uniform'}
        How to draw parameters: see `ae_core.network.initialization`.
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

    # --- what training makes small ------------------------------------------------------------

    def loss(self, X: Any, *, params: Any = None, noise_key: int = 0) -> float:
        """What training makes small: the mean of the rows' losses, and all penalties.

        With the noise of training, if there is any: the same for the same `noise_key`. For a plain
        network it is the mean of `reconstruction_errors`, and the penalty on weights.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        params : array of shape (n_params,), optional
            Where to evaluate; by default at the network's own parameters.
        noise_key : int
            Which noise to take, where training has any; of `ae_core.formulas.noise.noise_key`.
        """
        return self._objective_of_all(X, params, False, noise_key)[0]

    def loss_and_gradient(
        self, X: Any, *, params: Any = None, noise_key: int = 0
    ) -> tuple[float, Array]:
        """The loss of X and its gradient with respect to the flat parameter vector.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        params : array of shape (n_params,), optional
            Where to evaluate; by default at the network's own parameters.
        noise_key : int
            Which noise to take, where training has any; of `ae_core.formulas.noise.noise_key`.

        Returns
        -------
        loss : float
            Summed over columns, averaged over rows, with penalties.
        gradient : array of shape (n_params,)
            Its derivative by each parameter.

        Raises
        ------
        ValueError
            When X or params has the wrong shape or dtype, or X is not finite.
        MemoryError
            When there is no room for the activations of all rows.
        """
        return self._objective_of_all(X, params, True, noise_key)

    def _objective_of_all(
        self, X: Any, params: Any, wants_gradient: bool, noise_key: int
    ) -> tuple[float, Array]:
        """The loss of all rows, and its gradient (n_params,) or nothing."""
        rows, params = self._rows(X, compared=True), self._params(params)
        return self._objective(rows, params, wants_gradient, noise_key=check_key(noise_key))

    def train_steps(
        self,
        X: Any,
        order: Array,
        batch_size: int,
        solver: "Solver",
        state: "SolverState",
        rates: Array,
        noise_keys: Array | None = None,
        annealing: Array | None = None,
    ) -> Array:
        """Take one solver step per batch of rows, changing `params` and `state` in place.

        Stops before the first step whose loss is not finite, so that the parameters of the step
        before are kept.

        Parameters
        ----------
        X : array of shape (n_samples, n_features) or Rows
            Rows, as the network sees them (scaled).
        order : array of int, shape (n_rows,)
            Which rows to visit, in this order; batch i is the i-th run of `batch_size` of them
            (the last may be shorter). Rows may come more than once.
        batch_size : int
            Rows of a step.
        solver : Solver
            What makes a step of a gradient.
        state : SolverState
            As `solver.start` or an earlier call left it.
        rates : array of shape (n_steps,)
            The learning rate of each step, where n_steps is n_rows / batch_size rounded up.
        noise_keys : array of uint64, shape (n_steps,), optional
            The key of each step's noise: see `ae_core.formulas.noise.noise_key`. By default 0.
        annealing : array of shape (n_steps,), optional
            What the weight of a variational code's divergence is multiplied with. By default 1.

        Returns
        -------
        losses : array of shape (n_steps,)
            The loss of each batch before its step; from the first that is not finite on, NaN or
            infinite.
        """
        rows = self._rows(X, compared=True)
        order = check_steps(order, batch_size, rates, len(rows), solver, state)
        noise_keys, annealing = check_draws(noise_keys, annealing, len(rates))
        rows.batch_counts(order, batch_size)  # none may be zero
        losses = np.full(len(rates), np.nan)
        for step, rate in enumerate(rates):
            batch = order[step * batch_size : (step + 1) * batch_size]
            losses[step], gradient = self._objective(
                rows, self.params, True, batch, int(noise_keys[step]), annealing[step]
            )
            if not np.isfinite(losses[step]):
                break
            self.params[...] = solver.step(self.params, gradient, state, self.dtype.type(rate))
        return losses

    def _objective(
        self,
        rows: Rows,
        params: Array,
        wants_gradient: bool,
        which: Any = slice(None),
        noise_key: int = 0,
        annealing: float = 1.0,
    ) -> tuple[float, Array]:
        """The loss of those rows, and its gradient (n_params,) or nothing."""
        architecture = self.architecture
        draw = Draw(noise_key, np.arange(len(rows))[which]) if architecture.is_noisy else None
        needs_limits = corruption_of(architecture.corruption).needs_limits
        limits = rows.input_limits if needs_limits else _NO_LIMITS
        X = rows.take(which, self.dtype)  # (m, n_features)
        sizes = None if rows.row_size is None else rows.row_size[which]
        trace = forward(architecture, params, X, draw, limits, sizes=sizes)
        weights, count = rows.weights(which), rows.total_count(which)
        return objective(architecture, params, trace, weights, count, annealing, wants_gradient)

    def _params(self, params: Any) -> Array:
        return (
            self.params if params is None else check_params(params, self.architecture, self.dtype)
        )


_NO_LIMITS = (np.empty(0), np.empty(0))
"""Of a corruption that does not ask for them: finding them takes a pass over the data."""
