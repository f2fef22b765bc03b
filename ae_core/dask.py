"""Estimators over Dask collections: data that no one machine holds. Extra: ``ae_core[dask]``.

>>> from ae_core.dask import DaskAutoencoder, DaskAutoencoderOutlierDetector
"""

from .basics.extras import check_installed

for _module in ("dask", "distributed"):
    check_installed(_module, "estimators over Dask collections", "dask")

from .distributed.detector import DaskAutoencoderOutlierDetector  # noqa: E402
from .distributed.estimators import DaskAutoencoder, DaskVariationalAutoencoder  # noqa: E402
from .distributed.imputer import DaskAutoencoderImputer  # noqa: E402
from .distributed.machines import ClusterError  # noqa: E402

__all__ = [
    "ClusterError",
    "DaskAutoencoder",
    "DaskAutoencoderImputer",
    "DaskAutoencoderOutlierDetector",
    "DaskVariationalAutoencoder",
]
