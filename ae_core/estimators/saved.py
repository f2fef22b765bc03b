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
from ..data.checks import check_dtype
from ..data.covariates import Covariates
from ..data.frames import LIBRARIES
from ..export.onnx_model import to_onnx
from ..export.skl2onnx_converter import converter, shape_calculator
from ..files.model_description import from_json, to_json
from ..files.model_file import ModelFile, ModelFileError, read_file, write_file
from ..formulas.losses import LOSSES
from ..network.compiled import Network
from ..serving.predictor import Predictor
from ..serving.restoring import (
    LARGEST_COUNT,
    read_columns,
    restore_encoding,
    restore_network,
    restore_seeing,
)
from ..training.progress import History
from .beside import refuse_export
from .parameters import n_covariates_of

LONGEST_REASON = 1000
"""Characters of the reason why a fit ended, at most."""

NOT_SAVED = ("random_state",)
"""Saved only if they are integers: a model file holds no generators."""


class Unwritten(ModelFile):
    """The content of a file before it is written, to try whether it can be read."""

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
        unwritten = self._unwritten(description, arrays)
        type(self)._restored(unwritten)
        write_file(path, unwritten.kind, description, arrays)

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

    def to_onnx(self, path: str | PathLike[str] | None = None) -> Any:
        """The fitted model in the format ONNX, for runtimes of other languages and machines.

        Operator set 17 (and ``ai.onnx.ml`` 3, for text); the network's arithmetic is float32's,
        that of scaling and of a detector's distances float64's. The input is ``X`` (m, n_features)
        float32; of a mixed table a column (m, 1) by its name for each: text, float64 for other
        categories, float32 for numbers and flags. NaN, and empty text, is missing. What the
        estimator refuses cannot be refused there: the outputs of such a row are NaN.

        Outputs of an `Autoencoder` are ``code``, ``reconstruction`` and ``score``, as `transform`,
        `reconstruct` and `score_samples` give them; and ``imputed`` where something may be missing
        (with missing_values='implicit', as of ratings, X is dense, with NaN for it). Of a mixed
        table, ``reconstruction_`` and the name for each column instead. Of a
        `VariationalAutoencoder` ``log_variance`` in place of the score, which has draws in it. Of a
        detector ``label``, ``score`` and ``contributions``, as `predict`, `score_samples` and
        `explain` give them. Of an `AutoencoderImputer` ``imputed``, and with ``add_indicator``
        ``indicator``, beside each other as `transform` has them.

        Parameters
        ----------
        path : str or path, optional
            Where to write it, whole or not at all.

        Returns
        -------
        onnx.ModelProto
            What was written, or is to be.

        Raises
        ------
        NotFittedError
            Before `fit`.
        MissingExtraError
            Without the package onnx: ``pip install 'ae_core[onnx]'``.
        ValueError
            For what ONNX does not have: the loss 'negative_binomial', imputers of mixed columns or
            with draws, and detectors from files of version 0.1.0.
        """
        return to_onnx(self._as_predictor(), path)

    def onnx_shape_calculator(self) -> Any:
        """Asked by skl2onnx where the model is a step of a pipeline: see `to_onnx`."""
        return shape_calculator(self._as_predictor())

    def onnx_converter(self) -> Any:
        """Asked by skl2onnx where the model is a step of a pipeline: see `to_onnx`.

        A transformer gives its code, a detector ``label`` and ``scores``, the latter as
        `decision_function`.
        """
        return converter(self._as_predictor())

    def _as_predictor(self) -> Predictor:
        """The fitted model without what fits it."""
        check_is_fitted(self)
        refuse_export(self)
        return Predictor(self._unwritten(*self._describe()))

    def _unwritten(self, description: dict[str, Any], arrays: dict[str, Array]) -> Unwritten:
        """The content of a file with this description and these arrays, as it would be read."""
        return Unwritten(type(self).__name__, from_json(to_json(description)), arrays)

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """The description and the arrays that go into the file."""
        raise NotImplementedError

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        """The estimator that a file holds."""
        raise NotImplementedError


def parameters_of(estimator: Any) -> dict[str, Any]:
    """The estimator's constructor parameters as JSON has them."""
    parameters = {}
    for name, value in estimator.get_params(deep=False).items():
        if name in NOT_SAVED and not isinstance(value, int | np.integer):
            value = None
        elif name == "dtype" and value is not None:
            value = np.dtype(value).name
        elif isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        elif isinstance(value, tuple):
            value = [v.item() if isinstance(v, np.generic) else v for v in value]
        parameters[name] = value
    return parameters


