"""`DaskAutoencoderImputer`: fills in what is missing of a Dask collection."""

from typing import Any, Self

import numpy as np
from dask.delayed import delayed

from .._typing import Array
from ..data.merged_scaling import merged, merged_scaling
from ..data.scaling import learn_scaling
from ..diagnosis.reconstruction import evenly
from ..estimators.filling_networks import Options, train_network
from ..estimators.fitting import all_or_nothing, generator_of
from ..estimators.imputer import AutoencoderImputer
from ..estimators.imputer_tables import table_to_fill
from ..estimators.records import check_parameters, with_parameters
from ..estimators.saved_imputer import indicator_of
from ..serving.filling import FillingNetworks
from .collections import is_frame_of_dask
from .estimators import OverPartitions
from .machines import Machines, given
from .pieces import Whole, aligned
from .tables import DistributedTable

MOST_ROWS = 100_000
"""Networks take at most 12 000 steps of 200 rows: with so many rows that is each 24 times."""


@with_parameters
class DaskAutoencoderImputer(OverPartitions, AutoencoderImputer):
    """An `AutoencoderImputer` over Dask collections.

    What is known of each column (scaling, smallest and largest number, whether anything is seen) is
    of all partitions. Each of the networks is trained by one task on some worker, from at most
    100 000 evenly spaced rows. Up to so many rows it is the imputer that the single-machine class
    makes of them, bit for bit.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    networks_, shift_, factor_, low_, high_, is_empty_, indicator_, n_features_in_, \
feature_names_in_
        As of `ae_core.AutoencoderImputer`.

    See Also
    --------
    ae_core.AutoencoderImputer : What `to_local` gives.

    Notes
    -----
    ``columns='mixed'`` and ``sample_posterior=True`` are refused.
    """

    _local = AutoencoderImputer

    def fit(self, X: Any, y: Any = None, *, client: Any = None) -> Self:
        """Learn to fill in rows such as those of X, whose partitions stay where they are.

        The same bits come out on any number of workers, after a worker died in the middle of it,
        and without a cluster.

        Parameters
        ----------
        X : dask array, dask DataFrame or list of Delayed (n_samples, n_features)
            Partitions may have any number of rows, none included.
        y : ignored
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
            When a parameter or the data is not what it should be.
        ClusterError
            When the cluster fails.
        """
        check_parameters(self)
        _check_supported(self)
        machines = Machines(client)
        with all_or_nothing(self):
            table = DistributedTable(machines, X, self, reset=True, reader=table_to_fill_of)
            total = merged(table.measured(None, "mask"))
            self.is_empty_ = never = total.n_seen == 0
            self.low_, self.high_ = (np.where(never, 0, end) for end in (total.low, total.high))
            if self.add_indicator:
                has_missing = np.flatnonzero(total.n_seen < table.n_rows)
                self.indicator_ = indicator_of(has_missing, len(never))
            # What networks learn from is brought to one worker, and kept there.
            some = delayed(_joined, pure=False)(table.parts_of(evenly(table.n_rows, MOST_ROWS)))
            (some,) = machines.kept([some])
            if table.n_rows <= MOST_ROWS:  # as of one machine, to the bit
                scaling = machines.result(delayed(_scaling, pure=False)(some))
            else:
                scaling = merged_scaling(total, "standard")
            self.shift_, self.factor_ = scaling
            options, moved = given(Whole(self._options())), given(Whole(scaling))
            train = delayed(_network, pure=False)
            networks = machines.results(
                [
                    train(some, moved, options, given(Whole(random)))
                    for random in generator_of(self).spawn(self.n_networks)
                ]
            )
            self.networks_ = FillingNetworks(tuple(whole.value for whole in networks))
            self.donors_ = None
        return self

    def transform(self, X: Any) -> Any:
        """X (m, n_features) with what is missing of it filled in: (m, n_features_out), lazily."""
        names = self.get_feature_names_out()
        empty: Any = False
        dtype: Any = np.dtype(np.float64)
        if is_frame_of_dask(X):
            empty = X._meta.reindex(columns=names)
            kinds = {name: k if k.kind == "f" else dtype for name, k in empty.dtypes.items()}
            empty = empty.astype(kinds)
        elif not self.add_indicator and getattr(X, "dtype", None) == np.float32:
            dtype = np.dtype(np.float32)
        return self._on("transform", X, len(names), dtype, gives_frames=empty)

    def sample(self, X: Any, n_imputations: int = 5) -> list[Any]:
        """Not available: draws need ``sample_posterior=True``, which collections do not have."""
        raise AttributeError(
            "DaskAutoencoderImputer has no sample: draws need AutoencoderImputer("
            "sample_posterior=True), fitted to rows in memory"
        )


def table_to_fill_of(local: Any, partition: Any, name: str) -> Array:
    """A partition as an array (m, n_features), NaN where missing."""
    return np.asarray(table_to_fill(local, partition, reset=False))


def _joined(parts: list[Array]) -> Array:
    return np.concatenate([aligned(part) for part in parts])


def _scaling(table: Array) -> Any:
    return learn_scaling(aligned(table), "standard", missing="mask")


def _network(table: Array, scaling: Whole, options: Whole, random: Whole) -> Whole:
    """One network, as `AutoencoderImputer` trains it."""
    shift, factor = scaling.value
    chosen: Options = options.value
    with np.errstate(over="ignore"):
        scaled = np.asarray((aligned(table) - shift) * factor)
    return Whole(train_network(scaled, chosen, random.value))


def _check_supported(estimator: Any) -> None:
    if estimator.columns == "mixed":
        raise ValueError(
            "columns='mixed': categories are not learned from partitions yet; encode them first, "
            "or fit an AutoencoderImputer to rows in memory"
        )
    if estimator.sample_posterior:
        raise ValueError(
            "sample_posterior=True: no draws are made of partitions; fit an AutoencoderImputer to "
            "rows in memory"
        )
