"""The NumPy reference under its public name; it stands in `ae_core.network.reference`."""

from .network.reference import Network

__all__ = ["Network"]
