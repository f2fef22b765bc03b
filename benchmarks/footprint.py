"""What a library costs before and beside its speed: import time, memory, space on disk.

    python benchmarks/footprint.py [--data MNIST_FOLDER] [--markdown FILE]

Import: the median of fresh processes, without the interpreter's own start. Memory: resident, in a
fresh process, after the import, and after 50 training steps of the mnist configuration (at the
highest and at the end). Disk: the files of the installed distributions, and with everything they
require; without bytecode.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from problems import CONFIGURATIONS, load_data
from report import figure, table
from worker import Worker

N_IMPORTS = 10
N_STEPS = 50
LIBRARIES = {  # what its users import, its distributions, the peer that trains
    "ae_core": ("ae_core", ("ae_core",), ("ae_core", "ae_core.reference")),
    "torch": ("torch", ("torch",), ("torch",)),
    "jax": ("jax", ("jax", "jaxlib"), ("jax",)),
    "scikit-learn": ("sklearn.neural_network", ("scikit-learn",), ("scikit-learn",)),
}
IMPORT = """
import json, sys, time
def resident():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
before = resident()
start = time.perf_counter()
if sys.argv[1] != "nothing":
    __import__(sys.argv[1])
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "before": before / 1024, "after": resident() / 1024}))
"""
HEADER = (
    "library",
    "import",
    "memory after import",
    "after a fit",
    "highest",
    "on disk",
    "with requirements",
    "note",
)


def import_cost(module: str, n_processes: int = N_IMPORTS) -> dict[str, float]:
    """Medians of the seconds an import takes, and of MiB resident before and after it."""
    command = [sys.executable, "-c", IMPORT, module]
    answers = [
        json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        for _ in range(n_processes + 1)
    ][1:]  # the first fills the file cache
    return {key: statistics.median(answer[key] for answer in answers) for key in answers[0]}


def fit_memory(peer: str, folder: Path) -> dict[str, float] | str:
    """MiB resident after training, at the end and at the highest; or why there was none."""
    worker = Worker(peer, "mnist", folder, [min(os.sched_getaffinity(0))])
    try:
        if "skip" in worker.introduction:
            return worker.introduction["skip"]
        worker.ask("losses", n=1)
        worker.ask("train", n=N_STEPS)
        status = Path(f"/proc/{worker.process.pid}/status").read_text()
    finally:
        worker.close()
    sizes = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+)", status, re.MULTILINE))
    return {"end": int(sizes["VmRSS"]) / 1024, "highest": int(sizes["VmHWM"]) / 1024}


def files_size(found: Distribution) -> int:
    """Bytes of a distribution's files, without bytecode."""
    if editable := editable_folder(found):
        files = [path for path in editable.rglob("*") if path.suffix in {".py", ".pyi", ".so"}]
    else:
        files = [Path(str(found.locate_file(file))) for file in found.files or ()]
    return sum(f.stat().st_size for f in files if f.suffix != ".pyc" and f.is_file())


def editable_folder(found: Distribution) -> Path | None:
    """The package's folder when it is installed from where its source lies."""
    url = json.loads(found.read_text("direct_url.json") or "{}")
    if not url.get("dir_info", {}).get("editable"):
        return None
    name = re.sub(r"[-.]+", "_", found.metadata["Name"])
    return Path(url["url"].removeprefix("file://")) / name


def with_requirements(names: tuple[str, ...]) -> set[str]:
    """These distributions and all they require, as far as installed; without extras."""
    known: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        try:
            requirements = distribution(name).requires or ()
        except PackageNotFoundError:
            continue  # for another platform or version of Python
        if name not in known:
            known.add(name)
            wanted = (r for r in requirements if not re.search(r"\bextra\s*==", r))
            waiting += [re.match(r"[\w.-]+", requirement)[0] for requirement in wanted]
    return known


def measure(name: str, folder: Path) -> tuple[str, ...]:
    """One library's row of the table."""
    module, distributions, peers = LIBRARIES[name]
    try:
        own = sum(files_size(distribution(d)) for d in distributions)
    except PackageNotFoundError:
        return (name, *["–"] * 6, "not installed")
    everything = sum(files_size(distribution(d)) for d in with_requirements(distributions))
    cost = import_cost(module)
    notes = [", ".join(f"{d} {distribution(d).version}" for d in distributions)]
    if any(editable_folder(distribution(d)) for d in distributions):
        notes.append("editable: its folder is counted")
    for peer in peers:
        memory = fit_memory(peer, folder)
        if not isinstance(memory, str):
            break
        notes.append(f"{peer}: {memory}")
    fitted = ("–", "–")
    if not isinstance(memory, str):
        fitted = (mebibytes(memory["end"]), mebibytes(memory["highest"]))
        if peer != name:
            notes.append(f"fit by {peer}")
    return (
        name,
        f"{figure(cost['seconds'] * 1e3)} ms",
        mebibytes(cost["after"]),
        *fitted,
        mebibytes(own / 2**20),
        mebibytes(everything / 2**20),
        "; ".join(notes),
    )


def mebibytes(value: float) -> str:
    """With its unit."""
    return f"{figure(value)} MiB"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with MNIST's train-images-idx3-ubyte.gz")
    parser.add_argument("--markdown", type=Path, help="write the table here, too")
    options = parser.parse_args()
    configuration = CONFIGURATIONS["mnist"]
    X, data_name = load_data(configuration.data, options.data)
    X = np.ascontiguousarray(X[: N_STEPS * configuration.batch_size])
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "X.npy"), X)
        np.save(Path(folder, "params.npy"), initial_params())
        rows = [measure(name, Path(folder)) for name in LIBRARIES]
    bare = import_cost("nothing")["after"]
    numpy = import_cost("numpy")
    lines = [
        *table(HEADER, rows),
        "",
        f"Python alone: {mebibytes(bare)} resident; with NumPy {mebibytes(numpy['after'])}, "
        f"{figure(numpy['seconds'] * 1e3)} ms to import. The fit: {N_STEPS} steps of the mnist "
        f"configuration, float32, one thread; its process also holds the data, "
        f"{mebibytes(X.nbytes / 2**20)} ({data_name}).",
    ]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text)


def initial_params() -> np.ndarray:
    """Parameters of the mnist configuration, float32."""
    from ae_core import Architecture
    from ae_core.reference import Network

    c = CONFIGURATIONS["mnist"]
    architecture = Architecture(c.sizes, c.activations, c.loss, biases=c.biases)
    return Network(architecture, random_state=0).params.astype(np.float32)


if __name__ == "__main__":
    main()
