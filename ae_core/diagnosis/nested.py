"""Parameters in the caller's nesting, and as one flat vector."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import Array

NUMBERS = (int, float, np.integer, np.floating)


@dataclass
class Node:
    """A dict, a list or tuple, an array, or None, with the name that reports call it by.

    A named tuple or a dataclass is 'named': its keys are the names of its fields. What else a
    dataclass holds (a name, a function, True) is 'nothing', too, and stays as it is.
    """

    kind: str  # 'dict', 'sequence', 'named', 'array' or 'nothing'
    name: str
    like: Any  # the original, whose type is built again
    keys: list[Any] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)


class Nested:
    """Arrays in any nesting of dicts, lists, tuples, named tuples and dataclasses, and as a vector.

    An array is called by its way there: ``W1``, ``params[0][1]``, ``enc[0].W``.

    Parameters
    ----------
    params : array, number, or dict, list, tuple or dataclass of these
        None stands for an array that is not there.
    name : str
        What to call the whole.

    Attributes
    ----------
    names, shapes, sizes, dtypes : list
        Of each array, in the order of the vector.
    vector : array of float64, shape (n,)
        All elements.

    Raises
    ------
    ValueError
        When there is no array, or one is not of real numbers.
    """

    def __init__(self, params: Any, name: str = "params") -> None:
        self.root = _node(params, name, is_root=True)
        nodes = _arrays(self.root)
        leaves = [np.asarray(node.like) for node in nodes]
        self.names = [node.name for node in nodes]
        for node, leaf in zip(nodes, leaves, strict=True):
            if leaf.dtype.kind not in "fiu":
                raise ValueError(_no_numbers(node, leaf))
        if not sum(leaf.size for leaf in leaves):
            raise ValueError(f"{name} is empty: there is nothing to check")
        self.shapes = [leaf.shape for leaf in leaves]
        self.sizes = [leaf.size for leaf in leaves]
        self.dtypes = [leaf.dtype for leaf in leaves]
        ends = np.cumsum(self.sizes)
        self.slices = [slice(int(e) - n, int(e)) for e, n in zip(ends, self.sizes, strict=True)]
        self.vector = np.concatenate([leaf.ravel().astype(np.float64) for leaf in leaves])

    def part(self, name: str) -> slice:
        """Where in the vector the elements of an array are."""
        return self.slices[self.names.index(name)]

    def views(self, vector: Array) -> list[Array]:
        """The flat vector as arrays of their shapes that share its memory."""
        return [vector[s].reshape(shape) for s, shape in zip(self.slices, self.shapes, strict=True)]

    def arrays(self, vector: Array, dtypes: list[Any] | None = None) -> list[Array]:
        """The same as fresh ones, safe to change."""
        arrays = [view.copy() for view in self.views(vector)]
        if dtypes is not None:
            arrays = [a.astype(dtype) for a, dtype in zip(arrays, dtypes, strict=True)]
        return arrays

    def build(self, arrays: list[Array]) -> Any:
        """Arrays, in the order of the vector, as the caller keeps parameters."""
        return _build(self.root, iter(arrays))

    def flatten(self, gradient: Any, n_rows: int | None = None, where: str = "") -> Array:
        """A gradient, built as the parameters are, as a flat vector (n,).

        Parameters
        ----------
        gradient : as params
        n_rows : int, optional
            Of the data, to recognise a gradient that was not summed over them.
        where : str
            Put into errors: on which rows that was.

        Raises
        ------
        ValueError
            When it is not built as the parameters are.
        """
        found: list[Any] = []
        _collect(self.root, gradient, found, where)
        vector = np.empty(self.vector.shape)
        arrays = [_real(value, name) for value, name in zip(found, self.names, strict=True)]
        came = [array.shape for array in arrays]
        self._check_order(came, where)
        for name, shape, part, array in zip(
            self.names, self.shapes, self.slices, arrays, strict=True
        ):
            # One number is one number, however many axes it has.
            if array.shape != shape and not array.size == 1 == part.stop - part.start:
                misfit = _misfit(array.shape, shape, name, n_rows)
                raise ValueError(f"the gradient of {name} has shape {misfit}{where}")
            vector[part] = array.ravel()
        return vector

    def _check_order(self, came: list[tuple[int, ...]], where: str) -> None:
        """Refuse arrays of which the shapes are the right ones, but in another order."""
        is_transposed = all(a in (b, b[::-1]) for a, b in zip(came, self.shapes, strict=True))
        if not is_transposed and sorted(came) == sorted(self.shapes):
            k = next(k for k, shape in enumerate(self.shapes) if came[k] != shape)
            raise ValueError(
                f"the gradient's arrays come in another order than those of params: at the place "
                f"of {self.names[k]}, {self.shapes[k]}, is one of shape {came[k]}{where}"
            )

    def fits(self, value: Any) -> bool:
        """Whether something is built as the parameters are."""
        try:
            self.flatten(value)
        except (ValueError, TypeError):
            return False
        return True


def is_container(value: Any) -> bool:
    """Whether a value holds arrays rather than being one."""
    if isinstance(value, Mapping) or is_dataclass(value):
        return True
    if not isinstance(value, list | tuple):
        return False
    return not all(isinstance(v, NUMBERS) for v in value) or not value


def _node(value: Any, name: str, *, is_root: bool = False, of_dataclass: bool = False) -> Node:
    if value is None and not is_root:
        return Node("nothing", name, None)
    if of_dataclass and (isinstance(value, str | bool) or callable(value)):
        return Node("nothing", name, value)
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        value = list(value)  # an object array that holds arrays of several shapes
    if isinstance(value, Mapping):
        keys, kind = list(value), "dict"
    elif is_dataclass(value) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        keys, kind = _fields(value), "named"
    elif isinstance(value, list | tuple) and (is_root or is_container(value)):
        keys, kind = list(range(len(value))), "sequence"
    else:
        return Node("array", name, value)
    children = []
    for key in keys:
        member = getattr(value, key) if kind == "named" else value[key]
        of_member = f"{name}.{key}" if isinstance(key, str) else f"{name}[{key!r}]"
        if is_root and kind != "sequence":
            of_member = str(key)
        children.append(_node(member, of_member, of_dataclass=is_dataclass(value)))
    return Node(kind, name, value, keys, children)


def is_dataclass(value: Any) -> bool:
    """Whether a value is an instance of a dataclass."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _fields(value: Any) -> list[str]:
    if is_dataclass(value):
        return [f.name for f in dataclasses.fields(value) if f.init]
    return list(value._fields)


