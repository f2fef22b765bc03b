"""What an estimator's parameters mean: the architecture, the solver, the batch size.

Names and meanings are those of scikit-learn's `MLPRegressor` wherever it has them.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ..basics.arguments import COUNT, as_float
from ..data.checks import check_dtype
from ..data.seen_rows import resolved_scale
from ..formulas.losses import COUNTS, LOSSES
from ..formulas.solvers import SGD, Adam, AdamW, RMSprop, Solver
from ..network.architecture import Architecture
from .constructors import SIZES

LARGEST_FULL_BATCH = 64
"""Up to so many rows, batch_size='auto' takes all of them in each step."""

SMALLEST_HIDDEN_LAYER = 128
"""Units of hidden_layer_sizes='auto', found by benchmarks/defaults.py: narrower was worse on every
table, wider slower."""

FAMILY = ("alpha_l1", "feature_weights", "corruption_level", "dropout")
"""Parameters that an `Architecture` has under the same names, and that change no layer's size."""

OF_THE_CODE = (
    *("code_activation", "k_sparse", "code_l1"),
    *("sparsity", "sparsity_target", "contraction"),
)
"""The same, of an `Autoencoder` alone."""

ALPHA, STRONG_ALPHA = 1e-4, 10.0
"""alpha='auto'; and for ratings ('biases') and counts, which are mostly noise."""

ALPHA_OF_SHARES, ALPHA_OF_CORRUPTED_SHARES = 3.0, 1.0
"""The same for 'multinomial' counts, without and with corruption, which needs less of it: more made
recommendations worse."""

TOLERANCE = 1e-4
"""tol=None where early stopping or 'adaptive' need one."""


def tolerance_of(estimator: Any) -> float | None:
    """The tolerance asked for; where None is, what early stopping and 'adaptive' need."""
    needs_one = estimator.early_stopping or estimator.learning_rate == "adaptive"
    return TOLERANCE if estimator.tol is None and needs_one else estimator.tol


def scale_of(estimator: Any) -> str | None:
    """How columns are scaled: as asked for, or what 'auto' means for that loss and what is missing.

    Raises
    ------
    ValueError
        For 'biases' where the data are no ratings.
    """
    return resolved_scale(estimator.scale, estimator.loss, estimator.missing_values)


def input_transform_of(estimator: Any) -> str | None:
    """What is made of each number before the first layer.

    Raises
    ------
    ValueError
        Where columns are mixed: flags and categories are given as they are.
    """
    asked: str | None = estimator.input_transform
    is_numeric = estimator.columns == "numeric"
    if asked == "auto":
        is_of_counts = LOSSES[estimator.loss].domain is COUNTS
        return "log1p" if is_of_counts and is_numeric else None
    if asked is not None and not is_numeric:
        raise ValueError(
            f"input_transform={asked!r} with columns='mixed': it is of numbers alone; use None"
        )
    return asked


def size_factors_of(estimator: Any) -> str | None:
    """What the counts of a row are divided by.

    Raises
    ------
    ValueError
        Where the loss is not of counts, or the sum of a row is not known.
    """
    asked: str | None = estimator.size_factors
    is_of_counts = LOSSES[estimator.loss].domain is COUNTS
    is_numeric = estimator.columns == "numeric"
    has_sums = is_numeric and estimator.missing_values is None
    is_unscaled = estimator.scale in ("auto", None)
    if asked == "auto":
        return "row_sum" if is_of_counts and has_sums and is_unscaled else None
    if asked is None:
        return None
    wrong = ""
    if not is_of_counts:
        wrong = (
            f" with loss={estimator.loss!r}: they are for losses of counts, such as 'poisson'; "
            "use None"
        )
    elif asked == "given" and not is_numeric:
        wrong = " with columns='mixed': only of numbers more is counted in a larger row; use None"
    elif asked != "given" and not has_sums:
        wrong = (
            ": the sum of a row is only known where nothing is missing (missing_values=None) and "
            "columns are 'numeric'; use None"
        )
    elif not is_unscaled:
        wrong = (
            f" with scale={estimator.scale!r}: rows and columns are not both scaled; use scale=None"
        )
    if wrong:
        raise ValueError(f"size_factors={asked!r}{wrong}")
    return asked


