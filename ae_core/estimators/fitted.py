"""What an autoencoder is once it is fitted: what it does with rows, its report, what is saved."""

from importlib import import_module
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..basics.extras import optional
from ..basics.memory import SMALLER, says_what_it_lacks
from ..basics.shown import shown
from ..data.blocks import blocks_of
from ..data.encoding import Encoding
from ..data.rows import Rows
from ..diagnosis.diagnose import examine
from ..diagnosis.result import Diagnosis
from ..files.model_description import from_json, to_json
from ..files.model_file import ModelFile
from .beside import NOT_FOR_BLOCKS, refuse_beside, refuse_export
from .block_fitting import sampled
from .completing import CompletingAutoencoder
from .fitting import clips, in_rates, weights_of
from .parameters import size_factors_of
from .saved import describe_autoencoder, restore_autoencoder
from .saved_stream import describe_stream, restore_stream
from .scoring import ScoringAutoencoder
from .tables import indexable
from .trying import Table, check_budget, try_filling, try_settings

TORCH = "ae_core.export.torch_module"
"""Imported on first use, as it needs PyTorch."""


class FittedAutoencoder(CompletingAutoencoder, ScoringAutoencoder):
    """What estimators share that hold a `network_`, the scaling of its columns and a history."""

    @says_what_it_lacks(SMALLER)
    def diagnose(
        self,
        X: Any,
        *,
        sample_weight: Any = None,
        covariates: Any = None,
        size_factors: Any = None,
        trials: bool = True,
        budget: float = 5.0,
    ) -> Diagnosis:
        """Say whether the model has learned something, and if not, why and what to try.

        Puts its loss beside the best constant's and that of PCA with the same code size, looks at
        the layers, the code, the loss curve and the columns, and says what it found in words.
        Prints as a report.

        Where the fit is poor, advice is tried before it is given: the same settings are fitted anew
        to some of the rows, from the same seed, with one of them changed at a time. The report says
        which changes helped, best first, and by how much; what did not help is not said.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
            The data that it was fitted to, or `Blocks`; of more than 10 000 rows, so many are
            looked at, and fewer of wide sparse ones.
        sample_weight : array of shape (m,), optional
            That of the fit.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            As of `reconstruct`. PCA is then of what is not linear in them.
        size_factors : array of shape (m,), optional
            As of `reconstruct`; with them no settings are tried.
        trials : bool, default=True
            Whether to try settings. A line on standard error says so while it lasts.
        budget : float, default=5
            Seconds that trials may take.

        Returns
        -------
        ae_core.diagnosis.diagnose.Diagnosis
            What was found; prints as a report.

        Raises
        ------
        ValueError
            When X is not as in the fit, or budget no number above 0.
        """
        check_budget(budget)
        blocks, given = blocks_of(X), {"covariates": covariates, "size_factors": size_factors}
        check_is_fitted(self)
        if blocks is not None:
            refuse_beside(given, NOT_FOR_BLOCKS)
            X = sampled(blocks)
        rows = in_rates(self._rows(X, **given))
        X = indexable(X)
        weights = weights_of(sample_weight, rows.X)
        names, sources = getattr(self, "feature_names_in_", None), None
        if self.encoding_ is not None:
            names = self.encoding_.names
            sources = self.encoding_.sources[: self.encoding_.n_encoded]
        examined = examine(
            self.network_,
            rows if weights is None else rows.reweighted(weights),
            history=self.history_,
            raw=Rows(rows.X, missing=rows.missing, n_covariates=rows.n_covariates),
            feature_names=names,
            sources=sources,
            settings={**self.get_params(deep=False), "size_factors": size_factors_of(self)},
        )
        tried = filling = None
        # Of ratings a trial would be judged by what it was given: copying would always win.
        # Nor are there size factors of the rows that a trial would be of.
        if trials and examined.wants_trials and self._scale != "biases" and size_factors is None:
            m = examined.measures
            lost = m.references.lost(m.loss) if m.is_poor else None
            beside = Table(X, weights, covariates)
            tried = try_settings(self, beside, lost=lost, budget=budget)
        if trials and examined.wants_filling and size_factors is None:
            filling = try_filling(self, Table(X, None, covariates), budget=budget)
        return examined.report(tried, filling)

    # --- what a subclass has more of -----------------------------------------------------------

    def _learn_from(self, rows: Rows) -> None:
        """Hook: estimate what the architecture needs (of a VAE the noise variance)."""

    def _learn_on(self, rows: Rows) -> None:
        """Hook: estimate it again from a part of a stream, if the parts before had few rows."""

    def _network_options(self, n_features: int) -> dict[str, Any]:
        """Hook: further arguments of `Architecture`, or other ones, for the encoded columns."""
        encoding: Encoding | None = getattr(self, "encoding_", None)  # none before the first fit
        weights = self.feature_weights
        if encoding is None:
            return {"feature_weights": weights}
        return {
            "loss": encoding.loss(self.loss),
            "feature_weights": None if weights is None else encoding.expanded(weights),
        }

    def _training_options(self) -> dict[str, Any]:
        """Hook: further arguments of `train`."""
        return {}

    # --- PyTorch ---------------------------------------------------------------------------------

    def to_torch(self) -> Any:
        """The fitted model as a ``torch.nn.Module``, to be trained on, combined or compiled.

        Its `transform`, `reconstruct` (and `forward`), `inverse_transform` and, of an
        `Autoencoder`, `score_samples` take and give tensors as the methods here do arrays; with
        ``columns='mixed'`` those of encoded columns, ``encoding_.encode(X)``. Parameters have the
        names of ``network_.weights`` and are copies: `from_torch` brings them back.

        Returns
        -------
        ae_core.export.torch_module.AutoencoderModule
            A module with parameters of its own.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            When the model is given covariates, or divides rows of counts by their sums.
        MissingExtraError
            Without PyTorch: ``pip install 'ae_core[torch]'``.
        """
        check_is_fitted(self)
        refuse_export(self)
        module = optional("torch", "exports to PyTorch", "torch") and import_module(TORCH)
        return module.AutoencoderModule(*self._describe(), clip=clips(self))

    @classmethod
    def from_torch(cls, module: Any) -> Self:
        """The fitted model that `to_torch` gave, with the parameters that the module has now.

        Everything else is as it was, but where a stream had got to.

        Parameters
        ----------
        module : torch.nn.Module
            That of `to_torch`, trained on or not.

        Returns
        -------
        self
            A new estimator, fitted.

        Raises
        ------
        ValueError
            When it is no such module, or its parameters are not finite.
        """
        arrays = getattr(module, "arrays", None)
        if not callable(arrays) or not isinstance(getattr(module, "description", None), dict):
            raise ValueError(
                f"module={shown(module)}: must be what to_torch of a fitted model gave"
            )
        described = {k: v for k, v in module.description.items() if k != "stream"}
        file = ModelFile(cls.__name__, from_json(to_json(described)), arrays(), "module")
        return cls._restored(file)

    # --- saving --------------------------------------------------------------------------------

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        description, arrays = describe_autoencoder(self)
        streams, their_arrays = describe_stream(self)
        return {**description, **streams}, {**arrays, **their_arrays}

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        model: Self = restore_autoencoder(cls, file)
        restore_stream(model, file)
        return model

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
