"""Estimators over Dask collections: those of one machine, fitted and used by partitions.

They take the constructor parameters of those, and have their fitted attributes and methods; what is
in memory goes to the single-machine methods as it is.
"""

import copy
from os import PathLike
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..basics.arguments import COUNT, Either
from ..data.weights import relative_weights
from ..estimators.autoencoder import Autoencoder
from ..estimators.beside import refuse_beside
from ..estimators.records import parameter, parameters_of, with_parameters
from ..estimators.variational import VariationalAutoencoder
from .collections import is_distributed
from .fitting import fit
from .inference import lazily
from .machines import Machines
from .tables import gathered

NOT_HERE = "is not for tables in partitions: use the estimator of one machine, to_local()"


class OverPartitions:
    """What estimators over Dask collections share."""

    _local: Any
    """The single-machine class."""

    def to_local(self) -> Any:
        """The single-machine estimator with the same parameters, as far as it has them.

        And with what was learned, which it shares.
        """
        foreign = {record.name for record in parameters_of(self)}
        foreign -= {record.name for record in parameters_of(self._local)}
        local = self._local()
        vars(local).update({name: v for name, v in vars(self).items() if name not in foreign})
        return local

    def save(self, path: str | PathLike[str]) -> None:
        """Write what `to_local` gives to a file, which `ae_core.load` reads."""
        check_is_fitted(self)
        self.to_local().save(path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The model that `save` wrote, of this class."""
        model = cls()
        vars(model).update(vars(cls._local.load(path)))
        return model

    @property
    def partial_fit(self) -> Any:
        """Not available: `fit` takes all partitions. For a stream see `to_local`."""
        raise AttributeError(
            f"{type(self).__name__} has no partial_fit: fit takes all partitions of a collection; "
            "for a stream use to_local()"
        )

    def _on(
        self,
        method: str,
        X: Any,
        columns: str | int | None = None,
        dtype: Any = np.float64,
        *more: Any,
        gives_frames: Any = False,
    ) -> Any:
        """A method of the single-machine estimator: lazily of a collection, else at once.

        Parameters
        ----------
        method : str
        X : collection, or what the method takes
        columns : str or int, optional
            Of what it gives: how many, or the attribute that says so; None for one number per row.
        dtype : dtype or None
            Of what it gives; None for the network's.
        *more
            Other arguments of the method.
        gives_frames : bool or frame
            As of `lazily`.
        """
        check_is_fitted(self)
        local = self.to_local()
        at_once = getattr(local, method)  # where there is none, an error says why
        if not is_distributed(X):
            return at_once(X, *more)
        n_columns = getattr(self, columns) if isinstance(columns, str) else columns
        if dtype is None:
            dtype = local.network_.dtype
        if hasattr(local, "network_"):  # partitions run in parallel already
            local.network_ = copy.copy(local.network_)
            local.network_.n_threads = 1
        return lazily(local, method, X, n_columns, dtype, more, gives_frames)


@with_parameters
class DistributedParameters:
    """How often workers exchange what they learned."""

    sync_every: int | None = parameter(
        default=None,
        check=Either((None,), COUNT),
        meaning="Steps that each partition takes by itself between two meetings; None: meet each.",
        more="With None, a step is one of all rows' share, to the same bits on any number of "
        "workers. With a number, each partition takes steps of ``batch_size`` rows of its own, and "
        "what they changed is averaged (DiLoCo; Douillard et al. 2023): for slow networks. That "
        "is another algorithm; it, too, gives the same bits on any number of workers.",
    )


class DistributedAutoencoderMethods(OverPartitions):
    """What both autoencoders over Dask collections have."""

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        covariates: None = None,
        size_factors: None = None,
        X_val: Any = None,
        callbacks: Any = None,
        client: Any = None,
    ) -> Self:
        """Learn to reconstruct X, whose partitions stay where they are.

        The same bits come out on any number of workers, wherever partitions are, after a worker
        died in the middle of it, and without a cluster. They depend on how X is partitioned.

        Parameters
        ----------
        X : dask array, dask DataFrame or list of Delayed (n_samples, n_features)
            Partitions may have any number of rows, none included.
        y : ignored
        sample_weight : array, dask array or dask Series of shape (n_samples,), optional
            As of the single-machine class.
        covariates, size_factors
            Not here: what is given beside rows is for tables in memory.
        X_val : dask array, dask DataFrame or list of Delayed (n_validation, n_features), optional
            As of the single-machine class.
        callbacks : list of callables, optional
            As of the single-machine class, here where `fit` was called.
        client : distributed.Client, optional
            By default the one that is open; where there is none, everything is computed here.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            When X does not lie in partitions.
        ValueError
            When a parameter or the data is not what it should be; names the partition.
        NonFiniteLossError
            When the loss becomes infinite; says what to try.
        ClusterError
            When the cluster fails: no scheduler, no worker, or workers that die of the same work.
        """
        refuse_beside({"covariates": covariates, "size_factors": size_factors}, NOT_HERE)
        fit(self, X, sample_weight, X_val, callbacks, client)
        return self

    def transform(self, X: Any) -> Any:
        """The code (m, n_components) of the rows of X, lazily."""
        return self._on("transform", X, "_n_features_out", None)

    def inverse_transform(self, X: Any) -> Any:
        """The rows (m, n_features) that codes X (m, n_components) stand for, lazily."""
        return self._on("inverse_transform", X, "n_features_in_", None)

    def reconstruct(self, X: Any) -> Any:
        """X (m, n_features) through the code and back, in the data's units, lazily."""
        return self._on("reconstruct", X, "n_features_in_", None, gives_frames=True)

    def impute(self, X: Any) -> Any:
        """X with what is missing of it filled in, lazily; for missing_values='mask'."""
        dtype = getattr(X, "dtype", np.float64)
        return self._on("impute", X, "n_features_in_", dtype, gives_frames=True)

    def feature_errors(self, X: Any) -> Any:
        """The reconstruction error of each entry of X (m, n_features), lazily."""
        return self._on("feature_errors", X, "n_features_in_", gives_frames=True)

    def score_samples(self, X: Any) -> Any:
        """Of each row (m,), float64, as of the single-machine class; lazily."""
        return self._on("score_samples", X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The mean of `score_samples`, computed at once."""
        if not is_distributed(X):
            return float(self.to_local().score(X, sample_weight=sample_weight))
        machines = Machines()
        scores = gathered(machines, self.score_samples(X))
        weights = gathered(machines, sample_weight)
        return float(np.average(scores, weights=relative_weights(weights)))


@with_parameters
class DaskAutoencoder(  # type: ignore[misc]  # fit has a client, and no resume_from
    DistributedAutoencoderMethods, DistributedParameters, Autoencoder
):
    """An `Autoencoder` over Dask collections: more rows than one machine holds.

    Every step is a sum over the partitions, in an order that does not depend on the workers.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    network_, coefs_, intercepts_, shift_, factor_, history_, loss_curve_, \
validation_loss_curve_, best_loss_, n_iter_, n_features_in_, feature_names_in_
        As of `ae_core.Autoencoder`.

    See Also
    --------
    ae_core.Autoencoder : What `to_local` gives.

    Notes
    -----
    ``sparsity``, ``columns='mixed'`` and ``missing_values='implicit'`` are refused.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.datasets import load_digits
    >>> from ae_core.dask import DaskAutoencoder
    >>> X = da.from_array(load_digits().data, chunks=(500, -1))
    >>> model = DaskAutoencoder(n_components=8, max_iter=5, random_state=0).fit(X)
    >>> model.transform(X)
    dask.array<_block, shape=(1797, 8), dtype=float64, chunksize=(500, 8), chunktype=numpy.ndarray>
    >>> model.to_local().transform(load_digits().data).shape
    (1797, 8)
    """

    _local = Autoencoder


@with_parameters
class DaskVariationalAutoencoder(  # type: ignore[misc]
    DistributedAutoencoderMethods, DistributedParameters, VariationalAutoencoder
):
    """A `VariationalAutoencoder` over Dask collections.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    noise_variance_, network_, coefs_, intercepts_, shift_, factor_, history_, loss_curve_, \
validation_loss_curve_, best_loss_, n_iter_, n_features_in_, feature_names_in_
        As of `ae_core.VariationalAutoencoder`.

    See Also
    --------
    ae_core.VariationalAutoencoder : What `to_local` gives.
    """

    _local = VariationalAutoencoder

    def sample_posterior(
        self,
        X: Any,
        random_state: Any = None,
        *,
        covariates: Any = None,
        size_factors: Any = None,
    ) -> Any:
        """A code for each row of X, in memory: see `to_local` for partitions."""
        refuse_beside({"covariates": covariates, "size_factors": size_factors}, NOT_HERE)
        if is_distributed(X):
            raise TypeError(
                "sample_posterior draws for rows in memory: "
                "X.map_partitions(model.to_local().sample_posterior) draws for each partition"
            )
        return super().sample_posterior(X, random_state)