def _arrays(node: Node) -> list[Node]:
    if node.kind == "array":
        return [node]
    return [leaf for child in node.children for leaf in _arrays(child)]


def _build(node: Node, arrays: Any) -> Any:
    if node.kind == "array":
        return next(arrays)
    if node.kind == "nothing":
        return node.like
    children = [_build(child, arrays) for child in node.children]
    if node.kind == "dict":
        return dict(zip(node.keys, children, strict=True))
    if is_dataclass(node.like):
        return dataclasses.replace(node.like, **dict(zip(node.keys, children, strict=True)))
    if node.kind == "named":
        return type(node.like)(*children)
    return tuple(children) if isinstance(node.like, tuple) else children


def _collect(node: Node, gradient: Any, found: list[Any], where: str) -> None:
    """The parts of a gradient, in the order of the arrays."""
    if node.kind == "nothing":
        return
    if node.kind == "array":
        found.append(gradient)
        return
    of = "" if node.name == "params" else f" of {node.name}"
    if node.kind == "named" and is_dataclass(gradient):
        gradient = {key: getattr(gradient, key) for key in _fields(gradient)}
    if node.kind == "dict" or (node.kind == "named" and isinstance(gradient, Mapping)):
        needed = {k for k, c in zip(node.keys, node.children, strict=True) if c.kind != "nothing"}
        if not isinstance(gradient, Mapping) or not needed <= set(gradient) <= set(node.keys):
            raise ValueError(
                f"the gradient{of} must be a dict with the keys {node.keys}; it "
                f"{_instead(gradient, node)}{where}"
            )
    else:
        if isinstance(gradient, np.ndarray) and (
            gradient.dtype == object or _is_of(gradient, node)
        ):
            gradient = list(gradient)
        if not isinstance(gradient, list | tuple) or len(gradient) != len(node.children):
            raise ValueError(
                f"the gradient{of} must be a list of {len(node.children)} arrays, it "
                f"{_instead(gradient, node)}{where}"
            )
    is_mapping = isinstance(gradient, Mapping)
    parts = [gradient.get(k) for k in node.keys] if is_mapping else gradient
    for part, child in zip(parts, node.children, strict=True):
        _collect(child, part, found, where)


