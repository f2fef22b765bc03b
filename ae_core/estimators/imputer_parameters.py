"""What the imputer's constructor takes: each parameter once, as in `constructors`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import RandomState
from ..basics.arguments import (
    COUNT,
    THREADS,
    Check,
    Either,
    Integer,
    Number,
    OneOf,
    Seed,
    Sequence,
    as_float,
    checked_bool,
    is_number,
)
from ..data.cells import is_missing
from .records import parameter, with_parameters

MOST_NETWORKS = 1000
"""More would not fit into a model file."""


LAYERS = Sequence(
    COUNT, "integers such as (128, 64, 128): at least one", takes_one=True, may_be_empty=False
)


@dataclass(frozen=True)
class Marker(Check):
    """A value that marks missing entries of a table."""

    @property
    def words(self) -> str:
        """What is allowed."""
        return "nan, None, a finite number or a text such as '?'"

    def __call__(self, argument: str, value: Any, words: str = "") -> Any:
        """The value."""
        is_finite = is_number(value) and np.isfinite(as_float(value))
        if not (is_finite or isinstance(value, str) or is_missing(value)):
            self.refuse(argument, value, words)
        return value


@with_parameters
class ImputerParameters:
    """What an `AutoencoderImputer` takes."""

    missing_values: Any = parameter(
        default=np.nan,
        kw_only=False,
        check=Marker(),
        meaning="What stands for missing entries.",
        more="NaN, None and pandas' NA mean the same: all three are missing. With a number, such "
        "as -999, NaN is refused.",
    )
    n_networks: int = parameter(
        default=4,
        check=Integer(most=MOST_NETWORKS),
        meaning="Networks, whose predictions are averaged.",
        more="More are a little better, and take so much longer.",
    )
    hidden_layer_sizes: Any = parameter(
        default=(128, 64, 128),
        check=LAYERS,
        meaning="Units of the layers between input and output; the middle one is the code.",
    )
    corruption_level: float = parameter(
        default=0.3,
        check=Number(most=1, is_above=True, is_below=True),
        meaning="Share of the seen entries that training hides, to be filled in.",
    )
    columns: str = parameter(
        default="numeric",
        check=OneOf(("numeric", "mixed")),
        meaning="Whether all columns are numbers, or a DataFrame's dtypes say what each is.",
        more="'mixed': flags and categories (of category dtype, or text) are filled in with the "
        "most probable one. A category that was not there in the fit counts as missing.",
    )
    sample_posterior: bool = parameter(
        default=False,
        check=checked_bool,
        meaning="Whether to fill in draws of what an entry may have been, and not its expectation.",
        more="For multiple imputation: see `sample`. The fit then trains as many networks again, "
        "each without a part of the entries, to see how far off predictions are.",
    )
    add_indicator: bool = parameter(
        default=False,
        check=checked_bool,
        meaning="Whether to add, for each column with missing entries in the fit, one that says "
        "where they are.",
        more="As scikit-learn's `MissingIndicator`.",
    )
    keep_empty_features: bool = parameter(
        default=False,
        check=checked_bool,
        meaning="Whether to keep columns of which the fit has seen nothing, filled with 0.",
        more="Of categories, with the first one. Otherwise they are left out.",
    )
    random_state: RandomState = parameter(
        default=None,
        check=Seed(),
        meaning="Seed of the first weights, the order of rows, what is hidden, and draws.",
    )
    n_threads: int | None = parameter(
        default=None,
        check=Either((None,), THREADS),
        meaning="Threads, at most one for each network; by default all cores of this process.",
        more="The same bits come out for any number.",
    )