def n_covariates_of(estimator: Any) -> int:
    """The number of covariates, encoded."""
    covariates = getattr(estimator, "_covariates", None)
    return 0 if covariates is None else covariates.n_encoded


def alpha_of(estimator: Any) -> float:
    """The strength of the L2 penalty."""
    if estimator.alpha == "auto":
        loss = LOSSES[estimator.loss]
        if _is_of_ratings(estimator) or loss.has_size:
            return STRONG_ALPHA
        if loss.domain is not COUNTS:
            return ALPHA
        return ALPHA_OF_SHARES if spoiling_of(estimator) is None else ALPHA_OF_CORRUPTED_SHARES
    return float(estimator.alpha)


def activation_of(estimator: Any) -> str:
    """The activation of the hidden layers."""
    if estimator.activation == "auto":
        return "tanh" if _is_of_ratings(estimator) else "elu"
    return str(estimator.activation)


def spoiling_of(estimator: Any) -> str | None:
    """The corruption: as asked for, or against networks that only copy the entries they see.

    A variational code is drawn, and so no copy; and 'lbfgs' needs a loss without noise.
    """
    asked: str | None = estimator.corruption
    if asked != "auto":
        return asked
    copies = estimator.missing_values == "mask" and estimator.solver != "lbfgs"
    return "masking" if copies and not hasattr(estimator, "beta") else None


def _is_of_ratings(estimator: Any) -> bool:
    """Whether the biases of ratings are subtracted; after a fit, whether they were."""
    return bool(getattr(estimator, "_scale", scale_of(estimator)) == "biases")


MEANINGS = {
    "activation": activation_of,
    "alpha": alpha_of,
    "corruption": spoiling_of,
    "scale": scale_of,
}
"""What 'auto' means where it depends on the data."""


def architecture_of(estimator: Any, n_features: int) -> Architecture:
    """The network that the parameters of an `Autoencoder` describe, for data of that width.

    Raises
    ------
    ValueError
        Naming the parameter, its value and what is allowed.
    """
    n_components = COUNT("n_components", estimator.n_components)
    if isinstance(estimator.hidden_layer_sizes, str):  # 'auto'
        hidden: tuple[int, ...] = (max(SMALLEST_HIDDEN_LAYER, 2 * n_components),)
    else:
        hidden = SIZES("hidden_layer_sizes", estimator.hidden_layer_sizes)
    decoder = hidden[::-1]
    if estimator.decoder_layer_sizes is not None:
        decoder = SIZES("decoder_layer_sizes", estimator.decoder_layer_sizes)
    if estimator.tied and decoder != hidden[::-1]:
        raise ValueError(
            f"tied=True with decoder_layer_sizes={decoder!r}: a tied decoder mirrors the encoder, "
            f"{hidden[::-1]!r}; leave decoder_layer_sizes=None"
        )
    common = {
        "activation": activation_of(estimator),
        "output_activation": estimator.output_activation,
        "loss": estimator.loss,
        "tied": estimator.tied,
        "corruption": spoiling_of(estimator),
        "input_transform": input_transform_of(estimator),
        "n_covariates": n_covariates_of(estimator),
        # AdamW decays weights by itself, apart from the gradient.
        "alpha": 0.0 if estimator.solver == "adamw" else alpha_of(estimator),
        **{name: getattr(estimator, name) for name in FAMILY},
        **estimator._network_options(n_features),
    }
    mirrored = Architecture.symmetrical((n_features, *hidden, n_components), **common)
    if decoder == hidden[::-1]:
        return mirrored
    of_encoder, of_output = mirrored.activations[: len(hidden) + 1], mirrored.activations[-1]
    of_decoder = (activation_of(estimator),) * len(decoder)
    return replace(
        mirrored,
        layer_sizes=(n_features, *hidden, n_components, *decoder, n_features),
        activations=(*of_encoder, *of_decoder, of_output),
    )


