"""Any saved estimator, by what its file says it is."""

from os import PathLike
from typing import Any

from ..files.model_file import read_file
from .autoencoder import Autoencoder
from .outliers import AutoencoderOutlierDetector
from .variational import VariationalAutoencoder


def load(path: str | PathLike[str]) -> Any:
    """The fitted estimator that `save` wrote.

    No code from the file is run.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Autoencoder, VariationalAutoencoder or AutoencoderOutlierDetector

    Raises
    ------
    ModelFileError
        When the file is not a saved model, or damaged.
    OSError
        When it can't be read.
    """
    known = (Autoencoder, AutoencoderOutlierDetector, VariationalAutoencoder)
    classes: dict[str, Any] = {c.__name__: c for c in known}
    file = read_file(path, tuple(classes))
    return classes[file.kind]._restored(file)