def describe_table(estimator: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """What all estimators have: parameters, and how columns are called, encoded and scaled."""
    names = getattr(estimator, "feature_names_in_", None)
    description = {
        "parameters": parameters_of(estimator),
        "n_features_in": estimator.n_features_in_,
        "feature_names_in": None if names is None else names.tolist(),
    }
    if estimator._library:
        description["frames"] = estimator._library
    if estimator.encoding_ is not None:
        description["encoding"] = estimator.encoding_.described()
    scaling = {"shift": estimator.shift_, "factor": estimator.factor_}
    return description, {name: array for name, array in scaling.items() if array is not None}


def restore_table(estimator_class: Any, file: ModelFile) -> Any:
    """An estimator with the parameters, columns and encoding that `describe_table` described.

    Raises
    ------
    ModelFileError
        When there are no parameters, or unknown ones, or columns are not so many names.
    """
    known = estimator_class._get_param_names()
    parameters = file.value(
        "parameters",
        lambda found: isinstance(found, dict) and set(found) <= set(known),
        f"an object with the parameters of {estimator_class.__name__}",
    )
    # JSON has no tuples, and scikit-learn's clone wants parameters that do not change.
    estimator = estimator_class(
        **{name: tuple(v) if isinstance(v, list) else v for name, v in parameters.items()}
    )
    estimator.n_features_in_, names = read_columns(file)
    if "frames" in file.description:
        estimator._library = file.value("frames", LIBRARIES.__contains__, "a library of frames")
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    estimator.encoding_ = restore_encoding(file, estimator.n_features_in_)
    return estimator


def describe_networks(networks: tuple[Network, ...]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Several networks; `ae_core.serving.restoring.restore_networks` reads them."""
    architectures = [json.loads(network.architecture.to_json()) for network in networks]
    arrays = {f"params_{i}": network.params for i, network in enumerate(networks)}
    return {"architectures": architectures}, arrays


def describe_autoencoder(model: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """A fitted `Autoencoder` as a description and arrays."""
    description, arrays = describe_table(model)
    description["architecture"] = json.loads(model.network_.architecture.to_json())
    description["history"] = describe_history(model.history_)
    arrays["params"] = model.network_.params
    if model.scale == "auto":
        description["scaled_by"] = model._scale
    if model._usual_sum is not None:
        description["usual_sum"] = model._usual_sum
    if model._covariates is not None:
        description["covariates"] = model._covariates.described()
        arrays["covariate_shift"] = model._covariates.shift
        arrays["covariate_factor"] = model._covariates.factor
    return description, arrays


def restore_autoencoder(model_class: Any, file: ModelFile) -> Any:
    """The `Autoencoder` that `describe_autoencoder` described.

    Raises
    ------
    ModelFileError
        When the file does not describe one.
    """
    model = restore_table(model_class, file)
    encoding = model.encoding_
    n_features = model.n_features_in_ if encoding is None else encoding.n_encoded
    try:
        check_dtype(model.dtype)
    except ValueError as error:
        raise file.error(str(error)) from None
    if model.loss not in LOSSES:
        raise file.error("its loss is unknown")
    found = restore_seeing(file, model.scale, model.loss, model.missing_values, n_features)
    model.shift_, model.factor_ = found.shift, found.factor
    model._scale, model._usual_sum = found.scale, found.usual_sum
    model._covariates = restore_covariates(file)
    model.network_ = restore_network(
        file, file.description.get("architecture"), "params", n_features, model.n_threads
    )
    if model.network_.architecture.n_covariates != n_covariates_of(model):
        raise file.error("its network has other covariates than the fit")
    model.history_ = restore_history(file, file.description.get("history"))
    return model


def restore_covariates(file: ModelFile) -> Covariates | None:
    """How covariates become numbers; None for a fit without.

    Raises
    ------
    ModelFileError
        When the file does not say it.
    """
    if "covariates" not in file.description:
        return None
    ends = ("covariate_shift", "covariate_factor")
    shift, factor = (file.array(name, np.float64, (None,), finite=True) for name in ends)
    if len(shift) != len(factor) or (factor == 0).any():
        raise file.error("its scaling of covariates is none")

    def restored(described: Any) -> Covariates:
        return Covariates.restored(described, shift, factor)

    what = "a description of covariates"
    return restored(file.value("covariates", lambda found: bool(restored(found)), what))


def describe_history(history: History) -> dict[str, Any]:
    """A history as JSON has it."""
    described = asdict(history)
    if not history.n_dropped:  # older versions refuse files that have it
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
        raise file.error("its history of the fit is malformed")
    return History(**found)


def _is_loss(loss: Any) -> bool:
    return type(loss) is float or (type(loss) is int and abs(loss) <= sys.float_info.max)