def solver_of(estimator: Any) -> str | Solver:
    """The solver that the parameters of an `Autoencoder` describe.

    Raises
    ------
    ValueError
        Naming a parameter that 'lbfgs' does not have.
    """
    rate = as_float(estimator.learning_rate_init)
    betas = (estimator.beta_1, estimator.beta_2, estimator.epsilon)
    steps = {"clip_norm": estimator.clip_norm, "averaging": estimator.averaging}
    match estimator.solver:
        case "lbfgs":
            for name, value in steps.items():
                if value is not None:
                    raise ValueError(
                        f"{name}={value!r}: solver='lbfgs' takes steps of its own; use 'adam', or "
                        f"{name}=None"
                    )
            return "lbfgs"
        case "sgd":
            return SGD(rate, estimator.momentum, bool(estimator.nesterovs_momentum), **steps)
        case "adam":
            return Adam(rate, *betas, **steps)
        case "adamw":
            return AdamW(rate, *betas, weight_decay=alpha_of(estimator), **steps)
        case _:
            return RMSprop(rate, epsilon=estimator.epsilon, **steps)


def check_noise(estimator: Any, architecture: Architecture) -> None:
    """Refuse noise where the solver compares losses of one step with another's.

    Raises
    ------
    ValueError
        For 'lbfgs' with noise.
    """
    if estimator.solver == "lbfgs" and architecture.is_noisy:
        noisy = ("corruption", "dropout", "variational")
        name, value = next((n, v) for n in noisy if (v := getattr(architecture, n)))
        raise ValueError(
            f"{name}={value!r}: solver='lbfgs' needs a loss that stays the same, and noise changes "
            "it each epoch; use 'adam'"
        )


def batch_size_of(batch_size: Any, n_rows: int) -> int:
    """How many rows a step takes, of so many."""
    if isinstance(batch_size, str) and batch_size == "auto":
        return n_rows if n_rows <= LARGEST_FULL_BATCH else min(200, max(32, n_rows // 20))
    return min(int(batch_size), n_rows)


def dtype_of(dtype: Any, X: Any) -> np.dtype[Any]:
    """The dtype to compute in: what is asked for, or float32 for float32 data, else float64.

    Raises
    ------
    ValueError
        For anything but None, float32 and float64.
    """
    if dtype is None:
        return np.dtype(np.float32 if X.dtype == np.float32 else np.float64)
    return check_dtype(dtype)


def check_columns(estimator: Any) -> None:
    """Check `columns` beside `missing_values`.

    Raises
    ------
    ValueError
        For 'mixed' where what is not stored is unseen.
    """
    if estimator.columns == "mixed" and estimator.missing_values == "implicit":
        raise ValueError(
            "missing_values='implicit' with columns='mixed': a DataFrame stores all its entries; "
            "use missing_values='mask' for those that are missing"
        )


def sees_parts(estimator: Any) -> bool:
    """Whether the estimator can learn from data that comes in parts.

    Raises
    ------
    AttributeError
        When it can't, saying why.
    """
    for name, value in (("solver", "lbfgs"), ("early_stopping", True), ("scale", "biases")):
        given = getattr(estimator, name)
        # Values of other types are refused by name in fit and partial_fit.
        if isinstance(given, str | bool | np.bool_) and given == value:
            raise AttributeError(
                f"{name}={value!r} needs all rows at once, and partial_fit sees each part once: "
                "use fit"
            )
    return True


def knows_missing(estimator: Any) -> bool:
    """Whether the estimator takes data of which not all is seen.

    Raises
    ------
    AttributeError
        When it does not.
    """
    if estimator.missing_values is None:
        raise AttributeError(
            "missing_values=None: to this model nothing is unseen, so there is nothing to fill in; "
            "fit it with missing_values='mask', for NaN, or 'implicit', for a sparse X"
        )
    return True
