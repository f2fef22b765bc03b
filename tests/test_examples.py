"""The examples of a service and of a nightly job, run."""

import http.client
import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ae_core import AutoencoderOutlierDetector

EXAMPLES = Path(__file__).parents[1] / "examples"
N = 200


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def orders(seed=0):
    random = np.random.default_rng(seed)
    price = random.gamma(3, 10, N)
    frame = pd.DataFrame(
        {
            "order_id": np.arange(N) + 5000,
            "price": price,
            "tax": 0.2 * price,
            "country": random.choice(["AT", "CH", "DE"], N),
        }
    )
    frame.loc[17, "tax"] = 90.0
    return frame


def test_the_nightly_job_fits_scores_writes_and_reports(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    job = example("nightly")
    source, target, model = (str(tmp_path / each) for each in ("in.parquet", "out.parquet", "m"))
    table = orders()
    table.to_parquet(source)
    job.main([source, "-o", target, "--model", model, "--keep", "order_id"])
    printed = capsys.readouterr().out
    assert printed.startswith(f"{N} rows, ")
    assert "row 17: " in printed
    written = pd.read_parquet(target)
    assert list(written) == ["order_id", "score", "p_value", "is_outlier", "why"]
    assert written["score"].idxmax() == 17
    assert written.loc[17, "is_outlier"]
    assert "tax" in written.loc[17, "why"]
    detector = AutoencoderOutlierDetector.load(model)
    X = table.drop(columns="order_id")
    np.testing.assert_array_equal(written["score"], -detector.score_samples(X))
    job.main([source, "-o", target, "--model", model, "--keep", "order_id", "--reuse"])
    assert "scored by" in capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_parquet(target), written)


@pytest.fixture
def saved(tmp_path):
    X = orders().drop(columns="order_id")
    detector = AutoencoderOutlierDetector(columns="mixed", n_steps=20, random_state=0).fit(X)
    detector.save(tmp_path / "model")
    return detector, X, tmp_path / "model"


def test_the_service_scores_a_row_and_many(saved):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    detector, X, path = saved
    wanted = detector.score_samples(X)
    rows = json.loads(X.to_json(orient="records", double_precision=15))
    service = example("service")
    with service.running(service.create_app(path)) as port:
        for place in (3, 17):
            answer = asked(port, "/score", rows[place])
            np.testing.assert_allclose(answer["score"], wanted[place], rtol=1e-6)
            assert answer["is_outlier"] == (detector.predict(X)[place] == -1)
            assert ("why" in answer) == answer["is_outlier"]
        assert "tax" in answer["why"]
        answer = asked(port, "/scores", rows)
        np.testing.assert_allclose(answer["scores"], wanted, rtol=1e-6)
        assert 17 in answer["outliers"]
        assert "shop" in asked(port, "/score", {**rows[0], "shop": 1}, status=422)["detail"]
        asked(port, "/scores", [], status=422)
        assert asked(port, "/model")["columns"] == ["price", "tax", "country"]


def asked(port, path, body=None, status=200):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert response.status == status
    return answer


def test_the_load_test_prints_rows_per_second_and_p99(saved, capsys):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    _, X, path = saved
    row = X.iloc[0].to_json()
    example("service").main([str(path), "--load-test", "--seconds", "0.2", "--row", row])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["one row", "batches of 1000"]
    assert all("rows per second, p99 " in line for line in lines)
