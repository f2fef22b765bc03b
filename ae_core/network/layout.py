"""Where things lie: layers in the flat parameter vector, losses in the columns of the output."""

from typing import NamedTuple

from .._typing import Array
from ..formulas.losses import LOSSES


class Block(NamedTuple):
    """One weight matrix or bias vector within the flat parameter vector."""

    name: str
    """``W1``, ``b1``, ``W2``, … in the order of the forward pass; last ``own``, the loss's."""
    shape: tuple[int, ...]
    """``(n_in, n_out)`` for weights, ``(n_out,)`` for biases."""
    start: int
    stop: int


class OutputGroup(NamedTuple):
    """Columns of the output that share a loss and an activation."""

    loss: str
    activation: str
    start: int
    stop: int
    own: int
    """Of the losses' own parameters, the first that belongs to these columns."""

    @property
    def columns(self) -> slice:
        """Of the output."""
        return slice(self.start, self.stop)

    @property
    def own_columns(self) -> slice:
        """Of the losses' own parameters; none for most losses."""
        has_own = LOSSES[self.loss].own_gradient is not None
        return slice(self.own, self.own + (self.stop - self.start if has_own else 0))


class LayerArrays(NamedTuple):
    """The weights and biases of one layer, as views of the flat vector."""

    weights: Array  # (n_in, n_out)
    biases: Array | None  # (n_out,)
