"""What the estimators' constructors take: each parameter once.

Its default, its check and its meaning stand here; `ae_core.estimators.records` says what becomes of
them. Names and meanings are those of scikit-learn's `MLPRegressor` wherever it has them.
"""

from typing import Any

from .._typing import RandomState
from ..basics.arguments import (
    COUNT,
    INDEX,
    THREADS,
    Either,
    Integer,
    Number,
    OneOf,
    Seed,
    Sequence,
    checked_bool,
    checked_share,
    checked_strength,
)
from ..data.checks import DtypeName
from ..formulas.activations import ACTIVATIONS
from ..formulas.corruption import CORRUPTIONS
from ..formulas.inputs import INPUT_TRANSFORMS
from ..formulas.losses import LINKS, LOSSES
from ..formulas.schedules import SCHEDULES
from ..formulas.solvers import SOLVERS
from .records import parameter, with_parameters

ACTIVATION = OneOf(tuple(ACTIVATIONS))
SIZES = Sequence(COUNT, "integers such as (64, 32), or () for none", takes_one=True)
RATE = Number(is_above=True)
BETWEEN = Number(most=1, is_above=True, is_below=True)

LIKELIHOODS = tuple(name for name, loss in LOSSES.items() if loss.is_likelihood)


@with_parameters
class LayerParameters:
    """What the network is made of."""

    n_components: int = parameter(
        default=2, kw_only=False, check=COUNT, meaning="Numbers per row in the code."
    )
    hidden_layer_sizes: Any = parameter(
        default="auto",
        check=Either(("auto",), SIZES),
        meaning="Units of the encoder's hidden layers, from the input to the code.",
        more="'auto': one layer of 128 units, or twice as many as the code has, whichever is more.",
    )
    decoder_layer_sizes: Any = parameter(
        default=None,
        check=Either((None,), SIZES),
        meaning="Units of the decoder's hidden layers, from the code to the output.",
        more="None: the encoder's backwards.",
    )
    activation: str = parameter(
        default="auto",
        check=OneOf(("auto", *ACTIVATIONS)),
        meaning="Activation of the hidden layers.",
        more="'auto': 'elu', but 'tanh' where scale is 'biases'. See "
        "`ae_core.formulas.activations.ACTIVATIONS`.",
    )
    output_activation: str | None = parameter(
        default=None,
        check=Either(
            (None,), OneOf((*ACTIVATIONS, *(name for name in LINKS if name not in ACTIVATIONS)))
        ),
        meaning="Activation of the output.",
        more="None: what fits the loss, such as 'logistic' for 'binary_cross_entropy'; 'identity' "
        "for most.",
    )
    tied: bool = parameter(
        default=False,
        check=checked_bool,
        meaning="Whether the decoder uses the encoder's weights transposed.",
    )


