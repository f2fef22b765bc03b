"""What a network is, without its numbers: layer sizes, activations, loss, ties, penalties, noise.

An `Architecture` also says where each weight lies in the one flat parameter vector that solvers,
gradient checks and saved files work with.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from .._typing import Array
from ..basics.arguments import (
    INDEX,
    as_tuple,
    check_name,
    checked_bool,
    checked_int,
    checked_share,
    checked_strength,
    each,
    shown,
)
from ..formulas.activations import ACTIVATIONS
from ..formulas.corruption import CORRUPTIONS
from ..formulas.inputs import INPUT_TRANSFORMS
from ..formulas.losses import LossGroups
from .layout import Block, LayerArrays, OutputGroup
from .rules import (
    check_family,
    check_output,
    check_tie,
    checked_activations,
    checked_code_layer,
    checked_loss,
    checked_sizes,
    checked_weights,
    fitting_output,
)


@dataclass(frozen=True)
class Architecture:
    """The description of a dense autoencoder.

    Frozen, hashable, checked when made; holds no parameters and no data.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units per layer from the input to the output, at least three layers:
        ``(n_features, …, n_features)``. What the first layer, and with covariates the decoder's
        first, is given beside these adds rows to its weights, and not to this: see `n_given`.
    activations : str or sequence of str, default='logistic'
        One name for each layer after the input, so one fewer than sizes. A single name is taken for
        all hidden layers, with an output that fits the loss: logistic for
        'binary_cross_entropy', softmax for 'softmax_cross_entropy', 'mixed' for several losses,
        else identity. Names: see `ae_core.formulas.activations.ACTIVATIONS`.
    loss : str or sequence of (str, int), default='squared_error'
        'squared_error' (halved), 'absolute_error', 'huber' (δ = 1); 'binary_cross_entropy', which
        wants data in [0, 1] and a logistic output; 'softmax_cross_entropy' for one-hot columns and
        'multinomial' for counts of a row, with a softmax output; 'poisson' (half its deviance) and
        'negative_binomial' for counts of each column, with the output exp. Those with an output
        named here are computed from its logits. All are summed over features and averaged over
        samples. The negative binomial has a parameter of its own for each column, the block
        ``own``: the logarithm of θ, where the variance is μ + μ² / θ. For a mixed table: losses of
        its columns from left to right, such as
        ``[("squared_error", 5), ("softmax_cross_entropy", 3)]``.
    code_layer : int, optional
        Which entry of ``layer_sizes`` is the code; by default the narrowest hidden layer (of
        several, the one nearest to the middle).
    biases : bool, default=True
        Whether layers add a bias vector.
    tied : bool, default=False
        Whether the decoder uses the encoder's weights transposed (and biases of its own); of a
        variational code those of the mean. Needs sizes that read the same from both ends, with the
        code in the middle.
    alpha, alpha_l1 : float, default=0
        Strength of the L2 penalty on the weights, ½ α Σ W² over the number of samples, as in
        scikit-learn's `MLPRegressor`; and of the L1 penalty, ``α₁ Σ |W|`` over it.
    feature_weights : sequence of float, optional
        What each column's loss is multiplied with.
    corruption : {None, 'gaussian', 'masking', 'salt_and_pepper'}
        How training spoils the input, which is to be reconstructed unspoiled: see
        `ae_core.formulas.corruption`.
    corruption_level : float, default=0.3
        Share of entries that are spoiled; for 'gaussian' the standard deviation of the noise.
    dropout : float, default=0
        Share of the units of each hidden layer, but the code, that training hides in each row.
    k_sparse : int, optional
        How many of the code's units keep their activation, the largest; others are 0.
    code_l1 : float, default=0
        Strength of a penalty on the code, ``Σ |h|`` of each row.
    sparsity, sparsity_target : float, defaults=0, 0.05
        Strength of a penalty on the code's mean activation over a batch, ρ̂: Σ KL(ρ ‖ ρ̂) with the
        target ρ. Needs a logistic code.
    contraction : float, default=0
        Strength of the contractive penalty: see `ae_core.formulas.contraction`.
    variational : bool, default=False
        Whether the code is a normal distribution, whose mean and log-variance the encoder gives
        (2 × n_components numbers), and of which training draws: see `ae_core.formulas.latent`.
    beta : float, default=1
        Weight of its divergence from the standard normal distribution.
    input_mask : bool, default=False
        Whether the network is given, beside each number, whether it is seen: 1, or 0 where it is
        missing or hidden by masking corruption. So what is missing differs from what is 0.
    n_covariates : int, default=0
        The table has so many columns more than there are features, its last ones, that are known
        of each row but not reconstructed: both the encoder and the decoder are given them, beside
        the input and beside the code (a conditional autoencoder: Sohn, Lee & Yan 2015, "Learning
        structured output representation using deep conditional generative models"). They are
        never corrupted and have no loss; missing ones are 0.
    input_transform : {None, 'log1p'}
        What is given of each feature, where that is not the number itself, of which the loss is
        taken: see `ae_core.formulas.inputs`. Corruption comes after it.

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
    loss: str | LossGroups = "squared_error"
    code_layer: int = None  # type: ignore[assignment]  # settled below, so never None to a reader
    biases: bool = True
    tied: bool = False
    alpha: float = 0.0
    alpha_l1: float = 0.0
    feature_weights: Sequence[float] | None = None
    corruption: str | None = None
    corruption_level: float = 0.3
    dropout: float = 0.0
    k_sparse: int | None = None
    code_l1: float = 0.0
    sparsity: float = 0.0
    sparsity_target: float = 0.05
    contraction: float = 0.0
    variational: bool = False
    beta: float = 1.0
    input_mask: bool = False
    n_covariates: int = 0
    input_transform: str | None = None

    def __post_init__(self) -> None:
        # A frozen dataclass is set once, here, to what the arguments mean.
        def settle(field: str, value: object) -> None:
            object.__setattr__(self, field, value)

        settle("layer_sizes", checked_sizes(self.layer_sizes))
        settle("loss", checked_loss(self.loss, self.n_features))
        settle("activations", checked_activations(self.activations, self.layer_sizes, self.loss))
        settle("code_layer", checked_code_layer(self.code_layer, self.layer_sizes))
        for name in ("biases", "tied", "variational", "input_mask"):
            settle(name, checked_bool(name, getattr(self, name)))
        strengths = ("alpha", "alpha_l1", "code_l1", "sparsity", "contraction", "beta")
        for name in (*strengths, "corruption_level"):
            settle(name, checked_strength(name, getattr(self, name)))
        settle("dropout", checked_share("dropout", self.dropout))
        settle("sparsity_target", checked_share("sparsity_target", self.sparsity_target))
        settle("feature_weights", checked_weights(self.feature_weights, self.n_features))
        if self.corruption is not None:
            check_name("corruption", self.corruption, CORRUPTIONS)
        if self.k_sparse is not None:
            settle("k_sparse", checked_int("k_sparse", self.k_sparse))
        settle("n_covariates", INDEX("n_covariates", self.n_covariates))
        if self.input_transform is not None:
            check_name("input_transform", self.input_transform, INPUT_TRANSFORMS)
        check_output(self.loss, self.activations[-1])
        if self.tied:
            check_tie(self.layer_sizes, self.code_layer)
        check_family(self)

    @classmethod
    def symmetrical(
        cls,
        sizes: Sequence[int],
        *,
        activation: str = "logistic",
        code_activation: str | None = None,
        output_activation: str | None = None,
        loss: str | LossGroups = "squared_error",
        **options: Any,
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
        loss : str or LossGroups, default='squared_error'
            What the reconstruction is compared by.
        **options
            The other arguments, as for the class.

        Raises
        ------
        ValueError
            Naming the argument, its value and what is allowed.
        """
        given, sizes = sizes, as_tuple("sizes", sizes)
        each("sizes", sizes, checked_int, given)
        if len(sizes) < 2:
            raise ValueError(
                f"sizes={shown(given)}: need at least (n_features, n_components); "
                "hidden layers go between the two"
            )
        check_name("activation", activation, ACTIVATIONS)
        loss = checked_loss(loss, sizes[0])
        hidden = [activation] * (len(sizes) - 2)
        code = activation if code_activation is None else code_activation
        output = fitting_output(loss) if output_activation is None else output_activation
        check_name("code_activation", code, ACTIVATIONS)
        check_name("output_activation", output, {*ACTIVATIONS, fitting_output(loss)})
        return cls(
            layer_sizes=sizes + sizes[-2::-1],
            activations=(*hidden, code, *hidden, output),
            loss=loss,
            code_layer=len(sizes) - 1,
            **options,
        )

    # --- what follows from the description ---------------------------------------------------

    @property
    def n_features(self) -> int:
        """Columns of the data that are reconstructed."""
        return self.layer_sizes[0]

    @property
    def n_columns(self) -> int:
        """Columns of the table: features, and after them covariates."""
        return self.n_features + self.n_covariates

    @property
    def n_inputs(self) -> int:
        """What the first layer is given of a row: features, with `input_mask` as many 0 and 1 that
        say which are seen, and covariates; in this order.
        """
        return self.n_features * (2 if self.input_mask else 1) + self.n_covariates

    @property
    def n_components(self) -> int:
        """Units of the code."""
        return self.layer_sizes[self.code_layer]

    @property
    def n_layers(self) -> int:
        """Layers that compute something: all but the input."""
        return len(self.layer_sizes) - 1

    @cached_property
    def output_groups(self) -> tuple[OutputGroup, ...]:
        """The columns of the output by loss, from left to right."""
        if isinstance(self.loss, str):
            return (OutputGroup(self.loss, self.activations[-1], 0, self.n_features, 0),)
        groups: list[OutputGroup] = []
        start = own = 0
        for loss, width in self.loss:
            groups.append(OutputGroup(loss, fitting_output(loss), start, start + width, own))
            start, own = start + width, groups[-1].own_columns.stop
        return tuple(groups)

    @property
    def n_own(self) -> int:
        """How many parameters the losses have of their own: one a column, where they have any."""
        return self.output_groups[-1].own_columns.stop

    @property
    def is_noisy(self) -> bool:
        """Whether training draws random numbers for each row."""
        return bool(self.corruption or self.dropout or self.variational)

    @property
    def has_penalty(self) -> bool:
        """Whether the weights themselves have a part in the loss."""
        return bool(self.alpha or self.alpha_l1)

    @property
    def has_simple_loss(self) -> bool:
        """Whether the loss is that of the reconstruction, and penalties of the weights alone."""
        asks_of_the_code = self.code_l1 or self.sparsity or self.contraction
        return not (self.is_noisy or asks_of_the_code)

    def n_given(self, layer: int) -> int:
        """What layer 1 … n_layers is given, so the rows of its weights: the units of the layer
        before; the first the `n_inputs`, the decoder's first covariates after the code.
        """
        if layer == 1:
            return self.n_inputs
        beside = self.n_covariates if layer == self.code_layer + 1 else 0
        return self.layer_sizes[layer - 1] + beside

    def n_sums(self, layer: int) -> int:
        """What layer 1 … n_layers computes: its units; a variational code mean and log-variance."""
        width = self.layer_sizes[layer]
        return 2 * width if self.variational and layer == self.code_layer else width

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Where each weight matrix and bias vector lies in the flat vector, in order."""
        blocks: list[Block] = []
        start = 0
        for layer in range(1, self.n_layers + 1):
            n_in, n_out = self.n_given(layer), self.n_sums(layer)
            shapes: list[tuple[str, tuple[int, ...]]] = []
            if not self.is_tied_decoder(layer):
                shapes.append((f"W{layer}", (n_in, n_out)))
            if self.biases:
                shapes.append((f"b{layer}", (n_out,)))
            for name, shape in shapes:
                size = shape[0] * shape[1] if len(shape) == 2 else shape[0]
                blocks.append(Block(name, shape, start, start + size))
                start += size
        if self.n_own:
            blocks.append(Block("own", (self.n_own,), start, start + self.n_own))
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

    def layers(self, params: Array) -> list[LayerArrays]:
        """For each layer its weights (n_in, n_out) and biases (n_out,), sharing memory."""
        views = self.views(params)
        result = []
        for layer in range(1, self.n_layers + 1):
            weights = views[f"W{self.weight_owner(layer)}"]
            if self.is_tied_decoder(layer):
                # Of what a variational code's layer gives, the decoder is given the mean.
                weights = weights[:, : self.layer_sizes[layer - 1]].T
            result.append(LayerArrays(weights, views.get(f"b{layer}")))
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
        if not isinstance(text, str | bytes):
            raise ValueError(f"text={shown(text)}: must be what to_json gave")
        try:
            data: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not the JSON of an Architecture: {error}") from None
        if not isinstance(data, dict):
            raise ValueError(
                f"not the JSON of an Architecture: an object is needed, not {shown(data)}"
            )
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ValueError(
                f"unknown entries {shown(unknown)} in an Architecture; known: {sorted(known)}"
            )
        if "layer_sizes" not in data:
            raise ValueError("the JSON of an Architecture needs 'layer_sizes'")
        return cls(**data)
