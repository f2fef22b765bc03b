"""Any saved estimator, by what its file says it is."""

from os import PathLike
from typing import Any

from ..basics.arguments import check_path
from ..files.model_file import read_file
from .autoencoder import Autoencoder
from .imputer import AutoencoderImputer
from .outliers import AutoencoderOutlierDetector
from .variational import VariationalAutoencoder

KNOWN = (Autoencoder, AutoencoderImputer, AutoencoderOutlierDetector, VariationalAutoencoder)
"""What files can hold: nothing else is ever made of one."""


def load(path: str | PathLike[str]) -> Any:
    """The fitted estimator that `save` wrote.

    No code from the file is run.

    Parameters
    ----------
    path : str or path
        A file that an estimator's `save` has written.

    Returns
    -------
    Autoencoder, VariationalAutoencoder, AutoencoderOutlierDetector or AutoencoderImputer
        The estimator, as it was saved.

    Raises
    ------
    ModelFileError
        When the file is not a saved model, or damaged.
    OSError
        When it can't be read.
    ValueError
        When the path is no name of a file.
    """
    classes: dict[str, Any] = {c.__name__: c for c in KNOWN}
    file = read_file(check_path("path", path), tuple(classes))
    return classes[file.kind]._restored(file)
