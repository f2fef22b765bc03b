"""What a network of known parameters gives of rows: the reference's inference, without any noise.

Codes, reconstructions, errors and bounds on likelihoods.
"""

from typing import Any

import numpy as np

from .._typing import Array, RandomState
from ..basics.arguments import COUNT, shown
from ..data.checks import check_dtype, check_n_threads
from ..data.rows import Rows, as_rows
from ..formulas import latent as codes
from ..formulas import noise
from ..formulas.noise import Draw
from .architecture import Architecture
from .checks import check_drawn, check_inputs, check_key, check_params, check_targets
from .initialization import initial_params
from .output import element_losses, row_losses
from .passes import forward
from .trace import Trace


class InferringNetwork:
    """An architecture and its parameters, and what they give of rows."""

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
        return self._layer(X, self.architecture.n_layers)

    def encode(self, X: Any) -> Array:
        """The code (m, n_components) of X (m, n_columns); of a variational one, the mean.

        Parameters
        ----------
        X : array of shape (m, n_features) or Rows
            Rows, as the network sees them (scaled).
        """
        return self._layer(X, self.architecture.code_layer)

    def _layer(self, X: Any, last: int) -> Array:
        """What layer `last` gives of X."""
        return self._run(self._rows(X), last)

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

    def _run(self, rows: Rows, last: int, codes: Rows | None = None) -> Array:
        """What layer `last` gives of some rows, or of codes: (m, n_last)."""
        return np.ascontiguousarray(self._trace(rows, last, self._start(codes)).H[last])

    def _trace(self, rows: Rows, last: int, start: tuple[int, Array] | None) -> Trace:
        """The layers up to `last` on rows; with `start`, those after a layer and its output."""
        X = rows.take(slice(None), self.dtype)
        return forward(
            self.architecture, self.params, X, start=start, last=last, sizes=rows.row_size
        )

    def _start(self, codes: Rows | None) -> tuple[int, Array] | None:
        """The code's layer and its output, if there are codes; what is unseen of them is 0."""
        if codes is None:
            return None
        H = codes.take(slice(None), self.dtype)
        return self.architecture.code_layer, np.where(np.isnan(H), self.dtype.type(0), H)

    def _through(self, layer: int, rows: Rows) -> Trace:
        """A layer of which more is wanted than what it gives, on some rows."""
        return self._trace(rows, layer, (layer - 1, self._run(rows, layer - 1)))

    def _errors(self, rows: Rows, codes: Rows | None = None) -> Array:
        """The loss of each row, of its own reconstruction or beside those that codes stand for."""
        trace = self._trace(rows, self.architecture.n_layers, self._start(codes))
        return row_losses(self.architecture, trace)

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
