"""A service that scores rows by a saved detector: one at a time, or many.

    pip install fastapi uvicorn
    python examples/service.py detector.safetensors               # serves on port 8000
    python examples/service.py detector.safetensors --load-test   # rows per second, and p99

A row is a JSON object with the names of the fit, or a list where the fit had none. The model is
loaded by `ae_core.Predictor`, so that scikit-learn and pandas are not.
"""

import argparse
import http.client
import json
import threading
import time
from contextlib import contextmanager

import numpy as np
import uvicorn
from fastapi import Body, FastAPI, HTTPException

from ae_core import Predictor

MOST_ROWS = 10_000
BODY = Body()


def create_app(path):
    """The service of a saved detector."""
    predictor = Predictor.load(path)
    names = predictor.feature_names_in_ or tuple(map(str, range(predictor.n_features_in_)))
    app = FastAPI(title=f"{predictor}")

    def judged(rows):
        try:
            return predictor.score_samples(rows)
        except (ValueError, TypeError) as error:  # one line that names the column
            raise HTTPException(422, str(error)) from None

    @app.get("/model")
    def model():
        return {"kind": predictor.kind, "columns": names, "threshold": predictor.threshold_}

    @app.post("/score")
    def score(row: dict | list = BODY):
        """One row: its score, whether it is an outlier, and the three columns that say so."""
        score = float(judged([row])[0])
        is_outlier = score < predictor.offset_
        answer = {"score": score, "is_outlier": is_outlier}
        if is_outlier:  # others need no reason
            parts = predictor.explain([row])
            if isinstance(parts, dict):
                parts = np.stack(list(parts.values()), axis=1)
            answer["why"] = [names[i] for i in np.argsort(-np.asarray(parts)[0])[:3]]
        return answer

    @app.post("/scores")
    def scores(rows: list = BODY):
        """Many rows: their scores, and which are outliers."""
        if not 0 < len(rows) <= MOST_ROWS:
            raise HTTPException(422, f"{len(rows)} rows: from 1 to {MOST_ROWS} are allowed")
        found = judged(rows)
        return {
            "scores": found.tolist(),
            "outliers": np.flatnonzero(found < predictor.offset_).tolist(),
        }

    return app


@contextmanager
def running(app):
    """The service on a port that is free, which it gives."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def load_test(app, rows, *, seconds=5.0, n_clients=4, batch=1000):
    """Rows per second, and the 99th percentile of the time of an answer, by real requests.

    Gives ``{"one row": (rows per second, p99 in milliseconds), "batches of …": …}``.
    """
    one, many = json.dumps(rows[0]), json.dumps([rows[i % len(rows)] for i in range(batch)])
    with running(app) as port:
        return {
            "one row": _measured(port, "/score", one, 1, seconds, n_clients),
            f"batches of {batch}": _measured(port, "/scores", many, batch, seconds, n_clients),
        }


def _measured(port, path, body, n_rows, seconds, n_clients):
    times = []

    def client():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(answer.decode())
            times.append(time.perf_counter() - start)
        connection.close()

    clients = [threading.Thread(target=client) for _ in range(n_clients)]
    start = time.perf_counter()
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    passed = time.perf_counter() - start
    return n_rows * len(times) / passed, 1000 * float(np.quantile(times, 0.99))


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Serve a saved detector.")
    parser.add_argument("model")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--load-test", action="store_true")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--row", help="for the load test, as JSON; by default zeros")
    given = parser.parse_args(arguments)
    app = create_app(given.model)
    if not given.load_test:
        uvicorn.run(app, port=given.port)
        return
    predictor = Predictor.load(given.model)
    row = json.loads(given.row) if given.row else [0.0] * predictor.n_features_in_
    for what, (rate, p99) in load_test(app, [row], seconds=given.seconds).items():
        print(f"{what}: {rate:,.0f} rows per second, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
