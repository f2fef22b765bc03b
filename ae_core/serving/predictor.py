"""`Predictor`: a saved model that is used, without the libraries that fit one."""

from os import PathLike
from typing import Any, TypeVar

import numpy as np

from .._typing import Array
from ..basics.arguments import check_path, is_number
from ..data.checks import FIT_MASK
from ..data.frames import framed, from_pandas, is_frame, library_of
from ..data.plain_rows import is_plain
from ..data.rows import Rows
from ..data.running_scaling import RunningScaling
from ..data.scaling import SCALES
from ..data.seen_rows import Seeing
from ..files.model_file import ModelFile, read_file
from ..formulas.losses import LOSSES
from ..network.compiled import Network
from ..network.rules import checked_weights
from .completing import completed, completed_cells, completed_mixed
from .imputing import MARKED, Imputing, are_parameters
from .likelihood import noise_constants
from .one_row import row_of_ensemble, row_of_network
from .ranges import bounds, errors_in_range, reconstructed, scored, within_range
from .restoring import (
    read_columns,
    restore_encoding,
    restore_ensemble,
    restore_network,
    restore_seeing,
    restore_threshold,
)
from .tables import Columns

DETECTOR, VARIATIONAL = "AutoencoderOutlierDetector", "VariationalAutoencoder"
IMPUTER = "AutoencoderImputer"
KINDS = ("Autoencoder", DETECTOR, IMPUTER, VARIATIONAL)

Part = TypeVar("Part")


def _are_parameters(found: Any) -> bool:
    """Whether the parameters that are used here are valid ones of an estimator."""
    return bool(
        isinstance(found, dict)
        and found.get("missing_values") in (None, "mask", "implicit")
        and found.get("loss", "squared_error") in LOSSES
        and found.get("scale") in (None, "auto", *SCALES)
    )


