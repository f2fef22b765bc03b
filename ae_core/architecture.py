"""What a network is, without its numbers: layer sizes, activations, loss, ties.

An `Architecture` also says where each weight lies in the one flat parameter vector that solvers,
gradient checks and saved files work with.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from numbers import Integral, Real
from typing import Any, NamedTuple

from ._typing import Array
from .activations import ACTIVATIONS
from .losses import LOSSES


class Block(NamedTuple):
    """One weight matrix or bias vector within the flat parameter vector."""

    name: str
    """``W1``, ``b1``, ``W2``, … in the order of the forward pass."""
    shape: tuple[int, ...]
    """``(n_in, n_out)`` for weights, ``(n_out,)`` for biases."""
    start: int
    stop: int


class LayerParameters(NamedTuple):
    """The weights and biases of one layer, as views of the flat vector."""

    weights: Array  # (n_in, n_out)
    biases: Array | None  # (n_out,)


@dataclass(frozen=True)
class Architecture:
    """The description of a dense autoencoder.

    Frozen, hashable, checked when made; holds no parameters and no data.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units per layer from the input to the output, at least three layers:
        ``(n_features, …, n_features)``.
    activations : str or sequence of str, default='logistic'
        One name for each layer after the input, so one fewer than sizes. A single name is taken for
        all hidden layers, with an output that fits the loss: logistic for
        'binary_cross_entropy', else identity. Names: see `ae_core.activations.ACTIVATIONS`.
    loss : str, default='squared_error'
        'squared_error' (halved), 'absolute_error', 'huber' (δ = 1), or 'binary_cross_entropy',
        which wants data in [0, 1] and a logistic output, and is computed from its logits.
        All are summed over features and averaged over samples.
    code_layer : int, optional
        Which entry of ``layer_sizes`` is the code; by default the narrowest hidden layer (of
        several, the one nearest to the middle).
    biases : bool, default=True
        Whether layers add a bias vector.
    tied : bool, default=False
        Whether the decoder uses the encoder's weights transposed (and biases of its own). Needs
        sizes that read the same from both ends, with the code in the middle.
    alpha : float, default=0
        Strength of the L2 penalty on the weights, ½ α Σ W² over the number of samples, as in
        scikit-learn's `MLPRegressor`.

    Raises
    ------
    ValueError
        Naming the argument, its value and what is allowed.

    Examples
    --------
    >>> architecture = Architecture.symmetrical((64, 32, 8), activation="tanh")
    >>> architecture.layer_sizes
    (64, 32, 8, 32, 64)
    >>> architecture.n_params
    4744
    >>> Architecture.from_json(architecture.to_json()) == architecture
    True
    """

    layer_sizes: Sequence[int]
    activations: str | Sequence[str] = "logistic"
    loss: str = "squared_error"
    code_layer: int = None  # type: ignore[assignment]  # settled below, so never None to a reader
    biases: bool = True
    tied: bool = False
    alpha: float = 0.0

    def __post_init__(self) -> None:
        # A frozen dataclass is set once, here, to what the arguments mean.
        def settle(field: str, value: object) -> None:
            object.__setattr__(self, field, value)

        settle("layer_sizes", _checked_sizes(self.layer_sizes))
        _check_name("loss", self.loss, LOSSES)
        settle("activations", self._checked_activations())
        settle("code_layer", self._checked_code_layer())
        settle("biases", _checked_bool("biases", self.biases))
        settle("tied", _checked_bool("tied", self.tied))
        settle("alpha", _checked_strength("alpha", self.alpha))
        self._check_output()
        if self.tied:
            self._check_tie()

    @classmethod
    def symmetrical(
        cls,
        sizes: Sequence[int],
        *,
        activation: str = "logistic",
        code_activation: str | None = None,
        output_activation: str | None = None,
        loss: str = "squared_error",
        biases: bool = True,
        tied: bool = False,
        alpha: float = 0.0,
    ) -> "Architecture":
        """The usual shape: an encoder and its mirror image.

        Parameters
        ----------
        sizes : sequence of int
            ``(n_features, hidden…, n_components)``; the decoder repeats them backwards.
        activation : str
            For the hidden layers.
        code_activation, output_activation : str, optional
            For the code and the output; by default the code is as the hidden layers are, and the
            output fits the loss (logistic for 'binary_cross_entropy', else identity).
        loss, biases, tied, alpha
            As for the class.

        Raises
        ------
        ValueError
            Naming the argument, its value and what is allowed.
        """
        sizes = _as_tuple("sizes", sizes)
        if len(sizes) < 2:
            raise ValueError(
                f"sizes={sizes!r}: need at least (n_features, n_components); "
                "hidden layers go between the two"
            )
        _check_name("activation", activation, ACTIVATIONS)
        _check_name("loss", loss, LOSSES)
        hidden = [activation] * (len(sizes) - 2)
        code = activation if code_activation is None else code_activation
        output = _fitting_output(loss) if output_activation is None else output_activation
        _check_name("code_activation", code, ACTIVATIONS)
        _check_name("output_activation", output, ACTIVATIONS)
        return cls(
            layer_sizes=sizes + sizes[-2::-1],
            activations=(*hidden, code, *hidden, output),
            loss=loss,
            code_layer=len(sizes) - 1,
            biases=biases,
            tied=tied,
            alpha=alpha,
        )

    # --- what follows from the description ---------------------------------------------------

    @property
    def n_features(self) -> int:
        """Columns of the data."""
        return self.layer_sizes[0]

    @property
    def n_components(self) -> int:
        """Units of the code."""
        return self.layer_sizes[self.code_layer]

    @property
    def n_layers(self) -> int:
        """Layers that compute something: all but the input."""
        return len(self.layer_sizes) - 1

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Where each weight matrix and bias vector lies in the flat vector, in order."""
        blocks: list[Block] = []
        start = 0
        for layer in range(1, self.n_layers + 1):
            n_in, n_out = self.layer_sizes[layer - 1], self.layer_sizes[layer]
            shapes: list[tuple[str, tuple[int, ...]]] = []
            if not self.is_tied_decoder(layer):
                shapes.append((f"W{layer}", (n_in, n_out)))
            if self.biases:
                shapes.append((f"b{layer}", (n_out,)))
            for name, shape in shapes:
                size = shape[0] * shape[1] if len(shape) == 2 else shape[0]
                blocks.append(Block(name, shape, start, start + size))
                start += size
        return tuple(blocks)

    @cached_property
    def n_params(self) -> int:
        """Length of the flat parameter vector."""
        return self.blocks[-1].stop

    def is_tied_decoder(self, layer: int) -> bool:
        """Whether this layer (1 … n_layers) borrows its weights from the encoder."""
        return self.tied and layer > self.code_layer

    def weight_owner(self, layer: int) -> int:
        """The layer whose ``W`` this one uses: itself, or its mirror image when tied."""
        return self.n_layers + 1 - layer if self.is_tied_decoder(layer) else layer

    def views(self, params: Array) -> dict[str, Array]:
        """The flat vector (n_params,) as named arrays that share its memory."""
        return {b.name: params[b.start : b.stop].reshape(b.shape) for b in self.blocks}

    def layers(self, params: Array) -> list[LayerParameters]:
        """For each layer its weights (n_in, n_out) and biases (n_out,), sharing memory."""
        views = self.views(params)
        result = []
        for layer in range(1, self.n_layers + 1):
            weights = views[f"W{self.weight_owner(layer)}"]
            if self.is_tied_decoder(layer):
                weights = weights.T
            result.append(LayerParameters(weights, views.get(f"b{layer}")))
        return result

    # --- JSON --------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The description as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Architecture":
        """The description that `to_json` wrote.

        Raises
        ------
        ValueError
            When the text is not JSON, lacks or has unknown entries, or describes nothing valid.
        """
        try:
            data: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not the JSON of an Architecture: {error}") from None
        if not isinstance(data, dict):
            raise ValueError(f"not the JSON of an Architecture: an object is needed, not {data!r}")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ValueError(
                f"unknown entries {unknown} in an Architecture; known: {sorted(known)}"
            )
        if "layer_sizes" not in data:
            raise ValueError("the JSON of an Architecture needs 'layer_sizes'")
        return cls(**data)

    # --- checks ------------------------------------------------------------------------------

    def _checked_activations(self) -> tuple[str, ...]:
        if isinstance(self.activations, str):
            _check_name("activations", self.activations, ACTIVATIONS)
            return (self.activations,) * (self.n_layers - 1) + (_fitting_output(self.loss),)
        names = _as_tuple("activations", self.activations)
        if len(names) != self.n_layers:
            raise ValueError(
                f"activations={names!r} has {len(names)} names; layer_sizes={self.layer_sizes!r} "
                f"needs {self.n_layers}, one for each layer after the input"
            )
        for name in names:
            _check_name("activations", name, ACTIVATIONS)
        return names

    def _checked_code_layer(self) -> int:
        hidden = range(1, self.n_layers)
        if self.code_layer is None:
            middle = self.n_layers / 2
            return min(hidden, key=lambda i: (self.layer_sizes[i], abs(i - middle)))
        code_layer = _checked_int("code_layer", self.code_layer)
        if code_layer not in hidden:
            raise ValueError(
                f"code_layer={code_layer!r}: must be a hidden layer, 1 to {self.n_layers - 1} "
                f"for layer_sizes={self.layer_sizes!r}"
            )
        return code_layer

    def _check_output(self) -> None:
        needed = LOSSES[self.loss].from_logits
        if needed is not None and self.activations[-1] != needed:
            raise ValueError(
                f"loss={self.loss!r} needs the output activation {needed!r}, "
                f"not {self.activations[-1]!r}: it is computed from that activation's logits"
            )

    def _check_tie(self) -> None:
        if self.layer_sizes != self.layer_sizes[::-1] or 2 * self.code_layer != self.n_layers:
            raise ValueError(
                f"tied=True with layer_sizes={self.layer_sizes!r} and "
                f"code_layer={self.code_layer}: sizes must read the same from both ends, "
                "with the code in the middle, "
                "for the decoder to use the encoder's weights transposed"
            )


