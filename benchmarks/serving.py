"""What it takes to score rows with a saved model: time and memory to the first, time of each after.

    python benchmarks/serving.py

Three ways: `ae_core.load`, `ae_core.Predictor.load`, and onnxruntime on what `to_onnx` wrote. Each
is a fresh process, several in turn; the median is printed. "To the first" is from the start of the
imports to the first score, the interpreter's own start aside; memory is the most that was resident.
A row alone is given as a NumPy array (1, n_features) of the model's dtype.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

N_PROCESSES = 5
WAYS = {
    "ae_core.load": "import ae_core\nmodel = ae_core.load(path)\nscore = model.score_samples\n",
    "ae_core.Predictor": (
        "import ae_core\nmodel = ae_core.Predictor.load(path)\nscore = model.score_samples\n"
    ),
    "onnxruntime": (
        "import onnxruntime\n"
        "options = onnxruntime.SessionOptions()\n"
        "options.intra_op_num_threads = 1\n"
        "session = onnxruntime.InferenceSession(path + '.onnx', options)\n"
        "score = lambda X: session.run(['score'], {'X': X})\n"
    ),
}
PROGRAM = """
import sys, time
start = time.perf_counter()
path, dtype = sys.argv[1:3]
import numpy as np
{way}
X = np.load(path + ".npy").astype(dtype)
row = X[:1].copy()
score(row)
first = time.perf_counter() - start
# Of this program alone: what getrusage says counts the process that started it, too.
most = next(int(line.split()[1]) for line in open("/proc/self/status") if line[:5] == "VmHWM")
def of_one(n, given):
    best = float("inf")
    for _ in range(7):
        begun = time.perf_counter()
        for _ in range(n):
            score(given)
        best = min(best, (time.perf_counter() - begun) / n)
    return 1e6 * best
import json
print(json.dumps([first, most / 1024, of_one(200, row), of_one(1, X) / len(X)]))
"""


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    from ae_core import Autoencoder, AutoencoderOutlierDetector

    random = np.random.default_rng(0)
    X = random.normal(size=(2000, 5)) @ random.normal(size=(5, 30))
    models = {
        "autoencoder 30-128-8": Autoencoder(8, max_iter=20, random_state=0, n_threads=1),
        "detector, 30 columns": AutoencoderOutlierDetector(random_state=0, n_threads=1),
    }
    print(f"{'':22} {'':18} {'to the first':>13} {'memory':>9} {'a row alone':>13} {'in 2000':>13}")
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models.items():
            path = str(Path(folder) / "model")
            model.fit(X).save(path)
            model.to_onnx(path + ".onnx")
            np.save(path + ".npy", X)
            figures = {way: [] for way in WAYS}
            for _ in range(N_PROCESSES):
                for way, found in figures.items():
                    found.append(_measured(way, path))
            for way, found in figures.items():
                first, most, alone, many = (
                    statistics.median(each) for each in zip(*found, strict=True)
                )
                print(
                    f"{name:22} {way:18} {first:11.3f} s {most:6.0f} MB {alone:10.1f} µs "
                    f"{many:10.2f} µs"
                )


def _measured(way, path):
    program = PROGRAM.format(way=WAYS[way])
    dtype = "float32" if way == "onnxruntime" else "float64"
    done = subprocess.run(
        [sys.executable, "-c", program, path, dtype], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
