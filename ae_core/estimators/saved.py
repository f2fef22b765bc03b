"""Saving fitted estimators, and loading them: what goes into a model file and what comes out.

Loading makes only the classes named here, and only of what was checked.
"""

import json
import sys
from dataclasses import asdict
from os import PathLike
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..basics.arguments import check_path
from ..basics.shown import shown
from ..data.encoding import Encoding
from ..data.frames import LIBRARIES
from ..files.model_description import from_json, to_json
from ..files.model_file import ModelFile, ModelFileError, read_file, write_file
from ..network.architecture import Architecture
from ..network.compiled import Network
from ..training.progress import History

LARGEST_COUNT = 2**63 - 1
LONGEST_REASON = 1000
"""Characters of why a fit ended."""

NOT_SAVED = ("random_state",)
"""Only kept when it is a seed: generators are objects, and a model file has none."""


class Unwritten(ModelFile):
    """What is about to be written, to be read as a file would be."""

    def error(self, what: str) -> ModelFileError:
        """An error that says why there will be no file."""
        return ModelFileError(f"this model can't be saved: {what}; fit it anew")


class SavedEstimator:
    """What estimators share that are written to files: `save` and `load`."""

    _takes_other_categories = False
    """Whether a category that was not there in the fit is no error."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to a file, whole or not at all; `ae_core.load` reads it.

        Its parameters are kept, except a `random_state` that is no integer.

        Parameters
        ----------
        path : str or path-like
            Where it goes to; what is there is replaced.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ModelFileError
            When `load` would refuse it, because parameters have become NaN, say; nothing is
            written then.
        OSError
            When the file can't be written; a file that was there before stays as it was.
        """
        check_is_fitted(self)
        check_path("path", path)
        description, arrays = self._describe()
        kind = type(self).__name__
        type(self)._restored(Unwritten(kind, from_json(to_json(description)), arrays))
        write_file(path, kind, description, arrays)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The model that `save` wrote; no code from the file is run.

        Parameters
        ----------
        path : str or path-like
            Where `save` has put it.

        Raises
        ------
        ModelFileError
            When the file is not a saved model of this class, or damaged.
        OSError
            When it can't be read.
        """
        return cls._restored(read_file(check_path("path", path), cls.__name__))

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """What goes into the file."""
        raise NotImplementedError

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        """What comes out of it."""
        raise NotImplementedError


def parameters_of(estimator: Any) -> dict[str, Any]:
    """The estimator's constructor parameters as JSON has them."""
    parameters = {}
    for name, value in estimator.get_params(deep=False).items():
        if name in NOT_SAVED and not isinstance(value, int | np.integer):
            value = None
        elif name == "dtype" and value is not None:
            value = np.dtype(value).name
        elif isinstance(value, np.ndarray):
            value = value.tolist()
        elif isinstance(value, np.generic):
            value = value.item()
        elif isinstance(value, tuple):
            value = [v.item() if isinstance(v, np.generic) else v for v in value]
        parameters[name] = value
    return parameters


def describe_autoencoder(model: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """A fitted `Autoencoder` as a description and arrays."""
    description, arrays = describe_network(model.network_, model.history_)
    if model.encoding_ is not None:
        description["encoding"] = model.encoding_.described()
    return (
        {"parameters": parameters_of(model), **describe_columns(model), **description},
        {**arrays, **describe_scaling(model.shift_, model.factor_)},
    )


def restore_autoencoder(model_class: Any, file: ModelFile) -> Any:
    """The `Autoencoder` that `describe_autoencoder` described.

    Raises
    ------
    ModelFileError
        When the file does not describe one.
    """
    model = constructed(model_class, file)
    n_features = restore_columns(model, file)
    model.encoding_ = restore_encoding(file, n_features)
    if model.encoding_ is not None:
        n_features = model.encoding_.n_encoded
    model.shift_, model.factor_ = restore_scaling(file, n_features)
    model.network_ = restore_network(
        file, file.description.get("architecture"), "params", n_features, model.n_threads
    )
    model.history_ = restore_history(file, file.description.get("history"))
    return model


def constructed(estimator_class: Any, file: ModelFile) -> Any:
    """An unfitted estimator of the class with the parameters that the file has.

    Raises
    ------
    ModelFileError
        When there are none, or unknown ones.
    """
    known = estimator_class._get_param_names()
    parameters = file.value(
        "parameters",
        lambda found: isinstance(found, dict) and set(found) <= set(known),
        f"an object with the parameters of {estimator_class.__name__}",
    )
    # JSON has no tuples, and scikit-learn's clone wants parameters that do not change.
    return estimator_class(
        **{name: tuple(v) if isinstance(v, list) else v for name, v in parameters.items()}
    )


def describe_columns(estimator: Any) -> dict[str, Any]:
    """The number and the names of the columns an estimator was fitted to, and whose frame's."""
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "n_features_in": estimator.n_features_in_,
        "feature_names_in": None if names is None else names.tolist(),
        **({"frames": estimator._library} if estimator._library else {}),
    }