@with_parameters
class TrainingParameters:
    """How the network learns."""

    solver: str = parameter(
        default="adam",
        check=OneOf((*SOLVERS, "lbfgs")),
        meaning="Update rule of the weights.",
        more="'lbfgs' takes all rows at once, and no notice of learning rates.",
    )
    alpha: float | str = parameter(
        default="auto",
        check=Either(("auto",), checked_strength),
        meaning="Strength of the L2 penalty on the weights.",
        more="It is divided by the number of rows of a step. For 'adamw': the decoupled weight "
        "decay. 'auto': 1e-4, but 10 where scale is 'biases', and for 'poisson' and "
        "'negative_binomial', and 3 for 'multinomial' (1 with corruption): of ratings and counts, "
        "most is noise.",
    )
    alpha_l1: float = parameter(
        default=0.0,
        check=checked_strength,
        meaning="Strength of the L1 penalty on the weights, divided as alpha is.",
    )
    batch_size: int | str = parameter(
        default="auto",
        check=Either(("auto",), COUNT),
        meaning="Rows per step.",
        more="'auto': all of up to 64 rows, else a twentieth of the table, between 32 and 200. Not "
        "for 'lbfgs'.",
    )
    learning_rate: str = parameter(
        default="cosine",
        check=OneOf(SCHEDULES),
        meaning="How the learning rate changes.",
        more="See `ae_core.formulas.schedules.Schedule`.",
    )
    learning_rate_init: float = parameter(
        default=3e-3,
        check=RATE,
        meaning="Largest learning rate, and for all but 'cosine' the first.",
    )
    power_t: float = parameter(
        default=0.5, check=checked_strength, meaning="Exponent of learning_rate='invscaling'."
    )
    momentum: float = parameter(
        default=0.9, check=checked_share, meaning="Momentum of solver='sgd'."
    )
    nesterovs_momentum: bool = parameter(
        default=True, check=checked_bool, meaning="Whether that momentum is Nesterov's."
    )
    beta_1: float = parameter(
        default=0.9,
        check=checked_share,
        meaning="Decay of the mean of gradients, for 'adam' and 'adamw'.",
    )
    beta_2: float = parameter(
        default=0.999, check=checked_share, meaning="Decay of the mean of their squares."
    )
    epsilon: float = parameter(
        default=1e-8,
        check=checked_strength,
        meaning="Added to the root of that mean, so that nothing is divided by 0.",
        more="Of 'rmsprop', too.",
    )
    clip_norm: float | None = parameter(
        default=None,
        check=Either((None,), checked_strength),
        meaning="A step's gradient that is longer is shortened to this length.",
        more="(Pascanu et al. 2013.)",
    )
    averaging: float | None = parameter(
        default=None,
        check=Either((None,), checked_share),
        meaning="Decay, such as 0.999, of a running mean of the weights, with which the fit ends.",
        more="(Polyak & Juditsky 1992.)",
    )
    max_iter: int = parameter(
        default=200,
        check=COUNT,
        meaning="Passes over the data, at most.",
        more="For 'lbfgs', iterations.",
    )
    shuffle: bool = parameter(
        default=True,
        check=checked_bool,
        meaning="Whether each pass visits the rows in a new order.",
    )
    tol: float | None = parameter(
        default=None,
        check=Either((None,), Number(or_infinite=True)),
        meaning="Training ends when the loss has not improved by more than this for a while.",
        more="For n_iter_no_change epochs; of the held-out loss, if there is one. None: not before "
        "max_iter, for a cosine is best gone to its end; but 1e-4 for early_stopping and for "
        "'adaptive', which need one. Where a tol that was asked for is not reached, a "
        "ConvergenceWarning says so.",
    )
    n_iter_no_change: int = parameter(
        default=10,
        check=Integer(or_infinite=True),
        meaning="Epochs without an improvement after which training ends: see tol.",
    )
    early_stopping: bool = parameter(
        default=False,
        check=checked_bool,
        meaning="Whether to hold out rows, and to end where their loss was smallest.",
        more="Or those of ``fit(X, X_val=…)``. Where entries are missing, entries are held out, "
        "and predicted from the others of their rows; of a sparse X with NaN, rows.",
    )
    validation_fraction: float = parameter(
        default=0.1, check=BETWEEN, meaning="Share of the rows that early_stopping holds out."
    )
    warm_start: bool = parameter(
        default=False,
        check=checked_bool,
        meaning="Whether `fit` goes on from the weights and the scaling of the fit before.",
    )
    random_state: RandomState = parameter(
        default=None,
        check=Seed(),
        meaning="Seed of the first weights, the order of rows, noise and the validation split.",
        more="An integer gives the same model every time.",
    )
    verbose: bool = parameter(
        default=False, check=checked_bool, meaning="Whether to show a progress bar."
    )
    dtype: Any = parameter(
        default=None,
        check=DtypeName(or_none=True),
        meaning="What to compute in.",
        more="None: float32 for float32 data, else float64. float32 is about twice as fast.",
    )
    n_threads: int | None = parameter(
        default=None,
        check=Either((None,), THREADS),
        meaning="Threads; by default all cores that this process may use.",
        more="The same bits come out for any number.",
    )


@with_parameters
class DataParameters:
    """What the columns are, and what is done to the rows."""

    scale: str | None = parameter(
        default="auto",
        check=Either((None,), OneOf(("auto", "standard", "minmax", "biases"))),
        meaning="How columns are scaled: to mean 0 and variance 1, to 0 … 1, or not.",
        more="'auto': 'standard'; None for losses of counts; with missing_values='implicit' "
        "'biases', which is for ratings: what each row and column is above the mean of all is "
        "taken away (of few entries less), and one factor is for all columns (`partial_fit`, to "
        "which not all rows are known, has 'standard' there). "
        "Learned from the training rows, and undone in the output. With 'minmax' and "
        "'binary_cross_entropy', what lies outside the training rows' limits counts as at them. "
        "Sparse data is only divided by its standard deviations ('minmax' is refused), unless "
        "missing_values='implicit'.",
    )
    input_transform: str | None = parameter(
        default="auto",
        check=Either((None,), OneOf(("auto", *INPUT_TRANSFORMS))),
        meaning="What is given of each number to the network, where that is not the number itself.",
        more="The loss is of the numbers. 'log1p': log(1 + x). 'auto': that for losses of counts, "
        "of tables whose columns are numeric.",
    )
    size_factors: str | None = parameter(
        default="auto",
        check=Either((None,), OneOf(("auto", "row_sum", "given"))),
        meaning="What the counts of each row are divided by, and its rates multiplied with.",
        more="So that how much was counted of a row is not what the code says first. 'row_sum': "
        "its sum over the median sum of the rows of the fit. 'given': a positive number for each "
        "row over the median of those of the fit, given to `fit` and to the methods as "
        "``size_factors``. Either way the likelihood stays that of the counts, whose mean is size "
        "times rate: the logarithm of the size is added to the output's sums. 'auto': 'row_sum' "
        "for losses of counts, where columns are numeric and nothing is missing.",
    )
    columns: str = parameter(
        default="numeric",
        check=OneOf(("numeric", "mixed")),
        meaning="Whether all columns are numbers, or a DataFrame's dtypes say what each is.",
        more="'mixed': numbers have `loss`, booleans binary cross-entropy, and categories (of "
        "category dtype, or text) softmax cross-entropy over one column for each. Only numbers are "
        "scaled. `reconstruct` and `inverse_transform` give DataFrames with the same columns, "
        "dtypes and categories; `feature_weights` and `feature_errors` are of the DataFrame's "
        "columns. With missing_values='mask', categories that were not there in the fit count as "
        "missing.",
    )
    missing_values: str | None = parameter(
        default=None,
        check=Either((None,), OneOf(("mask", "implicit"))),
        meaning="What is missing: nothing, NaN ('mask'), or what a sparse X does not store.",
        more="The last is 'implicit', as with ratings (AutoRec; Sedhain et al. 2015). Nothing is "
        "learned of such entries: they are 0 to the network, after scaling, and have no loss; "
        "`impute` fills them in. None: NaN is refused. To fill in a table there is "
        "`AutoencoderImputer`.",
    )
    feature_weights: Any = parameter(
        default=None,
        check=Either((None,), Sequence(checked_strength, "a number of at least 0 for each column")),
        meaning="What the loss of each column is multiplied with.",
    )
    corruption: str | None = parameter(
        default="auto",
        check=Either((None,), OneOf(("auto", *CORRUPTIONS))),
        meaning="How training spoils its input, which is to be reconstructed unspoiled.",
        more="With normal noise, by zeros, or by columns' extremes (denoising; Vincent et al. "
        "2008, 2010). 'auto': 'masking' with missing_values='mask', without which a network "
        "copies what is seen and fills in badly, but None for a variational code and "
        "solver='lbfgs'; else None.",
    )
    corruption_level: float = parameter(
        default=0.3,
        check=checked_strength,
        meaning="Share of the entries to spoil; of 'gaussian' noise the standard deviation.",
        more="Of scaled columns.",
    )
    dropout: float = parameter(
        default=0.0,
        check=checked_share,
        meaning="Share of each hidden layer's units, but the code's, to hide in each row.",
        more="While training (Srivastava et al. 2014).",
    )