def _fitting_output(loss: str) -> str:
    return LOSSES[loss].from_logits or "identity"


def _check_name(argument: str, name: object, registry: Iterable[str]) -> None:
    if not isinstance(name, str) or name not in registry:
        raise ValueError(f"{argument}={name!r}: must be one of {', '.join(sorted(registry))}")


def _as_tuple(argument: str, value: Any) -> tuple[Any, ...]:
    try:
        if isinstance(value, str):
            raise TypeError
        return tuple(value)
    except TypeError:
        raise ValueError(f"{argument}={value!r}: must be a sequence") from None


def _checked_int(argument: str, value: object) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"{argument}={value!r}: must be an integer")
    return int(value)


def _checked_bool(argument: str, value: object) -> bool:
    # numpy's bool is no subclass of Python's; anything else (1, "no") is a mistake worth naming.
    if type(value).__name__ not in ("bool", "bool_"):
        raise ValueError(f"{argument}={value!r}: must be True or False")
    return bool(value)


def _checked_strength(argument: str, value: object) -> float:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) < math.inf:  # type: ignore[arg-type]
        raise ValueError(f"{argument}={value!r}: must be a finite number of at least 0")
    return float(value)  # type: ignore[arg-type]


def _checked_sizes(layer_sizes: Any) -> tuple[int, ...]:
    sizes = _as_tuple("layer_sizes", layer_sizes)
    for size in sizes:
        if _checked_int("layer_sizes entry", size) < 1:
            raise ValueError(f"layer_sizes={sizes!r}: every layer needs at least one unit")
    sizes = tuple(int(size) for size in sizes)
    if len(sizes) < 3:
        raise ValueError(
            f"layer_sizes={sizes!r}: an autoencoder needs an input, at least one hidden layer "
            "and an output, for example (64, 8, 64)"
        )
    if sizes[0] != sizes[-1]:
        raise ValueError(
            f"layer_sizes={sizes!r}: the output must be as wide as the input "
            f"({sizes[0]}), for it reconstructs it"
        )
    return sizes
