"""The reference: a dense autoencoder in NumPy. Its passes are to be read: `ae_core.network.passes`.

The compiled `ae_core.Network` must agree with this file to rounding.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import Array, RandomState
from ..basics.arguments import COUNT, shown
from ..data.checks import check_dtype, check_n_threads
from ..data.rows import Rows, as_rows
from ..formulas import latent as codes
from ..formulas import noise
from ..formulas.corruption import corruption_of
from ..formulas.noise import Draw
from .architecture import Architecture
from .checks import (
    check_drawn,
    check_draws,
    check_inputs,
    check_key,
    check_params,
    check_steps,
    check_targets,
)
from .initialization import initial_params
from .output import element_losses, row_losses
from .passes import forward, objective
from .trace import Trace

if TYPE_CHECKING:
    from ..formulas.solvers import Solver, SolverState

__all__ = ["Network"]


class Network:
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
            raise ValueError(f"architecture={shown(architecture)}: must be an ae_core.Architecture")
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

    # --- inference: nothing is spoiled, hidden or drawn ---------------------------------------

    def forward(self, X: Any) -> Array:
        """The reconstruction X_hat (m, n_features) of X (m, n_columns).

        A table has n_columns columns: features, and after them covariates, if there are any.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        """
        return self._run(self._rows(X), self.architecture.n_layers)

    def encode(self, X: Any) -> Array:
        """The code (m, n_components) of X (m, n_columns); of a variational one, the mean.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        """
        return self._run(self._rows(X), self.architecture.code_layer)

    def decode(self, code: Any, covariates: Any = None) -> Array:
        """The reconstruction (m, n_features) that a code (m, n_components) stands for.

        Parameters
        ----------
        code : array of shape (m, n_components)
            Codes, as `encode` gives them.
        covariates : array of shape (m, n_covariates) or Rows, optional
            What the decoder is given beside the code, where the architecture has any: the last
            columns of the rows, scaled as they are.

        Raises
        ------
        ValueError
            When one of them is not a finite array of its shape.
        """
        codes = self._codes(code)
        return self._run(
            self._covariates(covariates, len(codes)), self.architecture.n_layers, codes
        )

    def posterior(self, X: Any) -> tuple[Array, Array]:
        """Mean and log-variance (m, n_components) of the code of X, where it is variational.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).

        Raises
        ------
        ValueError
            When it is not.
        """
        c = self.architecture.code_layer
        if not self.architecture.variational:
            raise ValueError("this network is not variational: its codes have no distribution")
        trace = self._through(c, self._rows(X))
        return np.ascontiguousarray(trace.H[c]), np.ascontiguousarray(trace.log_variance)

    def reconstruction_errors(self, X: Any) -> Array:
        """The loss of each row, summed over its features: (m,). Takes no notice of weights.

        Where entries are unseen, the mean over the others times the number of features.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        """
        rows = self._rows(X, compared=True)
        return self._per_whole_row(self._errors(rows), rows)

    def decoding_errors(self, code: Any, X: Any) -> Array:
        """The loss of each row of X (m, n_features) beside what codes (m, n_components) stand for.

        Summed over what is seen: (m,).

        Parameters
        ----------
        code : array of shape (m, n_components)
            Codes, as `encode` gives them.
        X : array of shape (m, n_features) or Rows
            What they are compared with.
        """
        codes, rows = self._codes(code), self._rows(X, compared=True)
        if len(codes) != len(rows):
            raise ValueError(f"code has {len(codes)} rows, and X has {len(rows)}")
        return self._errors(rows, codes)

    def bound(self, X: Any, *, n_draws: int = 1, noise_key: int = 0) -> Array:
        """A lower bound on the log-likelihood of each row, up to the loss's constant: (m,) float64.

        For one draw the evidence lower bound (Kingma & Welling 2014, eq. 3), with the divergence in
        closed form; for more, the importance-weighted bound (Burda, Grosse & Salakhutdinov 2016,
        eq. 8), which is nearer to the likelihood the more there are. What is drawn for a row
        depends on what is in it, not on where it stands: in any order, rows have the same bounds.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        n_draws : int
            Codes that are drawn for each row.
        noise_key : int
            Of the draws.

        Raises
        ------
        ValueError
            When the network is not variational, or n_draws below 1.
        """
        n_draws, noise_key = COUNT("n_draws", n_draws), check_key(noise_key)
        rows = self._rows(X, compared=True)
        mean, log_variance = self.posterior(rows)
        prints = rows.fingerprints()
        total = np.full(len(rows), -np.inf)
        for i in range(n_draws):
            draw = Draw(noise.noise_key(noise_key, i), prints)
            epsilon = noise.normals(draw, noise.SAMPLE, mean.shape[1]).astype(self.dtype)
            with np.errstate(over="ignore", invalid="ignore"):  # a row may be beyond all likelihood
                Z = codes.sample(mean, log_variance, epsilon)  # (m, k)
                check_drawn(Z, rows)
                log_likelihood = -self.decoding_errors(Z, rows).astype(np.float64)
                if n_draws == 1:
                    return np.asarray(log_likelihood - codes.divergence(mean, log_variance))
            log_ratio = codes.log_normal(Z, np.zeros_like(Z), np.zeros_like(Z))
            log_ratio = log_ratio - codes.log_normal(Z, mean, log_variance)
            total = np.logaddexp(total, log_likelihood + log_ratio)
        return np.asarray(total - np.log(n_draws))

    def validation_errors(self, X: Any) -> Array:
        """What training makes small of each row, without penalties on weights and codes: (m,).

        The loss of its reconstruction; where the network is variational, the loss of what a drawn
        code stands for, and β times the divergence: for β = 1, minus the `bound`.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        """
        rows, beta = self._rows(X, compared=True), self.architecture.beta
        if not self.architecture.variational:
            return self.reconstruction_errors(rows)
        errors = -self.bound(rows)
        if beta != 1:
            errors = errors + (beta - 1) * codes.divergence(*self.posterior(rows))
        return self._per_whole_row(errors, rows)

    def feature_errors(self, X: Any) -> Array:
        """The loss of each entry of X, 0 for unseen ones: (m, n_features).

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        """
        trace = self._through(self.architecture.n_layers, self._rows(X, compared=True))
        return element_losses(self.architecture, trace)

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
        return self._objective(
            self._rows(X, compared=True),
            self._params(params),
            False,
            noise_key=check_key(noise_key),
        )[0]

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
        """
        return self._objective(
            self._rows(X, compared=True),
            self._params(params),
            True,
            noise_key=check_key(noise_key),
        )

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

    def _run(self, rows: Rows, last: int, codes: Rows | None = None) -> Array:
        """What layer `last` gives of some rows, or of codes: (m, n_last)."""
        return np.ascontiguousarray(self._trace(rows, last, codes).H[last])

    def _trace(self, rows: Rows, last: int, codes: Rows | None = None) -> Trace:
        """The layers up to `last` on some rows, or from codes on beside what the rows have."""
        X = rows.take(slice(None), self.dtype)
        start = None
        if codes is not None:
            H = codes.take(slice(None), self.dtype)
            start = self.architecture.code_layer, np.where(np.isnan(H), self.dtype.type(0), H)
        return forward(
            self.architecture, self.params, X, start=start, last=last, sizes=rows.row_size
        )

    def _through(self, layer: int, rows: Rows) -> Trace:
        """A layer of which more is wanted than what it gives, on some rows."""
        X, below = rows.take(slice(None), self.dtype), self._run(rows, layer - 1)
        start = layer - 1, below
        return forward(
            self.architecture, self.params, X, start=start, last=layer, sizes=rows.row_size
        )

    def _errors(self, rows: Rows, codes: Rows | None = None) -> Array:
        """The loss of each row, of its own reconstruction or beside those that codes stand for."""
        return row_losses(self.architecture, self._trace(rows, self.architecture.n_layers, codes))

    def _per_whole_row(self, errors: Array, rows: Rows) -> Array:
        """What a row's loss would be, if what is unseen of it were as what is seen; 0 for none."""
        if rows.seen is None:
            return errors
        seen = np.where(rows.seen > 0, rows.seen, 1)
        return (errors / seen).astype(self.dtype)

    def _rows(self, X: Any, compared: bool = False) -> Rows:
        architecture = self.architecture
        n_covariates = architecture.n_covariates
        rows = as_rows(X, architecture.n_features, self.dtype, n_covariates=n_covariates)
        check_inputs(rows, architecture)
        if compared:
            check_targets(rows, architecture)
        return rows

    def _codes(self, code: Any) -> Rows:
        n_components = self.architecture.n_components
        return as_rows(code, n_components, self.dtype, name="code", columns="components")

    def _covariates(self, covariates: Any, n_rows: int) -> Rows:
        """What the decoder is given beside codes, as rows of n_covariates columns, maybe none."""
        n = self.architecture.n_covariates
        if covariates is None and n:
            raise ValueError(
                f"covariates=None: the decoder is given {n} covariates beside the code, so an "
                f"array of shape ({n_rows}, {n}) is needed"
            )
        if covariates is None:
            return Rows.of_plain(np.empty((n_rows, 0), self.dtype))
        if not n:
            raise ValueError("covariates are given, and this network has none")
        rows = as_rows(covariates, n, self.dtype, name="covariates", columns="columns")
        if len(rows) != n_rows:
            raise ValueError(f"code has {n_rows} rows, and covariates has {len(rows)}")
        return rows

    def _params(self, params: Any) -> Array:
        return (
            self.params if params is None else check_params(params, self.architecture, self.dtype)
        )


_NO_LIMITS = (np.empty(0), np.empty(0))
"""Of a corruption that does not ask for them: finding them takes a pass over the data."""
