"""`Autoencoder`: a dense autoencoder as a scikit-learn transformer."""

from typing import Any, Self

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from ..basics.memory import TO_FIT, says_what_it_lacks
from ..data.blocks import blocks_of
from ..data.checks import check_dtype
from ..data.held_out import HeldOutEntries
from ..training.callbacks import check_callbacks
from .beside import NO_X_VAL, NOT_FOR_BLOCKS, given_beside, refuse_beside
from .block_fitting import checked_validation, fit_blocks
from .checkpoints import bind_checkpoints, open_checkpoint
from .constructors import AutoencoderParameters, DataParameters, LayerParameters, TrainingParameters
from .fit_warnings import warn_if_not_converged, warn_if_not_learning
from .fitted import FittedAutoencoder
from .fitting import (
    all_or_nothing,
    generator_of,
    held_out_rows,
    run,
    run_part,
    seen,
    weights_of,
    without,
)
from .held_out_entries import (
    holds_out_entries,
    split_entries,
    targets_of,
    warn_if_worse_than_biases,
)
from .parameters import OF_THE_CODE, sees_parts
from .records import check_parameters, with_parameters
from .starting import go_on, scale_on, start
from .tables import checked


@with_parameters
class TrainableAutoencoder(FittedAutoencoder, LayerParameters, TrainingParameters, DataParameters):
    """What autoencoders share that learn by going through a table: `fit` and `partial_fit`."""

    # --- learning ------------------------------------------------------------------------------

    @says_what_it_lacks(TO_FIT)
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        covariates: Any = None,
        size_factors: Any = None,
        X_val: Any = None,
        callbacks: Any = None,
        resume_from: Any = None,
    ) -> Self:
        """Learn to reconstruct X.

        Ctrl-C ends it early with a `KeyboardInterrupt`; what was learned so far can be used.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features), or Blocks
            A float32, float64 or uint8 array or memory map is not copied, whatever the scaling; nor
            is CSR, or ever made dense (but of ratings, ``scale='biases'``, the numbers are). A path
            is that of a Parquet file, a folder of them or a pattern. Blocks (see `ae_core.Blocks`)
            are read anew in each epoch, in an order that is drawn; rows are shuffled among those of
            two blocks. With ``early_stopping`` at most as many rows are held out as a block has, by
            a hash of their number.
        y : ignored
            Is there for scikit-learn's sake.
        sample_weight : array of shape (n_samples,), optional
            A row of weight 2 counts as that row twice. Only their ratios count: to `alpha`, which
            is divided by the number of rows, the smallest weight is one row if all others are whole
            multiples of it, and otherwise all together are as many as there are rows.
        covariates : array, DataFrame or Series of shape (n_samples, n_covariates), optional
            What is known of each row and not to be reconstructed, such as the batch that a cell is
            of: the encoder and the decoder are given it, so that the code need not say it (a
            conditional autoencoder: Sohn, Lee & Yan 2015). Of a DataFrame, flags and categories are
            one column each, and for each category; numbers are scaled. Every method then asks for
            those of its rows. A copy of X is made, with these beside it.
        size_factors : array of shape (n_samples,), optional
            With ``size_factors='given'``: how much was counted of each row, above 0.
        X_val : array, DataFrame or scipy.sparse matrix (n_validation, n_features), optional
            Rows to compute ``validation_loss_curve_`` of. With ``early_stopping`` they decide;
            without them, rows of X are held out for that, or, where entries are missing, entries.
            Not with covariates or size factors: hold out rows by ``early_stopping``.
        callbacks : list of callables, optional
            Each is called with an `ae_core.Progress` after every epoch; the fit ends when one
            returns True. See `ae_core.Checkpoint`.
        resume_from : str or path, optional
            A file that a `Checkpoint` wrote in a fit of the same model to the same data. The fit
            goes on from there, and ends at the same bits as one that was never interrupted.

        Returns
        -------
        self
            The estimator itself, fitted.

        Raises
        ------
        ValueError
            When a parameter, the data, or the checkpoint is not what it should be.
        NonFiniteLossError
            When the loss becomes infinite; says what to try.

        Warns
        -----
        ConvergenceWarning
            When a `tol`, or ``solver='lbfgs'``, asked for convergence, and the fit ended before it.
        NotLearningWarning
            When the model is hardly better than returning the column mean; or predicts held-out
            ratings worse than the biases of rows and columns do.
        """
        check_parameters(self)
        callbacks = check_callbacks(callbacks)
        blocks = blocks_of(X)
        beside_rows = {"covariates": covariates, "size_factors": size_factors}
        if blocks is not None or X_val is not None:
            refuse_beside(beside_rows, NOT_FOR_BLOCKS if blocks is not None else NO_X_VAL)
        if blocks is not None:
            with all_or_nothing(self, keeps_epochs=True):
                some = fit_blocks(self, blocks, sample_weight, X_val, callbacks, resume_from)
            warn_if_not_converged(self)
            warn_if_not_learning(self.network_, some)
            return self
        with all_or_nothing(self, keeps_epochs=True):
            is_fitted = self.warm_start and hasattr(self, "network_")
            X = checked(self, X, reset=not is_fitted)
            random = generator_of(self)
            weights = given_weights = weights_of(sample_weight, X)
            beside = given_beside(
                self, X.shape[0], **beside_rows, learns=not is_fitted, weights=weights
            )
            resume, held_out = open_checkpoint(
                resume_from, self, X, weights, beside, has_validation=X_val is not None
            )
            stops_early = self.early_stopping and X_val is None
            of_entries = stops_early and holds_out_entries(self, X)
            if held_out is None and of_entries:
                held_out = random.integers(2**31, size=1)  # a seed: entries may be many
            elif held_out is None and stops_early:
                held_out = held_out_rows(X.shape[0], self.validation_fraction, random)
            elif held_out is None:
                held_out = np.empty(0, dtype=np.int64)
            given, split = X, None
            if of_entries:
                split = split_entries(self, X, int(held_out[0]))
                given = split.given
            else:
                weights, held_out_weights = without(weights, held_out, X.shape[0])
            if is_fitted:
                go_on(self)
            else:
                start(self, given, weights, random, beside=beside)
            rows = seen(self, given, weights, beside=beside)
            validation: Any = None
            if X_val is not None:
                validation = seen(self, checked_validation(self, X_val), name="X_val")
            elif split is not None:
                validation = HeldOutEntries(rows, targets_of(split, rows, beside))
            elif len(held_out):
                validation = seen(self, X[held_out], held_out_weights, beside=beside.at(held_out))
            callbacks = bind_checkpoints(callbacks, self, X, given_weights, held_out, beside)
            run(self, rows, random, callbacks, validation, resume)
        warn_if_not_converged(self)
        # Ratings are judged by held-out entries: of those seen, a copy would be best.
        if split is None or not (
            warn_if_worse_than_biases(self, split, validation) or self._scale == "biases"
        ):
            warn_if_not_learning(self.network_, rows)
        return self

    @available_if(sees_parts)
    @says_what_it_lacks(TO_FIT)
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        covariates: Any = None,
        size_factors: Any = None,
    ) -> Self:
        """Go through X once, keeping what was learned before; for data that comes in parts.

        Each call takes its steps, whatever `tol` says, and costs what X has rows. One that fails
        leaves the model as it was. What `save` writes goes on to the same bits.

        Columns are scaled by the first 100 rows, so let them be typical. Of a column that was the
        same in all of these nothing is known yet: it is scaled by the first 100 rows from where it
        changes. Until then `shift_` and `factor_` change from call to call.

        The rate does not follow a cosine, which would need to know the end: it is constant then.
        Weights count among those of one call. `history_` has the last 5 000 to 10 000 losses, and
        in ``history_.n_dropped`` how many there were before.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features)
            The next rows, with the columns of the first call.
        y : ignored
            Is there for scikit-learn's sake.
        sample_weight : array of shape (n_samples,), optional
            A row of weight 2 counts as that row twice.
        covariates : array, DataFrame or Series of shape (n_samples, n_covariates), optional
            As of `fit`; what categories there are, and how numbers are scaled, is that of the first
            call.
        size_factors : array of shape (n_samples,), optional
            As of `fit`; the usual size is that of the first call.

        Returns
        -------
        self
            The estimator itself, one step through X further.

        Raises
        ------
        ValueError
            When a parameter or the data is not what it should be.
        AttributeError
            For ``early_stopping=True`` and for 'lbfgs', which need all rows at once.
        """
        check_parameters(self)
        with all_or_nothing(self):
            is_fitted = hasattr(self, "network_")
            X = checked(self, X, reset=not is_fitted)
            weights = weights_of(sample_weight, X)
            beside = given_beside(
                self, X.shape[0], covariates, size_factors, learns=not is_fitted, weights=weights
            )
            if is_fitted:
                scale_on(self, X, weights)
                self._learn_on(seen(self, X, weights, beside=beside))
                go_on(self)
            else:
                start(self, X, weights, generator_of(self), in_parts=True, beside=beside)
            run_part(self, seen(self, X, weights, beside=beside), self._stream)
        return self

    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        *,
        covariates: Any = None,
        size_factors: Any = None,
        **fit_params: Any,
    ) -> Any:
        """What `transform` gives of X after `fit` to it: the code (m, n_components) of its rows.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            As of `fit`.
        y : ignored
            Is there for scikit-learn's sake.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Of these rows, for both.
        size_factors : array of shape (m,), optional
            Of these rows, for both.
        **fit_params : dict
            Other arguments of `fit`.
        """
        both = {"covariates": covariates, "size_factors": size_factors}
        given = {name: each for name, each in both.items() if each is not None}
        return self.fit(X, y, **given, **fit_params).transform(X, **given)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        dtypes = ["float64", "float32"] if self.dtype is None else [str(check_dtype(self.dtype))]
        tags.transformer_tags.preserves_dtype = dtypes
        tags.input_tags.allow_nan = self.missing_values == "mask"
        tags.input_tags.sparse = self.scale != "minmax" or self.missing_values == "implicit"
        # An array of numbers is no DataFrame, and no sparse matrix.
        tags.input_tags.two_d_array = self.columns != "mixed" and self.missing_values != "implicit"
        tags.input_tags.categorical = tags.input_tags.string = self.columns == "mixed"
        return tags


