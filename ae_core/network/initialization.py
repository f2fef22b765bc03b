"""Where the parameters start: small random weights, zero biases."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from .._typing import Array, RandomState
from ..basics.arguments import OneOf, shown
from .architecture import Architecture

Draw = Callable[[Any, tuple[int, ...]], Array]


def glorot(random: Any, shape: tuple[int, ...]) -> Array:
    """Uniform within ±sqrt(6 / (n_in + n_out)) (Glorot & Bengio 2010, eq. 16)."""
    limit = np.sqrt(6.0 / (shape[0] + shape[1]))
    return np.asarray(random.uniform(-limit, limit, shape))


def he(random: Any, shape: tuple[int, ...]) -> Array:
    """Normal with variance 2 / n_in (He et al. 2015, eq. 10), meant for relu and its kin."""
    return np.asarray(random.normal(0.0, np.sqrt(2.0 / shape[0]), shape))


def uniform(random: Any, shape: tuple[int, ...]) -> Array:
    """Uniform in [0, 1): what many a first script does, and a poor start for a deep network."""
    return np.asarray(random.uniform(0.0, 1.0, shape))


INITIALIZATIONS: dict[str, Draw] = {"glorot": glorot, "he": he, "uniform": uniform}


def as_generator(random_state: RandomState) -> Any:
    """The generator meant: itself if it is one, else a new one from the seed.

    Raises
    ------
    ValueError
        When it is neither a seed, a generator nor None.
    """
    if isinstance(random_state, np.random.Generator | np.random.RandomState):
        return random_state
    is_integer = isinstance(random_state, Integral) and not isinstance(random_state, bool)
    if random_state is not None and not (is_integer and random_state >= 0):
        raise ValueError(
            f"random_state={shown(random_state)}: must be None, a non-negative integer "
            "or a numpy.random.Generator"
        )
    return np.random.default_rng(random_state)


def initial_params(
    architecture: Architecture, initialization: str = "glorot", random_state: RandomState = None
) -> Array:
    """Draw a parameter vector (n_params,), float64: weights in order, biases zero.

    Parameters
    ----------
    architecture : Architecture
    initialization : {'glorot', 'he', 'uniform'}
    random_state : None, int, Generator or RandomState
        The same seed gives the same vector.

    Raises
    ------
    ValueError
        For an unknown name or an unusable random_state.
    MemoryError
        When there is no room for so many.
    """
    draw = INITIALIZATIONS[OneOf(tuple(INITIALIZATIONS))("initialization", initialization)]
    random = as_generator(random_state)
    try:
        params = np.zeros(architecture.n_params)
        for name, view in architecture.views(params).items():
            if name.startswith("W"):
                view[...] = draw(random, view.shape)
    except (MemoryError, ValueError):  # NumPy's, for an array beyond all indices
        raise MemoryError(
            f"layer_sizes={shown(architecture.layer_sizes)}: no memory for "
            f"{architecture.n_params:,} parameters, {architecture.n_params / 2**17:,.1f} MiB; take "
            "smaller layers"
        ) from None
    return params
