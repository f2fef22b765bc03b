"""What an autoencoder does once it is fitted: encode, reconstruct, score, fill in, explain itself."""

from os import PathLike
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from ._typing import Array
from .diagnosis import Diagnosis, diagnose
from .fitting import checked, seen
from .model_file import ModelFile, read_file
from .rows import Rows
from .saving import describe_autoencoder, restore_autoencoder, save
from .scaling import undo_scaling


class FittedAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What the estimators share that hold a `network_`, the scaling of its columns and a history."""

    # --- using what was learned ----------------------------------------------------------------

    def transform(self, X: Any) -> Array:
        """The code (m, n_components) of the rows of X (m, n_features)."""
        rows = self._rows(X)
        return self.network_.encode(rows)

    def inverse_transform(self, X: Any) -> Any:
        """The rows (m, n_features) that codes X (m, n_components) stand for, in the data's units.

        A DataFrame with ``columns='mixed'``: of categories the most probable one.

        Raises
        ------
        ValueError
            When X is no finite array of that width.
        """
        check_is_fitted(self)
        code = check_array(X, dtype=[np.float64, np.float32])
        return self._in_units(self.network_.decode(code), X)

    def reconstruct(self, X: Any) -> Any:
        """X (m, n_features) through the code and back, in the data's units: (m, n_features).

        A DataFrame with ``columns='mixed'``: of categories the most probable one.
        """
        rows = self._rows(X)
        return self._in_units(self.network_.forward(rows), X)

    def score_samples(self, X: Any) -> Array:
        """Minus the reconstruction error of each row, (m,) float64: the lower, the less usual.

        The error is the model's loss, of scaled columns, summed over columns.
        """
        rows = self._rows(X)
        return -self.network_.reconstruction_errors(rows).astype(np.float64)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Minus the mean reconstruction error of the rows of X: higher is better."""
        return float(np.average(self.score_samples(X), weights=sample_weight))

    def feature_errors(self, X: Any) -> Array:
        """The reconstruction error of each entry of X (m, n_features), of scaled columns.

        Each row's sum is minus its `score_samples`. With ``columns='mixed'``, an entry's error is
        that of all columns that it became.
        """
        rows = self._rows(X)
        errors = self.network_.feature_errors(rows).astype(np.float64)
        return errors if self.encoding_ is None else self.encoding_.summed(errors)

    def diagnose(self, X: Any) -> Diagnosis:
        """Say whether the model has learned something, and if not, why and what to try.

        Puts its loss beside the column mean's and that of PCA with the same code size, looks at the
        layers, the code and the loss curve, and says what it found in words. Prints as a report.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_features)
            The data that it was fitted to; of more than 10 000 rows, so many are looked at.

        Returns
        -------
        ae_core.diagnosis.Diagnosis
        """
        rows = self._rows(X)
        return diagnose(
            self.network_,
            rows,
            history=self.history_,
            raw=rows.X,
            feature_names=(
                getattr(self, "feature_names_in_", None)
                if self.encoding_ is None
                else self.encoding_.names
            ),
            settings={
                name: getattr(self, name)
                for name in ("learning_rate_init", "learning_rate", "max_iter", "solver")
            },
        )

    def _rows(self, X: Any) -> Rows:
        check_is_fitted(self)
        return seen(self, checked(self, X, reset=False))

    def _in_units(self, X_hat: Array, like: Any) -> Any:
        """What the network gives (m, n), as the data is: in its units, and like it a DataFrame."""
        X_hat = undo_scaling(X_hat, self.shift_, self.factor_)
        if self.encoding_ is None:
            return X_hat
        return self.encoding_.decode(X_hat, like.index if hasattr(like, "columns") else None)

    # --- what a subclass has more of -----------------------------------------------------------

    def _learn_from(self, rows: Rows) -> None:
        """Learn what else the network is made from, from the scaled rows."""

    def _network_options(self, n_features: int) -> dict[str, Any]:
        """More of the arguments of `Architecture`, or others, for columns as they are encoded."""
        if self.encoding_ is None:
            return {}
        weights = self.feature_weights
        return {
            "loss": self.encoding_.loss(self.loss),
            "feature_weights": None if weights is None else self.encoding_.expanded(weights),
        }

    def _training_options(self) -> dict[str, Any]:
        """More of the arguments of `train`."""
        return {}

    # --- saving --------------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to a file, whole or not at all; `ae_core.load` reads it.

        Raises
        ------
        NotFittedError
            Before `fit`.
        OSError
            When the file can't be written; a file that was there before stays as it was.
        """
        check_is_fitted(self)
        save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The model that `save` wrote; no code from the file is run.

        Raises
        ------
        ModelFileError
            When the file is not a saved Autoencoder, or damaged.
        OSError
            When it can't be read.
        """
        return cls._restored(read_file(path, cls.__name__))

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        return describe_autoencoder(self)

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        return restore_autoencoder(cls, file)

    # --- what the fit left -----------------------------------------------------------------------

    @property
    def coefs_(self) -> list[Array]:
        """Weights of each layer, (n_in, n_out), sharing memory with `network_`."""
        network = self.network_
        return [layer.weights for layer in network.architecture.layers(network.params)]

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer, (n_out,), sharing memory with `network_`."""
        network = self.network_
        layers = network.architecture.layers(network.params)
        return [layer.biases for layer in layers if layer.biases is not None]

    @property
    def loss_curve_(self) -> list[float]:
        """Mean loss of each epoch, each batch taken before its step."""
        return self.history_.loss_curve

    @property
    def validation_loss_curve_(self) -> list[float]:
        """Loss on the rows held out, or ``X_val``, after each epoch; empty without."""
        return self.history_.validation_loss_curve

    @property
    def best_loss_(self) -> float:
        """The smallest loss of an epoch: on held-out rows, if there are any."""
        return min(self.history_.watched)

    @property
    def n_iter_(self) -> int:
        """Epochs of the last fit; for 'lbfgs', iterations."""
        return self.history_.n_iter

    @property
    def _n_features_out(self) -> int:
        return self.network_.architecture.n_components