@with_parameters
class AutoencoderParameters:
    """What only an `Autoencoder` has: penalties on a code of plain numbers, and any loss."""

    loss: str = parameter(
        default="squared_error",
        check=OneOf(tuple(LOSSES)),
        meaning="What is made small; 'binary_cross_entropy' is for data in 0 … 1.",
    )
    code_activation: str = parameter(
        default="identity", check=ACTIVATION, meaning="Activation of the code."
    )
    k_sparse: int | None = parameter(
        default=None,
        check=Either((None,), COUNT),
        meaning="How many of a row's code units, the largest, keep their activation.",
        more="The others are 0 (Makhzani & Frey 2013).",
    )
    code_l1: float = parameter(
        default=0.0,
        check=checked_strength,
        meaning="Strength of an L1 penalty on the code of each row.",
    )
    sparsity: float = parameter(
        default=0.0,
        check=checked_strength,
        meaning="Strength of a penalty on the mean activation of each code unit over a batch.",
        more="Its Kullback-Leibler divergence from sparsity_target (Ng 2011). For "
        "code_activation='logistic'.",
    )
    sparsity_target: float = parameter(
        default=0.05, check=BETWEEN, meaning="The mean activation that the penalty wants."
    )
    contraction: float = parameter(
        default=0.0,
        check=checked_strength,
        meaning="Strength of the contractive penalty.",
        more="The squared derivatives of the code with respect to the input (Rifai et al. 2011).",
    )
    max_fun: int = parameter(
        default=15_000, check=COUNT, meaning="Evaluations of the loss, at most, for 'lbfgs'."
    )


@with_parameters
class VariationalParameters:
    """What only a `VariationalAutoencoder` has, and what is narrower there."""

    loss: str = parameter(
        default="squared_error",
        check=OneOf(LIKELIHOODS),
        meaning="What the noise is: 'squared_error' is that of normal noise.",
        more="'binary_cross_entropy': of a coin, for data in 0 … 1. The others are for counts. It "
        "must be a likelihood.",
    )
    solver: str = parameter(
        default="adam",
        check=OneOf(
            tuple(SOLVERS),
            {
                "lbfgs": "needs a loss that stays the same, and each epoch draws other codes: use "
                "'adam'"
            },
        ),
        meaning="Update rule of the weights.",
    )
    beta: float = parameter(
        default=1.0,
        check=checked_strength,
        meaning="Weight of the divergence of codes from their distribution.",
        more="More than 1 makes a simpler code (Higgins et al. 2017), and less a sharper one; only "
        "for 1 a bound is made large.",
    )
    kl_warm_up: int = parameter(
        default=0,
        check=INDEX,
        meaning="Epochs over which that weight grows from 0.",
        more="(Bowman et al. 2016.) Against units that give up before they have learned anything.",
    )
    noise_variance: float | str = parameter(
        default="auto",
        check=Either(("auto",), RATE),
        meaning="Variance of the normal noise, of scaled columns.",
        more="'auto': the most likely one of probabilistic PCA with as many components (Tipping & "
        "Bishop 1999, eq. 8), but at least a thousandth of the columns' variance. A column of "
        "feature weight w has this over w.",
    )
