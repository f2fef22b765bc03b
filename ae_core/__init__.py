"""Dense autoencoders: compiled networks, their NumPy reference, and checks that find what is wrong.

>>> from ae_core import Autoencoder, AutoencoderOutlierDetector  # scikit-learn estimators
>>> from ae_core import Adam, Architecture, Network, check_gradient, train  # what they are made of
"""

from typing import TYPE_CHECKING, Any

from . import reference
from .architecture import Architecture
from .gradient_check import check_gradient
from .gradient_findings import GradientCheck

try:
    from .network import Network
except ImportError as error:
    if not (error.name or "").startswith("ae_core._engine"):
        raise
    raise ImportError(
        f"the engine of ae_core is not compiled in {__path__[0]}. In a clone, install with "
        "pip install -e . there, or start Python from another folder to use an installed ae_core."
    ) from None
from .progress import History, NonFiniteLossError, Progress
from .solvers import SGD, Adam, AdamW, RMSprop
from .training import train

if TYPE_CHECKING:
    from .autoencoder import Autoencoder
    from .checkpoints import Checkpoint
    from .diagnosis import Diagnosis, diagnose
    from .fitting import NotLearningWarning
    from .model_file import ModelFileError
    from .outliers import AutoencoderOutlierDetector
    from .saving import load
    from .variational import VariationalAutoencoder

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Architecture",
    "Autoencoder",
    "AutoencoderOutlierDetector",
    "Checkpoint",
    "Diagnosis",
    "GradientCheck",
    "History",
    "ModelFileError",
    "Network",
    "NonFiniteLossError",
    "NotLearningWarning",
    "Progress",
    "RMSprop",
    "VariationalAutoencoder",
    "check_gradient",
    "diagnose",
    "load",
    "reference",
    "train",
]

# Loaded on first use: importing scikit-learn takes longer than most things done with a network.
_LATER = {
    "Autoencoder": "autoencoder",
    "AutoencoderOutlierDetector": "outliers",
    "Checkpoint": "checkpoints",
    "Diagnosis": "diagnosis",
    "ModelFileError": "model_file",
    "NotLearningWarning": "fitting",
    "VariationalAutoencoder": "variational",
    "diagnose": "diagnosis",
    "load": "saving",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