def _is_of(gradient: Array, node: Node) -> bool:
    """Whether one array holds the gradients of a list of numbers, or of arrays of one shape."""
    shapes = {np.shape(c.like) if c.kind == "array" else None for c in node.children}
    return gradient.shape[:1] == (len(node.children),) and shapes == {gradient.shape[1:]}


def _instead(gradient: Any, node: Node) -> str:
    if isinstance(gradient, Mapping) and node.kind != "sequence":
        return f"has {list(gradient)}"
    if isinstance(gradient, list | tuple):
        what = with_article(type(gradient).__name__)
        return f"is {what} of {len(gradient)}" if node.kind == "dict" else f"has {len(gradient)}"
    if isinstance(gradient, np.ndarray):
        sizes = [np.size(leaf.like) for leaf in _arrays(node)]
        if gradient.ndim == 1 and gradient.size == sum(sizes) > 1:
            return "is one flat array: split it, or give params as one flat array, too"
        return f"is an array of shape {gradient.shape}"
    return f"is {with_article(type(gradient).__name__)}"


def with_article(name: str) -> str:
    """'a Nested', 'an ndarray'."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _no_numbers(node: Node, leaf: Array) -> str:
    value = node.like
    if leaf.dtype == object and leaf.ndim == 0:
        return (
            f"{node.name} is {with_article(type(value).__name__)}: arrays are needed, in any "
            "nesting of dicts, lists, tuples and dataclasses"
        )
    advice = "" if node.name == "params" else "; leave out what has no gradient"
    return f"{node.name} has dtype {leaf.dtype}: real numbers are needed{advice}"


def _real(value: Any, name: str) -> Array:
    if value is None:
        raise ValueError(
            f"the gradient of {name} is None: was it ever computed? "
            "Give zeros where nothing depends on it"
        )
    try:
        array = np.asarray(value)
    except ValueError:
        kind = with_article(type(value).__name__)
        if isinstance(value, list | tuple):
            kind = f"a list of arrays of shapes {', '.join(str(np.shape(v)) for v in value)}"
        raise ValueError(
            f"the gradient of {name} is {kind}: one array is needed, as {name} is"
        ) from None
    if isinstance(value, str | bytes) or (array.dtype == object and array.ndim == 0):
        raise ValueError(
            f"the gradient of {name} is {with_article(type(value).__name__)}: an array is needed"
        )
    if array.dtype.kind not in "fiub":
        raise ValueError(f"the gradient of {name} has dtype {array.dtype}: real numbers are needed")
    return array


def _misfit(shape: tuple[int, ...], right: tuple[int, ...], name: str, n_rows: int | None) -> str:
    """A shape that is not the right one, and what to do about it."""
    if shape == right[::-1]:
        return f"{shape} (transposed?): {name} has {right}"
    advice = ""
    if n_rows is not None and shape == (n_rows, *right):
        advice = "; sum over the rows (axis 0)"
    elif n_rows is not None and shape in ((*right, n_rows), (*right[:-1], n_rows)):
        advice = f"; sum over the samples (axis {len(shape) - 1})"
    elif np.prod(shape) == np.prod(right):
        advice = "; reshape it"
    elif np.prod(shape) == 1:
        advice = "; was it summed over all axes, not over the rows alone?"
    return f"{shape}: {name} has {right}{advice}"
