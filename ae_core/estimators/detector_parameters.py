"""What the outlier detector's constructor takes: each parameter once, as in `constructors`."""

from typing import Any

from .._typing import RandomState
from ..basics.arguments import (
    COUNT,
    THREADS,
    Either,
    Integer,
    Number,
    OneOf,
    Seed,
    Sequence,
    checked_share,
)
from .constructors import ACTIVATION, RATE
from .records import parameter, with_parameters

MOST_STEPS = 1_000_000
"""Orders of the rows of all steps are made before the first one, and need memory."""

CODES = Sequence(
    COUNT, "integers such as (1, 4): at least one code size", takes_one=True, may_be_empty=False
)


@with_parameters
class DetectorParameters:
    """What an `AutoencoderOutlierDetector` takes."""

    contamination: float | str = parameter(
        default="auto",
        kw_only=False,
        check=Either(("auto",), Number(most=0.5, is_above=True)),
        meaning="Share of outliers among the training rows, or those of ``X_val``.",
        more="It decides where `predict` draws the line. 'auto' draws it where scores of rows that "
        "were held out stand out from the others.",
    )
    n_components: Any = parameter(
        default="auto",
        check=Either(("auto",), CODES),
        meaning="Sizes of the codes, one network for each.",
        more="'auto': four networks, or eight below eight columns: in turn 1, an eighth, a quarter "
        "and a half of the number of columns, but at most 16; of two columns, 1 and 2.",
    )
    activation: str = parameter(
        default="tanh",
        check=ACTIVATION,
        meaning="Activation of the codes.",
        more="Bounded ones (tanh, logistic, softsign) can't follow a row that is far away.",
    )
    n_steps: int = parameter(
        default=60,
        check=Integer(most=MOST_STEPS),
        meaning="Steps of Adam per training, of which each network has two.",
    )
    batch_size: int = parameter(
        default=32,
        check=COUNT,
        meaning="Rows per step.",
        more="Of up to 64 different rows, a step takes all.",
    )
    learning_rate_init: float = parameter(default=0.01, check=RATE, meaning="Learning rate.")
    trim: float = parameter(
        default=0.05,
        check=checked_share,
        meaning="Share of the rows, the oddest, to leave out of the second training.",
    )
    missing_values: str | None = parameter(
        default=None,
        check=Either((None,), OneOf(("mask",))),
        meaning="What is missing: nothing, or NaN ('mask').",
        more="Such entries add nothing to a row's score, and the others count for them.",
    )
    columns: str = parameter(
        default="numeric",
        check=OneOf(("numeric", "mixed")),
        meaning="Whether all columns are numbers, or a DataFrame's dtypes say what each is.",
        more="See `Autoencoder`. A category that was not there in the fit is unusual.",
    )
    random_state: RandomState = parameter(
        default=None, check=Seed(), meaning="Seed of the first weights and of the order of rows."
    )
    n_threads: int | None = parameter(
        default=None,
        check=Either((None,), THREADS),
        meaning="Threads; by default all cores that this process may use.",
    )