@with_parameters
class Autoencoder(AutoencoderParameters, TrainableAutoencoder):
    """Learn a compressed representation of a table, and reconstruct it.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    network_ : ae_core.Network
        The fitted network. It works on scaled data.
    coefs_, intercepts_ : lists of arrays
        Weights (n_in, n_out) and biases (n_out,) of each layer, sharing memory with `network_`.
    shift_, factor_ : array of shape (n_features,) or None
        The network sees ``(X - shift_) * factor_``; of encoded columns where there is an encoding.
    encoding_ : ae_core.data.encoding.Encoding or None
        With ``columns='mixed'``: how a DataFrame becomes an array, and back.
    history_ : ae_core.History
    loss_curve_, validation_loss_curve_ : list of float
        Loss of each epoch: of the batches before their steps; of held-out rows after it.
    best_loss_ : float
        The smallest of the losses that are watched: the held-out ones, if there are any.
    n_iter_ : int
        Epochs of the last fit.
    n_features_in_ : int
    feature_names_in_ : array of str
        When X had column names.

    See Also
    --------
    VariationalAutoencoder : Learn a distribution: likelihoods, and new rows.
    AutoencoderOutlierDetector : Find unusual rows.
    AutoencoderImputer : Fill in missing entries.

    References
    ----------
    Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from ae_core import Autoencoder
    >>> X = load_digits().data
    >>> model = Autoencoder(n_components=8, max_iter=20, random_state=0).fit(X)
    >>> model.transform(X).shape
    (1797, 8)
    >>> model.reconstruct(X).shape
    (1797, 64)
    """

    def _network_options(self, n_features: int) -> dict[str, Any]:
        return {
            **super()._network_options(n_features),
            **{n: getattr(self, n) for n in OF_THE_CODE},
        }

    def _training_options(self) -> dict[str, Any]:
        return {**super()._training_options(), "max_fun": self.max_fun}
