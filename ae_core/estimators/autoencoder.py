"""`Autoencoder`: a dense autoencoder as a scikit-learn transformer."""

from typing import Any, Self

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from .._typing import RandomState
from ..data.checks import check_dtype
from ..training.callbacks import check_callbacks
from ..training.progress import TrainingState
from .checkpoints import bind_checkpoints, open_checkpoint
from .fitted import FittedAutoencoder
from .fitting import (
    checked,
    generator_of,
    go_on,
    held_out_rows,
    run,
    seen,
    start,
    warn_if_not_learning,
    weights_of,
    without,
)
from .parameters import check_fractions, sees_parts


class Autoencoder(FittedAutoencoder):
    """Learn a compressed representation of a table, and reconstruct it.

    Parameters
    ----------
    n_components : int, default=2
        Numbers per row in the code.
    hidden_layer_sizes : 'auto', int or sequence of int, default='auto'
        Hidden layers of the encoder, from the input to the code; ``()`` for none. 'auto': one of
        128 units, or twice as many as the code has, whichever is more.
    decoder_layer_sizes : sequence of int, optional
        Hidden layers of the decoder, from the code to the output; by default the encoder's
        backwards.
    activation : str, default='elu'
        Of the hidden layers: see `ae_core.formulas.activations.ACTIVATIONS`.
    code_activation : str, default='identity'
        Of the code.
    output_activation : str, optional
        Of the output; by default what fits the loss: 'logistic' for 'binary_cross_entropy', else
        'identity'.
    loss : str, default='squared_error'
        'squared_error', 'absolute_error', 'huber', or 'binary_cross_entropy' for data in 0 … 1.
    tied : bool, default=False
        Whether the decoder uses the encoder's weights transposed.
    solver : {'adam', 'adamw', 'sgd', 'rmsprop', 'lbfgs'}, default='adam'
        'lbfgs' takes all rows at once, and no notice of learning rates.
    alpha : float, default=1e-4
        Strength of the L2 penalty on the weights, divided by the number of rows of a step; for
        'adamw' the decoupled weight decay.
    batch_size : 'auto' or int, default='auto'
        Rows per step. 'auto': all of up to 64 rows, else a twentieth of the table, between 32 and
        200. Not for 'lbfgs'.
    learning_rate : {'cosine', 'constant', 'invscaling', 'adaptive'}, default='cosine'
        How the rate changes: see `ae_core.formulas.schedules.Schedule`.
    learning_rate_init : float, default=3e-3
        Its largest (and for all but 'cosine' its first) value.
    power_t : float, default=0.5
        For 'invscaling'.
    momentum, nesterovs_momentum : float, default=0.9; bool, default=True
        For 'sgd'.
    max_iter : int, default=200
        Epochs: passes over the data; for 'lbfgs', iterations.
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.
    random_state : int, RandomState or None, default=None
        For the first weights, the order of rows and the validation split. An integer gives the same
        model every time.
    tol : float or None, default=None
        Training ends when the loss (the held-out one, if there is one) has not improved by more
        than this in `n_iter_no_change` epochs. None: not before `max_iter`, for a cosine is best
        gone to its end; but 1e-4 for `early_stopping` and for 'adaptive', which need one.
    n_iter_no_change : int, default=10
    early_stopping : bool, default=False
        Whether to hold out rows (or use ``X_val``), watch their loss instead, and end with the
        parameters of the epoch where it was smallest.
    validation_fraction : float, default=0.1
        How many rows to hold out.
    beta_1, beta_2, epsilon : float, defaults=0.9, 0.999, 1e-8
        For 'adam' and 'adamw' (and epsilon for 'rmsprop').
    warm_start : bool, default=False
        Whether `fit` goes on from the parameters and the scaling of the fit before.
    verbose : bool, default=False
        Whether to show a progress bar.
    max_fun : int, default=15000
        For 'lbfgs': at most so many evaluations of the loss.
    scale : {'standard', 'minmax', None}, default='standard'
        How columns are scaled for the network, learned from the training rows and undone in the
        output: to zero mean and unit variance, to 0 … 1, or not at all. With 'minmax' and
        'binary_cross_entropy', what lies outside the training rows' limits counts as at them.
        Sparse data is only divided by its standard deviations ('minmax' is refused), unless
        ``missing_values='implicit'``.
    corruption : {None, 'gaussian', 'masking', 'salt_and_pepper'}, default=None
        How training spoils its input, which is to be reconstructed unspoiled: with normal noise, by
        zeros, or by columns' extremes (denoising; Vincent et al. 2008, 2010).
    corruption_level : float, default=0.3
        Share of the entries that are spoiled; for 'gaussian' the noise's standard deviation, of
        scaled columns.
    dropout : float, default=0
        Share of the units of each hidden layer, but the code, that training hides in each row
        (Srivastava et al. 2014).
    k_sparse : int, optional
        Only so many of a row's code units, the largest, keep their activation; the others are 0
        (Makhzani & Frey 2013).
    code_l1 : float, default=0
        Strength of an L1 penalty on the code of each row.
    sparsity, sparsity_target : float, defaults=0, 0.05
        Strength of a penalty on the mean activation of each code unit over a batch: its
        Kullback-Leibler divergence from the target (Ng 2011). For ``code_activation='logistic'``.
    contraction : float, default=0
        Strength of the contractive penalty, the squared derivatives of the code with respect to the
        input (Rifai et al. 2011).
    alpha_l1 : float, default=0
        Strength of the L1 penalty on the weights, divided as `alpha` is.
    feature_weights : sequence of float, optional
        What the loss of each column is multiplied with.
    clip_norm : float, optional
        A step's gradient longer than this is shortened to it (Pascanu et al. 2013).
    averaging : float, optional
        Decay, such as 0.999, of a running mean of the parameters over steps; the model ends with
        the mean (Polyak & Juditsky 1992).
    missing_values : {None, 'mask', 'implicit'}, default=None
        'mask': NaN stands for an entry that was not seen; 'implicit': what a sparse X does not
        store was not seen, as with ratings (AutoRec; Sedhain et al. 2015). Nothing is learned of
        such entries: they are 0 to the network, after scaling, and have no loss; `impute` fills
        them in. None: NaN is refused.
    columns : {'numeric', 'mixed'}, default='numeric'
        'mixed' takes pandas DataFrames and goes by their dtypes: numbers have `loss`, booleans
        binary cross-entropy, and categories (of category dtype, or text) softmax cross-entropy over
        one column for each. Only numbers are scaled. `reconstruct` and `inverse_transform` give
        DataFrames with the same columns, dtypes and categories; `feature_weights` and
        `feature_errors` are of the DataFrame's columns. With ``missing_values='mask'``, categories
        that were not there in the fit count as unseen.
    dtype : {None, 'float32', 'float64'}, default=None
        What to compute in. None: float32 for float32 data, else float64. float32 is about twice as
        fast.
    n_threads : int, optional
        By default all cores that this process may use; the same bits come out for any number.

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

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden_layer_sizes: Any = "auto",
        decoder_layer_sizes: Any = None,
        activation: str = "elu",
        code_activation: str = "identity",
        output_activation: str | None = None,
        loss: str = "squared_error",
        tied: bool = False,
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 3e-3,
        power_t: float = 0.5,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float | None = None,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warm_start: bool = False,
        verbose: bool = False,
        max_fun: int = 15_000,
        scale: str | None = "standard",
        corruption: str | None = None,
        corruption_level: float = 0.3,
        dropout: float = 0.0,
        k_sparse: int | None = None,
        code_l1: float = 0.0,
        sparsity: float = 0.0,
        sparsity_target: float = 0.05,
        contraction: float = 0.0,
        alpha_l1: float = 0.0,
        feature_weights: Any = None,
        clip_norm: float | None = None,
        averaging: float | None = None,
        missing_values: str | None = None,
        columns: str = "numeric",
        dtype: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.decoder_layer_sizes = decoder_layer_sizes
        self.activation = activation
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.loss = loss
        self.tied = tied
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warm_start = warm_start
        self.verbose = verbose
        self.max_fun = max_fun
        self.scale = scale
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.dropout = dropout
        self.k_sparse = k_sparse
        self.code_l1 = code_l1
        self.sparsity = sparsity
        self.sparsity_target = sparsity_target
        self.contraction = contraction
        self.alpha_l1 = alpha_l1
        self.feature_weights = feature_weights
        self.clip_norm = clip_norm
        self.averaging = averaging
        self.missing_values = missing_values
        self.columns = columns
        self.dtype = dtype
        self.n_threads = n_threads

    # --- learning ------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        X_val: Any = None,
        callbacks: Any = None,
        resume_from: Any = None,
    ) -> Self:
        """Learn to reconstruct X.

        Ctrl-C ends it early with a `KeyboardInterrupt`; what was learned so far can be used.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features)
            A float32, float64 or uint8 array or memory map is not copied, whatever the scaling; nor
            is CSR, or ever made dense.
        y : ignored
        sample_weight : array of shape (n_samples,), optional
            A row of weight 2 counts as that row twice.
        X_val : array, DataFrame or scipy.sparse matrix (n_validation, n_features), optional
            Rows to compute ``validation_loss_curve_`` of. With ``early_stopping`` they decide;
            without them, rows of X are held out for that.
        callbacks : list of callables, optional
            Each is called with an `ae_core.Progress` after every epoch; the fit ends when one
            returns True. See `ae_core.Checkpoint`.
        resume_from : str or path, optional
            A file that a `Checkpoint` wrote in a fit of the same model to the same data. The fit
            goes on from there, and ends at the same bits as one that was never interrupted.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When a parameter, the data, or the checkpoint is not what it should be.
        NonFiniteLossError
            When the loss becomes infinite; says what to try.
        """
        check_fractions(self)
        callbacks = check_callbacks(callbacks)
        is_fitted = self.warm_start and hasattr(self, "network_")
        X = checked(self, X, reset=not is_fitted)
        random = generator_of(self)
        weights = given_weights = weights_of(sample_weight, X)
        saved = None
        if resume_from is not None:
            saved = open_checkpoint(resume_from, self, X, given_weights)
        held_out = np.empty(0, dtype=np.int64)
        if saved:
            held_out = saved.held_out
        elif self.early_stopping and X_val is None:
            held_out = held_out_rows(X.shape[0], self.validation_fraction, random)
        weights, held_out_weights = without(weights, held_out, X.shape[0])
        if is_fitted:
            go_on(self)
        else:
            start(self, X, weights, random)
        validation = None
        if X_val is not None:
            X_val = checked(self, X_val, reset=False, name="X_val")
            validation = seen(self, X_val, name="X_val")
        elif len(held_out):
            validation = seen(self, X[held_out], held_out_weights)
        rows = seen(self, X, weights)
        run(
            self,
            rows,
            random,
            bind_checkpoints(callbacks, self, X, given_weights, held_out),
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            X_val=validation,
            keep_best=self.early_stopping,
            resume=saved.state if saved else None,
        )
        self._partial_state: TrainingState | None = None
        warn_if_not_learning(self.network_, rows)
        return self

    @available_if(sees_parts)
    def partial_fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Go through X once, keeping what was learned before; for data that comes in parts.

        The first call learns the scaling from its rows, so let it have typical ones. The rate does
        not follow a cosine, which would need to know the end: it is constant then.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features)
        y : ignored
        sample_weight : array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When a parameter or the data is not what it should be.
        AttributeError
            For ``early_stopping=True`` and for 'lbfgs', which need all rows at once.
        """
        check_fractions(self)
        is_fitted = hasattr(self, "network_")
        X = checked(self, X, reset=not is_fitted)
        random = generator_of(self)
        weights = weights_of(sample_weight, X)
        if is_fitted:
            go_on(self)
        else:
            start(self, X, weights, random)
        before = getattr(self, "_partial_state", None)
        states: list[TrainingState] = []
        run(
            self,
            seen(self, X, weights),
            random,
            (lambda progress: states.append(progress.state()),),
            max_iter=1 + (before.history.n_iter if before else 0),
            learning_rate="constant" if self.learning_rate == "cosine" else self.learning_rate,
            resume=before,
        )
        self._partial_state = states[-1]
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        dtypes = ["float64", "float32"] if self.dtype is None else [str(check_dtype(self.dtype))]
        tags.transformer_tags.preserves_dtype = dtypes
        tags.input_tags.allow_nan = self.missing_values == "mask"
        tags.input_tags.sparse = self.scale != "minmax" or self.missing_values == "implicit"
        tags.input_tags.categorical = tags.input_tags.string = self.columns == "mixed"
        return tags
