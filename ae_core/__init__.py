"""Dense autoencoders: compiled networks, their NumPy reference, and checks that find what is wrong.

>>> from ae_core import Adam, Architecture, Network, check_gradient, train
"""

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
