"""Pipelines and ColumnTransformers with estimators of this package, through skl2onnx."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ae_core import (
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    VariationalAutoencoder,
)

skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")
from skl2onnx.common.data_types import (  # noqa: E402
    BooleanTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:skl2onnx"),
]

N = 120


def numbers(seed=0):
    random = np.random.default_rng(seed)
    return (random.normal(size=(N, 2)) @ random.normal(size=(2, 5)) + 3).astype(np.float32)


def trees(seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "height": random.normal(9, 2, N).astype(np.float32),
            "kind": random.choice(["oak", "ash", "elm"], N),
            "age": random.integers(3, 90, N),
            "old": random.random(N) < 0.4,
        }
    )


def run(model, types, given):
    proto = skl2onnx.to_onnx(model, initial_types=types, target_opset=17)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))


@pytest.mark.parametrize("kind", [Autoencoder, VariationalAutoencoder])
def test_a_step_of_a_pipeline(kind):
    X, rows = numbers(), numbers(1)
    y = (X[:, 0] > 3).astype(int)
    model = make_pipeline(
        StandardScaler(), kind(2, max_iter=5, random_state=0), LogisticRegression()
    ).fit(X, y)
    found = run(model, [("X", FloatTensorType([None, 5]))], {"X": rows})
    np.testing.assert_array_equal(found["output_label"], model.predict(rows))
    alone = run(model[:-1], [("X", FloatTensorType([None, 5]))], {"X": rows})["variable"]
    np.testing.assert_allclose(alone, model[:-1].transform(rows), rtol=1e-4, atol=1e-5)


def test_two_of_a_kind_side_by_side():
    X, rows = numbers(), numbers(1)
    model = ColumnTransformer(
        [
            ("left", Autoencoder(1, max_iter=5, random_state=0), [0, 1, 2]),
            ("right", Autoencoder(2, max_iter=5, random_state=1), [2, 3, 4]),
            ("rest", "passthrough", [0]),
        ]
    ).fit(X)
    found = run(model, [("X", FloatTensorType([None, 5]))], {"X": rows})
    wanted = model.transform(rows)
    np.testing.assert_allclose(found["transformed_column"], wanted, rtol=1e-4, atol=1e-5)


def test_a_detector_at_the_end():
    X, rows = numbers(), numbers(1)
    rows[0] = 99
    model = make_pipeline(
        StandardScaler(), AutoencoderOutlierDetector(n_steps=5, random_state=0)
    ).fit(X)
    found = run(model, [("X", FloatTensorType([None, 5]))], {"X": rows})
    np.testing.assert_array_equal(found["label"][:, 0], model.predict(rows))
    wanted = model.decision_function(rows)
    np.testing.assert_allclose(found["scores"][:, 0], wanted, rtol=1e-4, atol=1e-4)
    assert found["label"][0] == -1


@pytest.mark.parametrize("beside_numbers", [False, True])
def test_mixed_columns(beside_numbers):
    X, rows = trees(), trees(1)
    model = Autoencoder(2, columns="mixed", max_iter=5, random_state=0)
    columns = list(X) if beside_numbers else ["kind", "old"]
    steps = [("mixed", model, columns), ("plain", StandardScaler(), ["height"])]
    transformer = ColumnTransformer(steps).fit(X)
    types = [
        ("height", FloatTensorType([None, 1])),
        ("kind", StringTensorType([None, 1])),
        ("age", Int64TensorType([None, 1])),
        ("old", BooleanTensorType([None, 1])),
    ]
    given = {name: rows[name].to_numpy()[:, None] for name in rows}
    given["kind"] = given["kind"].astype(object)
    used = [one for one in types if one[0] in {*columns, "height"}]
    found = run(transformer, used, {name: given[name] for name, _ in used})
    np.testing.assert_allclose(
        found["transformed_column"], transformer.transform(rows), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("more", [{}, {"add_indicator": True}])
def test_an_imputer_before_a_classifier(more, monkeypatch):
    monkeypatch.setattr("ae_core.estimators.filling_networks.FEWEST_STEPS", 20)
    monkeypatch.setattr("ae_core.estimators.filling_networks.MOST_STEPS", 40)
    X, rows = numbers(), numbers(1)
    y = (X[:, 0] > 3).astype(int)
    for table in (X, rows):
        table[np.random.default_rng(2).random(table.shape) < 0.2] = np.nan
    imputer = AutoencoderImputer(
        hidden_layer_sizes=(4,), n_networks=2, random_state=0, n_threads=1, **more
    )
    model = make_pipeline(imputer, LogisticRegression()).fit(X, y)
    found = run(model, [("X", FloatTensorType([None, 5]))], {"X": rows})
    np.testing.assert_array_equal(found["output_label"], model.predict(rows))


def test_an_older_operator_set_is_refused():
    model = make_pipeline(StandardScaler(), Autoencoder(2, max_iter=5, random_state=0))
    model.fit(numbers())
    with pytest.raises(ValueError, match="target_opset=15"):
        skl2onnx.to_onnx(model, initial_types=[("X", FloatTensorType([None, 5]))], target_opset=15)
