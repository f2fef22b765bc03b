"""`AutoencoderImputer`: fills in what is missing of a table."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.impute import MissingIndicator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..basics.arguments import COUNT
from ..basics.memory import SMALLER, says_what_it_lacks
from ..data.encoding import Encoding
from ..data.frames import filled_frame, from_pandas, some_columns, with_columns
from ..data.markers import says_nan
from ..data.scaling import learn_scaling
from ..files.model_file import ModelFile
from ..serving.filling import Filling, FillingNetworks
from .donors import Donors
from .filling_networks import Options, train_networks
from .fitting import all_or_nothing, generator_of
from .imputer_parameters import LAYERS, ImputerParameters
from .imputer_tables import requested_library, table_to_fill, unmarked_frame
from .records import check_parameters, with_parameters
from .saved import SavedEstimator
from .saved_imputer import describe_imputer, restore_imputer
from .tables import FramesOut

N_FOLDS = 4
"""For draws, entries are divided into so many parts, each left out by one network."""


@with_parameters
class AutoencoderImputer(
    FramesOut,
    SavedEstimator,
    ImputerParameters,
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Fill in what is missing of a table, by all that is seen of its row.

    Several autoencoders, which are told of each entry whether it is seen, learn to fill in entries
    that are hidden from them; their predictions are averaged. What is seen stays exactly as it is.
    A frame of pandas, polars or pyarrow gives such a frame.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    networks_ : FillingNetworks
        The trained networks.
    shift_, factor_ : array of shape (n_encoded,)
        Networks see ``(X - shift_) * factor_``: mean 0 and variance 1 of what is seen. With
        ``columns='mixed'`` of the columns as they are encoded.
    low_, high_ : array of shape (n_encoded,)
        Smallest and largest number seen of each column: no number that is filled in is beyond.
    is_empty_ : array of shape (n_features,), bool
        Columns of which the fit has seen nothing.
    indicator_ : MissingIndicator
        With ``add_indicator=True``.
    n_features_in_ : int
    feature_names_in_ : array of str
        When X had column names.

    See Also
    --------
    Autoencoder : Learn a compressed representation, of tables with missing entries, too.

    Notes
    -----
    With ``sample_posterior=True`` the fitted model, and its file, hold up to 1000 residuals per
    column.

    References
    ----------
    Vincent, Larochelle, Bengio & Manzagol 2008, "Extracting and composing robust features with
    denoising autoencoders"; Gondara & Wang 2018, "MIDA: Multiple imputation using denoising
    autoencoders"; Rubin 1987, "Multiple imputation for nonresponse in surveys".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ae_core import AutoencoderImputer
    >>> X = load_breast_cancer().data[:100]
    >>> X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    >>> filled = AutoencoderImputer(random_state=0).fit_transform(X)
    >>> filled.shape, bool(np.isnan(filled).any())
    ((100, 30), False)
    """

    @says_what_it_lacks(SMALLER)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn to fill in rows such as those of X.

        Parameters
        ----------
        X : array or DataFrame of shape (n_samples, n_features)
            It need not have missing entries: networks learn from what is hidden of it.
        y : ignored
            Is there for scikit-learn's sake.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError, TypeError
            When a parameter or the data is not what it should be.
        """
        check_parameters(self)
        with all_or_nothing(self):
            self._fit(X)
        return self

    @says_what_it_lacks(SMALLER)
    def transform(self, X: Any) -> Any:
        """X (m, n_features) with what is missing of it filled in.

        With ``sample_posterior=True`` by one draw, which for an integer `random_state` is always
        the same for the same X; see `sample` for several.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        array or DataFrame of shape (m, n_features_out)
            Without the columns of which the fit has seen nothing, unless
            ``keep_empty_features=True``; with those of ``add_indicator``.
        """
        check_is_fitted(self)
        table = table_to_fill(self, X, reset=False)
        if self.sample_posterior and self.donors_ is not None:
            return self._drawn_tables(X, table, 1)[0]
        return self._output(X, table, self._filling().predicted(table))

    @says_what_it_lacks(SMALLER)
    def sample(self, X: Any, n_imputations: int = 5) -> list[Any]:
        """X filled in several times, by draws of what missing entries may have been.

        What is computed from each of the tables spreads as it must for not knowing these entries:
        see Rubin's rules (Rubin 1987). Entries of a row are drawn independently of each other.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_features)
            Rows with the columns of the fit.
        n_imputations : int, default=5
            How many times.

        Returns
        -------
        list of n_imputations tables
            Each as `transform` gives it.

        Raises
        ------
        ValueError
            When the fit was without ``sample_posterior=True``.
        """
        check_is_fitted(self)
        n = COUNT("n_imputations", n_imputations)
        if self.donors_ is None:
            raise ValueError(
                "sample_posterior=False: draws need a fit with AutoencoderImputer("
                "sample_posterior=True), which learns how far off predictions are"
            )
        return self._drawn_tables(X, table_to_fill(self, X, reset=False), n)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns that `transform` gives: (n_features_out,).

        Parameters
        ----------
        input_features : sequence of str, optional
            Of the columns that it is given; by default those of the fit, or x0, x1, ….
        """
        check_is_fitted(self)
        names = super().get_feature_names_out(input_features)
        kept = names if self.keep_empty_features else names[~self.is_empty_]
        if not self.add_indicator:
            return np.asarray(kept, dtype=object)
        return np.concatenate([kept, self.indicator_.get_feature_names_out(names)])

    # --- steps ---------------------------------------------------------------------------------

    @property
    def _starts(self) -> Array:
        """For each column, the first of its encoded columns: (n_features_in_,)."""
        encoding: Encoding | None = self.encoding_
        return np.arange(self.n_features_in_) if encoding is None else encoding.starts[:-1]

    @property
    def _is_number(self) -> Array:
        """Which encoded columns are numbers: (n_encoded,) bool."""
        encoding: Encoding | None = self.encoding_
        return np.ones(self.n_features_in_, bool) if encoding is None else encoding.is_number

    def _fit(self, X: Any) -> None:
        table = table_to_fill(self, X, reset=True)  # (m, n_encoded), NaN where missing
        is_seen = ~np.isnan(table)
        never = ~np.asarray(is_seen.any(axis=0))  # (n_encoded,)
        self.is_empty_ = never[self._starts]
        if self.add_indicator:
            self.indicator_ = MissingIndicator(error_on_new=False).fit(table[:, self._starts])
        scaling: Any = learn_scaling(table, "standard", missing="mask")
        is_number = self._is_number
        self.shift_ = np.where(is_number, scaling[0], 0)
        self.factor_ = np.where(is_number, scaling[1], 1)
        # float64 for float32 tables, too: files have it so.
        self.low_ = np.where(is_seen, table, np.inf).min(axis=0).astype(np.float64)
        self.high_ = np.where(is_seen, table, -np.inf).max(axis=0).astype(np.float64)
        self.low_[never] = self.high_[never] = 0
        random = generator_of(self)
        # Entries beyond all floats become infinite, and are clipped later.
        with np.errstate(over="ignore"):
            scaled = np.asarray((table - self.shift_) * self.factor_)
        options = self._options()
        self.networks_ = FillingNetworks(
            tuple(train_networks([scaled] * self.n_networks, options, random))
        )
        self.donors_ = self._donors(table, scaled, options, random)

    def _options(self) -> Options:
        encoding: Encoding | None = self.encoding_
        n_columns = self.n_features_in_
        return Options(
            LAYERS("hidden_layer_sizes", self.hidden_layer_sizes),
            float(self.corruption_level),
            "squared_error" if encoding is None else encoding.loss(),
            np.arange(n_columns) if encoding is None else encoding.sources[: encoding.n_encoded],
            self.n_threads,
        )

    def _donors(
        self, table: Array, scaled: Array, options: Options, random: np.random.Generator
    ) -> Donors | None:
        """Residuals of entries, by networks that were not trained on them."""
        if not self.sample_posterior:
            return None
        shape = len(table), self.n_features_in_
        fold = random.integers(0, N_FOLDS, shape)[:, options.column_of]  # (m, n_encoded)
        tables = [np.where(fold == k, np.nan, scaled) for k in range(N_FOLDS)]
        networks = train_networks(tables, options, random)
        predicted = np.zeros(table.shape)
        for k, network in enumerate(networks):
            guess = FillingNetworks((network,)).predict(tables[k])
            predicted = np.where(fold == k, guess, predicted)
        numbers = self._is_number
        return Donors.of(table[:, numbers], self._filling().in_units(predicted)[:, numbers], random)

    def _filling(self) -> Filling:
        return Filling(
            self.networks_, self.shift_, self.factor_, self.low_, self.high_, self.is_empty_
        )

    def _drawn_tables(self, X: Any, table: Array, n_imputations: int) -> list[Any]:
        donors: Any = self.donors_
        random = generator_of(self)
        predicted = self._filling().predicted(table)
        numbers = np.flatnonzero(self._is_number)
        tables = []
        for _ in range(n_imputations):
            drawn = predicted.copy()
            if self.encoding_ is not None:
                drawn = self.encoding_.drawn(drawn, random.uniform)
            for i, place in enumerate(numbers):
                rows = np.flatnonzero(np.isnan(table[:, place]))
                draws = donors.drawn(i, predicted[rows, place], random)
                drawn[rows, place] = draws.clip(self.low_[place], self.high_[place])
            tables.append(self._output(X, table, drawn))
        return tables

    def _output(self, X: Any, table: Array, values: Array) -> Any:
        """X with its missing entries taken from values (m, n_encoded), of the kind that X is.

        `table` is X as networks see it, NaN where missing.
        """
        kept = np.ones(len(self.is_empty_), bool) if self.keep_empty_features else ~self.is_empty_
        library = requested_library(self, X)
        added = None
        if self.add_indicator:
            added = self.indicator_.transform(table[:, self._starts]).astype(np.float64)
        if self.encoding_ is None:
            filled = np.where(np.isnan(table), values.astype(table.dtype), table)
            if library is None:
                kept_ones = filled[:, kept]
                return kept_ones if added is None else np.hstack([kept_ones, added])
            frame = filled_frame(X, table, filled)
        else:
            given = unmarked_frame(X, self.missing_values)
            frame = self.encoding_.filled(given, self.encoding_.decode(values))
            frame = from_pandas(frame, library)
        frame = some_columns(frame, kept)
        if added is None:
            return frame
        return with_columns(frame, added, self.get_feature_names_out()[-added.shape[1] :])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = says_nan(self.missing_values)
        tags.input_tags.categorical = tags.input_tags.string = self.columns == "mixed"
        return tags

    # --- saving --------------------------------------------------------------------------------

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        return describe_imputer(self)

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        return restore_imputer(cls, file)
