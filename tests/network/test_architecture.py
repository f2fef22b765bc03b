"""The description: what it allows, refuses, lays out and writes down."""

import json

import numpy as np
import pytest
from conftest import every_architecture
from hypothesis import given
from hypothesis import strategies as st

from ae_core import Architecture
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LOSSES


def test_symmetrical_repeats_the_encoder_backwards():
    architecture = Architecture.symmetrical(
        (64, 32, 8), activation="relu", code_activation="identity", output_activation="logistic"
    )
    assert architecture.layer_sizes == (64, 32, 8, 32, 64)
    assert architecture.activations == ("relu", "identity", "relu", "logistic")
    assert architecture.code_layer == 2
    assert architecture.n_components == 8


def test_output_fits_the_loss_by_default():
    assert Architecture((3, 2, 3), "tanh").activations == ("tanh", "identity")
    bernoulli = Architecture((3, 2, 3), "tanh", loss="binary_cross_entropy")
    assert bernoulli.activations == ("tanh", "logistic")


def test_code_is_the_narrowest_layer_nearest_the_middle():
    assert Architecture((2, 1, 2, 2)).code_layer == 1
    assert Architecture((9, 4, 4, 4, 9)).code_layer == 2


def test_views_share_memory_and_cover_the_vector_once():
    architecture = Architecture((4, 3, 2, 3, 4))
    params = np.zeros(architecture.n_params)
    for view in architecture.views(params).values():
        view += 1
    assert (params == 1).all()
    assert [b.name for b in architecture.blocks] == ["W1", "b1", "W2", "b2", "W3", "b3", "W4", "b4"]


def test_tied_decoder_borrows_the_encoders_weights():
    architecture = Architecture((4, 3, 2, 3, 4), tied=True)
    assert [b.name for b in architecture.blocks] == ["W1", "b1", "W2", "b2", "b3", "b4"]
    params = np.arange(architecture.n_params, dtype=float)
    layers = architecture.layers(params)
    assert np.shares_memory(layers[0].weights, layers[3].weights)
    np.testing.assert_array_equal(layers[3].weights, layers[0].weights.T)
    np.testing.assert_array_equal(layers[2].weights, layers[1].weights.T)


def test_frozen_hashable_and_equal_by_content():
    a, b = Architecture([4, 2, 4]), Architecture(np.array([4, 2, 4]))
    assert a == b
    assert hash(a) == hash(b)
    with pytest.raises(AttributeError):
        a.loss = "huber"


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    n_features=st.integers(1, 30),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.sampled_from(sorted(LOSSES)),
    biases=st.booleans(),
    tied=st.booleans(),
)
def test_json_round_trip(sizes, n_features, activation, loss, biases, tied):
    architecture = Architecture.symmetrical(
        (n_features, *sizes), activation=activation, loss=loss, biases=biases, tied=tied
    )
    again = Architecture.from_json(architecture.to_json())
    assert again == architecture
    assert again.blocks == architecture.blocks


def test_every_architecture_survives_json():
    for architecture in every_architecture():
        assert Architecture.from_json(architecture.to_json()) == architecture


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layer_sizes": (4, 4)}, ["layer_sizes=(4, 4)", "hidden layer"]),
        ({"layer_sizes": (4, 2, 5)}, ["layer_sizes=(4, 2, 5)", "as wide as the input (4)"]),
        ({"layer_sizes": (4, 0, 4)}, ["layer_sizes=(4, 0, 4)", "at least one unit"]),
        ({"layer_sizes": (4, 2.5, 4)}, ["2.5", "integer"]),
        ({"layer_sizes": (4, True, 4)}, ["True", "integer"]),
        ({"layer_sizes": 4}, ["layer_sizes=4", "sequence"]),
        ({"layer_sizes": "424"}, ["layer_sizes='424'", "sequence"]),
        ({"activations": "sigmoid"}, ["activations='sigmoid'", "logistic", "tanh"]),
        ({"activations": ("tanh",)}, ["1 names", "needs 2"]),
        ({"activations": ("tanh", 3)}, ["activations=3", "tanh"]),
        ({"loss": "mse"}, ["loss='mse'", "squared_error"]),
        (
            {"loss": "binary_cross_entropy", "activations": ("tanh", "identity")},
            ["binary_cross_entropy", "'logistic'", "'identity'"],
        ),
        ({"code_layer": 2}, ["code_layer=2", "1 to 1"]),
        ({"code_layer": "1"}, ["code_layer='1'", "integer"]),
        ({"biases": 1}, ["biases=1", "True or False"]),
        ({"layer_sizes": (4, 3, 2, 4), "tied": True}, ["tied=True", "same from both ends"]),
        ({"layer_sizes": (4, 2, 2, 4), "tied": True}, ["tied=True", "code in the middle"]),
    ],
)
def test_errors_name_argument_value_and_what_is_allowed(arguments, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are checked one by one
        Architecture(**{"layer_sizes": (4, 2, 4), **arguments})
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "not the JSON"),
        ("[1, 2]", "object is needed"),
        ("{}", "layer_sizes"),
        (json.dumps({"layer_sizes": [4, 2, 4], "lose": "huber"}), "unknown entries"),
        (json.dumps({"layer_sizes": [4, 2, 4], "loss": ["huber"]}), "loss entry="),
        ("[" * 100_000, "not the JSON"),
    ],
)
def test_bad_json_is_refused(text, word):
    with pytest.raises(ValueError, match=word):
        Architecture.from_json(text)


def test_symmetrical_names_its_own_arguments():
    with pytest.raises(ValueError, match=r"sizes=\(4,\).*n_components"):
        Architecture.symmetrical((4,))
    with pytest.raises(ValueError, match="activation='sigmoid'"):
        Architecture.symmetrical((4, 2), activation="sigmoid")