def restore_columns(estimator: Any, file: ModelFile) -> int:
    """Give an estimator the columns that the file has; returns how many.

    Raises
    ------
    ModelFileError
        When they are not so many names.
    """
    n_features = file.value(
        "n_features_in", lambda n: type(n) is int and 0 < n <= LARGEST_COUNT, "a number above 0"
    )
    names = file.value(
        "feature_names_in",
        lambda found: found is None or (_are_names(found) and len(found) == n_features),
        f"null or {n_features} names",
    )
    if "frames" in file.description:
        estimator._library = file.value("frames", LIBRARIES.__contains__, "a library of frames")
    estimator.n_features_in_ = int(n_features)
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    return int(n_features)


def _are_names(found: Any) -> bool:
    return isinstance(found, list) and all(type(name) is str for name in found)


def restore_encoding(file: ModelFile, n_features: int) -> Encoding | None:
    """How the columns of a DataFrame become those of the network; None when they are the same.

    Raises
    ------
    ModelFileError
        When it is not of so many columns.
    """
    if "encoding" not in file.description:
        return None
    described = file.value(
        "encoding",
        lambda found: len(Encoding.restored(found).columns) == n_features,
        f"the encoding of {n_features} columns",
    )
    return Encoding.restored(described)


def describe_network(network: Network, history: History) -> tuple[dict[str, Any], dict[str, Array]]:
    """A network as a description and arrays."""
    return (
        {
            "architecture": json.loads(network.architecture.to_json()),
            "history": describe_history(history),
        },
        {"params": network.params},
    )


def restore_network(
    file: ModelFile, described: Any, params: str, n_features: int, n_threads: Any
) -> Network:
    """The network of a described architecture, with the array of that name as parameters.

    Raises
    ------
    ModelFileError
        When they do not describe one for data of that width.
    """
    try:
        architecture = Architecture.from_json(json.dumps(described))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise file.error(f"its architecture is not one ({error})") from error
    if architecture.n_features != n_features:
        raise file.error(
            f"its network has {shown(architecture.n_features)} inputs, not {shown(n_features)}"
        )
    array = file.array(params, (np.float32, np.float64), (architecture.n_params,), finite=True)
    try:
        return Network(architecture, array, dtype=array.dtype, n_threads=n_threads)
    except ValueError as error:
        raise file.error(str(error)) from error


def describe_history(history: History) -> dict[str, Any]:
    """A history as JSON has it."""
    described = asdict(history)
    if not history.n_dropped:  # which older readers do not know
        del described["n_dropped"]
    return described


def restore_history(file: ModelFile, found: Any) -> History:
    """The history that `describe_history` described.

    Raises
    ------
    ModelFileError
        When it is none.
    """
    curves = ("loss_curve", "validation_loss_curve")
    if (
        not isinstance(found, dict)
        or set(found) - {"n_dropped"} != {*curves, "n_steps", "stopped_because"}
        or not all(isinstance(found[curve], list) for curve in curves)
        or not all(_is_loss(loss) for curve in curves for loss in found[curve])
        or type(found["n_steps"]) is not int
        or type(found.get("n_dropped", 0)) is not int
        or not 0 <= found["n_steps"] <= LARGEST_COUNT
        or not isinstance(found["stopped_because"], str)
        or len(found["stopped_because"]) > LONGEST_REASON
    ):
        raise file.error("its history of the fit is not one")
    return History(**found)


def _is_loss(loss: Any) -> bool:
    return type(loss) is float or (type(loss) is int and abs(loss) <= sys.float_info.max)


def describe_scaling(shift: Array | None, factor: Array | None) -> dict[str, Array]:
    """The arrays of a scaling; none without one."""
    arrays = {"shift": shift, "factor": factor}
    return {name: array for name, array in arrays.items() if array is not None}


def restore_scaling(file: ModelFile, n_features: int) -> tuple[Array | None, Array | None]:
    """The shift and factor that the file has.

    Raises
    ------
    ModelFileError
        When they do not fit the columns.
    """
    shift = factor = None
    if "shift" in file.arrays:
        shift = file.array("shift", np.float64, (n_features,), finite=True)
    if "factor" in file.arrays:  # sparse data is divided, and not shifted
        factor = file.array("factor", np.float64, (n_features,), finite=True)
        if (factor == 0).any():
            raise file.error("its array 'factor' has zeros")
    return shift, factor
