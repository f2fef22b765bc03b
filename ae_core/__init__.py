"""Dense autoencoders: a readable NumPy reference, gradient checks, and honest training.

>>> from ae_core import Architecture, check_gradient, train
>>> from ae_core.reference import Network
"""

from . import reference
from .architecture import Architecture
from .gradient_check import check_gradient
from .gradient_findings import GradientCheck
from .network import Network
from .solvers import SGD, Adam, AdamW, RMSprop
from .training import History, NonFiniteLossError, Progress, train

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Architecture",
    "GradientCheck",
    "History",
    "Network",
    "NonFiniteLossError",
    "Progress",
    "RMSprop",
    "check_gradient",
    "reference",
    "train",
]
