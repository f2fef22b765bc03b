"""One peer in a process of its own: the worker's main loop, and the handle to talk with it.

Both sides write one line of JSON at a time. A worker is busy only between a request and its answer;
else it waits in a read.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


class PeerError(Exception):
    """A worker failed; the message has what it said."""


def environment(n_threads: int) -> dict[str, str]:
    """The environment of a worker: every library is told how many threads to use."""
    n = str(n_threads)
    names = ("OMP", "MKL", "OPENBLAS", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")
    return {
        **os.environ,
        **{f"{name}_NUM_THREADS": n for name in names},
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if n_threads > 1 else 'false'}",
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # compile in the process, and leave no pool behind
    }


class Worker:
    """The handle to a worker process.

    Parameters
    ----------
    peer, configuration : str
    folder : Path
        With ``X.npy`` and ``params.npy``.
    cpus : sequence of int
        The processors it is pinned to; one thread for each.
    package : Path, optional
        The folder from which it imports ae_core, where that is not the one installed.
    """

    def __init__(
        self,
        peer: str,
        configuration: str,
        folder: Path,
        cpus: Sequence[int],
        package: Path | None = None,
    ) -> None:
        self.peer = peer
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the handle
        arguments = [peer, configuration, str(folder), ",".join(map(str, cpus))]
        self.process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            bufsize=1,
            env=environment(len(cpus)) | ({"PYTHONPATH": str(package)} if package else {}),
        )
        self.introduction = self._answer()
        """``distributions``, ``note`` and ``kinds``, or ``skip`` with a reason."""

    def ask(self, request: str, **arguments: int) -> dict:
        """Send a request and wait for its answer.

        Raises
        ------
        PeerError
            When the worker answers with an error, or died.
        """
        with suppress(BrokenPipeError):  # it died: the missing answer says so
            self.process.stdin.write(json.dumps({"request": request, **arguments}) + "\n")
        return self._answer()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            tail = self.errors.read()[-2000:]
            raise PeerError(f"{self.peer} died, exit code {self.process.wait()}\n{tail}")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(f"{self.peer}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def main(peer_name: str, configuration_name: str, folder: str, cpus: str) -> None:
    """Be a worker: answer requests until the input ends."""
    os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer

    import traceback
    from importlib.metadata import version

    import numpy as np
    from peers import NotExpressible, make_peer
    from problems import CONFIGURATIONS, Problem

    def answer(**content: object) -> None:
        answers.write(json.dumps(content) + "\n")

    problem = Problem(
        CONFIGURATIONS[configuration_name],
        np.load(Path(folder) / "X.npy"),
        np.load(Path(folder) / "params.npy"),
        n_threads=len(cpus.split(",")),
    )
    try:
        peer = make_peer(peer_name, problem)
    except NotExpressible as reason:
        answer(skip=str(reason))
        return
    except Exception:
        answer(error=traceback.format_exc())
        return
    answer(
        distributions={name: version(name) for name in peer.distributions},
        note=peer.note,
        kinds=peer.kinds,
    )
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(**handle(peer, **request))
        except Exception:
            answer(error=traceback.format_exc())


def handle(peer, request: str, n: int) -> dict:
    """Do what is asked of a peer: ``losses``, ``train`` or ``forward``, n of them.

    The last two answer with how many were done and the seconds they took, after an untimed eighth
    as many that bring code and data back into the caches.
    """
    if request == "losses":
        return {"losses": peer.first_losses(n)}
    if request == "train":
        if n >= 8:
            peer.prepare(n // 8)
            peer.train()
        n = peer.prepare(n)
        start = time.perf_counter()
        peer.train()
    elif request == "forward":
        peer.forward(n // 8)
        start = time.perf_counter()
        peer.forward(n)
    else:
        raise ValueError(f"unknown request {request!r}")
    return {"n": n, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    main(*sys.argv[1:])