class Predictor:
    """A saved model, to be used: codes, reconstructions, scores, and what explains them.

    What `save` wrote is loaded without scikit-learn or pandas, in a fraction of the time and
    memory, and gives the numbers that the estimator gives, to the bit. Like that it offers what its
    kind of model does; other methods raise AttributeError.

    Every method takes what the estimator takes; and, where the fit was of columns with names, a
    mapping of columns or a list of mappings, one for each row (of which a name that is not there
    counts as missing). An array goes by the order of the columns. Frames come back as frames,
    where their library is installed, and mappings as mappings of columns.

    Parameters
    ----------
    file : ModelFile
        What was read; usually `Predictor.load` makes one.

    Attributes
    ----------
    kind : str
        The class that was fitted.
    n_features_in_ : int
    feature_names_in_ : tuple of str or None
        When the fit was of columns with names.
    n_features_out_ : int or None
        Numbers of a code; None for a detector and an imputer.
    offset_, threshold_ : float or None
        Of a detector: a row is an outlier whose `score_samples` is below ``offset_``, which is
        minus the threshold.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from ae_core import AutoencoderOutlierDetector, Predictor
    >>> X = np.random.default_rng(0).normal(size=(300, 5))
    >>> detector = AutoencoderOutlierDetector(random_state=0).fit(X)
    >>> path = Path(tempfile.mkdtemp()) / "detector.safetensors"
    >>> detector.save(path)
    >>> predictor = Predictor.load(path)
    >>> bool((predictor.score_samples(X) == detector.score_samples(X)).all())
    True
    """

    def __init__(self, file: ModelFile) -> None:
        is_imputer = file.kind == IMPUTER
        check = are_parameters if is_imputer else _are_parameters
        parameters = file.value("parameters", check, "parameters of an estimator")
        self.kind = file.kind
        self.n_features_in_, names = read_columns(file)
        self.feature_names_in_ = None if names is None else tuple(names)
        self._encoding = restore_encoding(file, self.n_features_in_)
        missing = parameters.get("missing_values")
        if is_imputer:  # the parameter is its marker; where that is a number, NaN is refused
            missing = None if is_number(missing) and self._encoding is None else "mask"
        self._columns = Columns(
            self.kind,
            self.n_features_in_,
            self.feature_names_in_,
            self._encoding,
            missing,
            takes_other_categories=self.kind == DETECTOR,
            advice=MARKED if is_imputer else FIT_MASK,
        )
        self._missing = missing
        self.offset_: float | None = None
        self.threshold_: float | None = None
        self.n_features_out_: int | None = None
        self._network: Network | None = None
        self._ensemble: Any = None
        self._one_row: Any = None
        self._imputing: Imputing | None = None
        if is_imputer:
            self._imputing = Imputing(file, self._columns, parameters)
        elif self.kind == DETECTOR:
            self._restore_detector(file, parameters)
        else:
            self._restore_autoencoder(file, parameters)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Predictor":
        """The model that an estimator's `save` wrote; no code from the file is run.

        Parameters
        ----------
        path : str or path
            Of the file.

        Returns
        -------
        Predictor
            Ready to be asked.

        Raises
        ------
        ModelFileError
            When the file is not a saved model, or damaged.
        OSError
            When it can't be read.
        """
        return cls(read_file(check_path("path", path), KINDS))

    def __repr__(self) -> str:
        return f"<ae_core.Predictor of {self.kind}, {self.n_features_in_} columns>"

    # --- what autoencoders offer ------------------------------------------------------------

    def transform(self, X: Any) -> Any:
        """The code (m, n_components) of the rows of X (m, n_features); of an imputer, X filled in.

        Parameters
        ----------
        X : array, DataFrame, mapping of columns or list of mappings
            Rows with the columns of the fit, (m, n_features).
        """
        if self._imputing is not None:
            return self._imputing.transform(X)
        network, rows = self._needed(self._network, "transform"), self._rows(X)
        return within_range(network.encode(rows), rows, "the code")

    def reconstruct(self, X: Any) -> Any:
        """X (m, n_features) through the code and back, in the data's units.

        Of mixed tables, of categories the most probable one: a frame where X is one, else a mapping
        of columns.

        Parameters
        ----------
        X : array, DataFrame, mapping of columns or list of mappings
            Rows with the columns of the fit, (m, n_features).
        """
        network = self._needed(self._network, "reconstruct")
        X_hat = reconstructed(network, self._rows(X), self._seeing)
        return self._as_given(X_hat, X)

    def impute(self, X: Any) -> Any:
        """X with what is unseen of it filled in by the reconstruction; what is seen stays.

        Columns of which the fit saw nothing stay missing. Of mixed tables that are no frames a
        mapping of columns: numbers as float64, flags and categories as objects.

        Parameters
        ----------
        X : array, DataFrame, mapping of columns or list of mappings
            Rows with the columns of the fit, (m, n_features).

        Raises
        ------
        AttributeError
            For a model to which nothing is unseen.
        """
        network = self._needed(self._network, "impute")
        if self._missing is None:
            raise AttributeError(
                "missing_values=None: to this model nothing is unseen, so there is nothing to fill "
                "in; fit it with missing_values='mask', for NaN"
            )
        table = self._columns.numbers_of(X)
        rows = self._scaled(table)
        if self._encoding is None:
            filled = completed(X, table, rows, network, self._seeing, self._never)
            return filled if is_frame(X) else self._by_name(filled, X)
        never = self._never[self._encoding.starts[:-1]]
        X_hat = reconstructed(network, rows, self._seeing)
        if is_frame(X):
            return completed_mixed(X, self._encoding, X_hat, never)
        return completed_cells(self._columns.cells_of(X), self._encoding, table, X_hat, never)

    # --- what all offer ------------------------------------------------------------

    def score_samples(self, X: Any) -> Array:
        """The lower, the less usual a row is: (m,) float64, as of the estimator.

        Parameters
        ----------
        X : array, DataFrame, mapping of columns or list of mappings
            Rows with the columns of the fit, (m, n_features).
        """
        if self._one_row is not None:
            score = self._one_row.score(X)
            if score is not None:
                return np.asarray(score)
        if self._ensemble is not None:
            return np.asarray(-self._ensemble.scores(self._rows(X)))
        network, rows = self._needed(self._network, "score_samples"), self._rows(X)
        if self.kind == VARIATIONAL:
            constants = noise_constants(rows, self._variance, self._weights, self._is_normal)
            return scored(bounds(network, rows) - constants)
        return -errors_in_range(network.reconstruction_errors(rows))

    # --- what detectors offer ------------------------------------------------------------

    def decision_function(self, X: Any) -> Array:
        """``score_samples - offset_``, (m,): negative for outliers.

        Parameters
        ----------
        X : array, DataFrame, mapping of columns or list of mappings
            Rows with the columns of the fit, (m, n_features).
        """
        return self.score_samples(X) - self._needed(self.offset_, "decision_function")

    def predict(self, X: Any) -> Array:
        """1 for usual rows, -1 for outliers: (m,) int.

        Parameters
        ----------
        X : array, DataFrame, mapping of columns or list of mappings
            Rows with the columns of the fit, (m, n_features).
        """
        return np.where(self.score_samples(X) - self._needed(self.offset_, "predict") < 0, -1, 1)

    def explain(self, X: Any) -> Any:
        """How unusual each entry is, beside what is usual: (m, n_features) float64.

        Parameters
        ----------
        X : array, DataFrame, mapping of columns or list of mappings
            Rows with the columns of the fit, (m, n_features).
        """
        contributions = self._needed(self._ensemble, "explain").contributions(self._rows(X))
        if self._encoding is not None:
            contributions = self._encoding.summed(contributions)
        return self._by_name(framed(contributions, X), X)

    # --- within ------------------------------------------------------------

    def _restore_detector(self, file: ModelFile, parameters: dict[str, Any]) -> None:
        n_threads = parameters.get("n_threads")
        self._ensemble = restore_ensemble(file, self.n_features_in_, self._encoding, n_threads)
        self.threshold_ = restore_threshold(file)
        self.offset_ = -self.threshold_
        self._n_encoded = self._ensemble.networks[0].architecture.n_features
        self._seeing = Seeing("squared_error", None, None, None, None, self._missing)
        if self._encoding is None and self._missing != "implicit":
            self._one_row = row_of_ensemble(self._ensemble, self._missing)

    def _restore_autoencoder(self, file: ModelFile, parameters: dict[str, Any]) -> None:
        n = self.n_features_in_ if self._encoding is None else self._encoding.n_encoded
        self._n_encoded = n
        if "covariates" in file.description:
            raise file.error(
                "it was fitted with covariates, which Predictor has no place for: use ae_core.load"
            )
        scale, loss = parameters.get("scale", "standard"), parameters.get("loss", "squared_error")
        self._seeing = restore_seeing(file, scale, loss, self._missing, n)
        if self._seeing.usual_sum is not None:
            raise file.error(
                "it takes away what rows have of their own (counts with size_factors), "
                "which Predictor does not: use ae_core.load"
            )
        described = file.description.get("architecture")
        self._network = restore_network(file, described, "params", n, parameters.get("n_threads"))
        self.n_features_out_ = self._network.architecture.n_components
        self._never = np.zeros(n, dtype=bool)
        if "running_scaling" in file.arrays:
            table = file.array("running_scaling", np.float64, (6, n), finite=True)
            self._never = ~RunningScaling(table).was_seen
        if self.kind == VARIATIONAL:
            self._restore_noise(file, parameters.get("feature_weights"), loss)
        elif self._encoding is None and self._missing != "implicit" and self._seeing.is_of_columns:
            self._one_row = row_of_network(self._network, self._seeing)

    def _restore_noise(self, file: ModelFile, weights: Any, loss: str) -> None:
        """The noise of a variational autoencoder, of which its likelihood has constants."""
        n, has_variance = self._n_encoded, LOSSES[loss].has_variance
        self._variance = file.value(
            "noise_variance",
            lambda v: v is None or (is_number(v) and 0 < v < np.inf),
            "null or a number above 0",
        )
        try:
            if weights is not None and self._encoding is not None:
                weights = self._encoding.expanded(weights)
            checked = checked_weights(weights, n)
        except ValueError as error:
            raise file.error(str(error)) from error
        self._weights = np.ones(n) if checked is None else np.array(checked)
        self._is_normal = np.full(n, has_variance)
        if has_variance and self._encoding is not None:
            self._is_normal = self._encoding.is_number

    def _rows(self, X: Any) -> Rows:
        return self._scaled(self._columns.numbers_of(X))

    def _scaled(self, table: Any) -> Rows:
        seeing, missing = self._seeing, self._missing
        if seeing.is_of_columns and is_plain(table, self._n_encoded, missing):
            return Rows.of_plain(
                table, seeing.shift, seeing.factor, clip=seeing.clips, missing=missing
            )
        return seeing.rows(table)

    def _as_given(self, X_hat: Array, X: Any) -> Any:
        if self._encoding is None:
            return self._by_name(framed(X_hat, X), X)
        if not is_frame(X):
            return self._encoding.decode_cells(X_hat)
        frame = self._encoding.decode(X_hat, getattr(X, "index", None))
        return from_pandas(frame, library_of(X))

    def _by_name(self, values: Any, X: Any) -> Any:
        """An array (m, n_columns) as a mapping of columns where X is such."""
        if not self._columns.is_by_name(X):
            return values
        return {each: values[:, i] for i, each in enumerate(self.feature_names_in_ or ())}

    def _needed(self, part: Part | None, method: str) -> Part:
        """What a method needs of the model, if models of this kind have it."""
        if part is None:
            raise AttributeError(f"this file holds a fitted {self.kind}, which has no {method}")
        return part
