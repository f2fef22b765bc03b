"""The picture and the table of save.md: what it takes to score one row with a saved model."""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
from page import COLORS, GREY, new_figure, print_table, save
from sklearn.datasets import load_breast_cancer

from ae_core import AutoencoderOutlierDetector

N_TIMES = 3
WAYS = {
    "`joblib.load`": ("odd.joblib", "import joblib; score = joblib.load(path).score_samples"),
    "`ae_core.load`": (
        "odd.safetensors",
        "import ae_core; score = ae_core.load(path).score_samples",
    ),
    "`Predictor.load`": (
        "odd.safetensors",
        "from ae_core import Predictor; score = Predictor.load(path).score_samples",
    ),
    "`to_onnx` and onnxruntime": (
        "odd.onnx",
        "import onnxruntime; session = onnxruntime.InferenceSession(path); "
        "score = lambda X: session.run(['score'], {'X': X.astype('float32')})",
    ),
}
PROGRAM = """
import sys
path = sys.argv[1]
import numpy as np
{way}
score(np.ones((1, 30)))
# Of this program alone: what getrusage says counts the process that started it, too.
most = next(int(line.split()[1]) for line in open("/proc/self/status") if line[:5] == "VmHWM")
print(most / 1024, len(sys.modules))
"""


def main():
    X = load_breast_cancer().data
    detector = AutoencoderOutlierDetector(random_state=0, n_threads=1).fit(X)
    rows, megabytes = [], []
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(detector, f"{folder}/odd.joblib")
        detector.save(f"{folder}/odd.safetensors")
        detector.to_onnx(f"{folder}/odd.onnx")
        for name, (file, way) in WAYS.items():
            path = Path(folder, file)
            command = [sys.executable, "-c", PROGRAM.format(way=way), str(path)]
            said = [subprocess.check_output(command, text=True).split() for _ in range(N_TIMES)]
            memory = statistics.median(float(words[0]) for words in said)
            runs_code = "yes" if file.endswith("joblib") else "no"
            rows.append(
                (name, f"{memory:.0f}", said[0][1], f"{path.stat().st_size / 1000:.0f}", runs_code)
            )
            megabytes.append(memory)
    print_table(
        (
            "a detector, loaded to score one row",
            "memory, MB",
            "modules",
            "file, kB",
            "loading may run code",
        ),
        rows,
    )
    figure = new_figure(figsize=(7.5, 2))
    ax = figure.add_subplot()
    ax.barh(
        [name.replace("`", "") for name in WAYS],
        megabytes,
        color=(GREY, COLORS[3], COLORS[0], COLORS[3]),
    )
    ax.invert_yaxis()
    ax.set_xlabel("resident memory after one score, MB, Python and NumPy included")
    save(figure, __file__)


if __name__ == "__main__":
    main()
