"""Sums over the pieces of a table whose bits do not depend on where the pieces are.

Floating-point sums depend on their order. Here it is that of one binary tree over the numbers of
the pieces, whatever the workers: a worker adds up those subtrees of which it has all leaves, and
who brings everything together adds the rest. With pieces that follow each other on a worker that
leaves few vectors to move.
"""

from typing import NamedTuple

from .._typing import Array


class Partial(NamedTuple):
    """What some rows add to the loss and the gradient of all."""

    n_counted: float = 0.0
    """How many whole rows they count as."""
    loss: float = 0.0
    """Their mean loss times count, without penalties on the weights."""
    gradient: Array | None = None
    """The same of the gradient, (n_params,) float64; None for zero."""

    def __add__(self, other: "Partial") -> "Partial":  # type: ignore[override]
        """Of both; the order matters to the last bits."""
        if self.gradient is None or other.gradient is None:
            gradient = self.gradient if other.gradient is None else other.gradient
        else:
            gradient = self.gradient + other.gradient
        return Partial(self.n_counted + other.n_counted, self.loss + other.loss, gradient)


Nodes = dict[tuple[int, int], Partial]
"""Parts of the tree, by level (leaves: 0) and place."""


def width(n_leaves: int, level: int) -> int:
    """How many nodes a level of the tree has."""
    return -(-n_leaves // 2**level)


def put(nodes: Nodes, level: int, place: int, partial: Partial, n_leaves: int) -> None:
    """Add a node to those that are there, and with its sibling the one above, and so on."""
    while width(n_leaves, level) > 1:
        sibling = place ^ 1
        if sibling < width(n_leaves, level):
            other = nodes.pop((level, sibling), None)
            if other is None:
                break
            partial = partial + other if place < sibling else other + partial
        level, place = level + 1, place // 2
    nodes[level, place] = partial


def total(parts: list[Nodes], n_leaves: int) -> Partial:
    """The sum of all leaves, from parts of the tree that together have all."""
    nodes: Nodes = {}
    for part in parts:
        for (level, place), partial in part.items():
            put(nodes, level, place, partial, n_leaves)
    (whole,) = nodes.values()
    return whole
