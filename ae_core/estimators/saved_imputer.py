"""A fitted imputer as a description and arrays, and back: see `saved`."""

from typing import Any

import numpy as np
from sklearn.impute import MissingIndicator

from .._typing import Array
from ..data.markers import says_nan
from ..files.model_content import ModelFile
from ..serving.filling import restore_filling, restore_indicated
from .donors import Donors
from .records import check_parameters
from .saved import describe_networks, describe_table, restore_table


def describe_imputer(imputer: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """A fitted `AutoencoderImputer` as a description and arrays."""
    of_table, scaling = describe_table(imputer)
    of_networks, params = describe_networks(imputer.networks_.networks)
    description = {**of_table, **of_networks, "has_donors": imputer.donors_ is not None}
    if says_nan(imputer.missing_values):
        description["parameters"]["missing_values"] = None  # the same, and JSON has no NaN
    arrays = {**scaling, **params}
    arrays |= {"low": imputer.low_, "high": imputer.high_, "is_empty": imputer.is_empty_}
    if imputer.add_indicator:
        arrays["indicated"] = imputer.indicator_.features_.astype(np.int64)
    if imputer.donors_ is not None:
        for name in ("predictions", "residuals", "values"):
            for i, array in enumerate(getattr(imputer.donors_, name)):
                arrays[f"{name}_{i}"] = array
    return description, arrays


def restore_imputer(imputer_class: Any, file: ModelFile) -> Any:
    """The `AutoencoderImputer` that `describe_imputer` described.

    Raises
    ------
    ModelFileError
        When the file does not describe one.
    """
    imputer = restore_table(imputer_class, file)
    if imputer.missing_values is None:  # NaN, as it was before it was saved
        imputer.missing_values = np.nan
    try:
        check_parameters(imputer)
    except ValueError as error:
        raise file.error(f"its parameters are wrong ({error})") from None
    n_columns = imputer.n_features_in_
    filling = restore_filling(file, n_columns, imputer.encoding_)
    imputer.networks_, imputer.is_empty_ = filling.networks, filling.is_empty
    imputer.shift_, imputer.factor_ = filling.shift, filling.factor
    imputer.low_, imputer.high_ = filling.low, filling.high
    if imputer.add_indicator is True:
        imputer.indicator_ = indicator_of(restore_indicated(file, n_columns), n_columns)
    has_donors = file.value("has_donors", bool)
    imputer.donors_ = _restored_donors(file, imputer._is_number) if has_donors else None
    return imputer


def indicator_of(indicated: Array, n_columns: int) -> MissingIndicator:
    """A `MissingIndicator` of these columns, by number."""
    example = np.zeros((1, n_columns))
    example[:, indicated] = np.nan
    return MissingIndicator(error_on_new=False).fit(example)


def _restored_donors(file: ModelFile, is_number: Array) -> Donors:
    found: dict[str, list[Array]] = {"predictions": [], "residuals": [], "values": []}
    for i in range(int(is_number.sum())):
        for name, arrays in found.items():
            length = len(found["predictions"][i]) if name == "residuals" else None
            arrays.append(file.array(f"{name}_{i}", np.float64, (length,), finite=True))
        for name in ("predictions", "values"):
            if (np.diff(found[name][i]) < 0).any():
                raise file.error(f"its array '{name}_{i}' is not in order")
    return Donors(*(tuple(arrays) for arrays in found.values()))
