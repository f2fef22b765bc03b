"""Faults from outside: kills, full and read-only disks, no memory, forks, threads upon threads."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ae_core import Adam, Architecture, Autoencoder, Checkpoint, Network, load, train
from ae_core.files.model_file import read_file
from ae_core.network import compiled as network

WIDE = Architecture.symmetrical((300, 280, 30), activation="tanh", dropout=0.1)
X = np.random.default_rng(0).random((200, 20))
MODEL = Autoencoder(8, hidden_layer_sizes=(300,), max_iter=3, random_state=0)
"""Of 100 kB and more, with checkpoints of three times that."""


def with_tests_in_path():
    """The environment, with this folder beside what else is imported from."""
    path = [os.path.dirname(os.path.dirname(__file__)), os.environ.get("PYTHONPATH")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_fits_are_whole_and_resume_to_the_same_bits(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "fuzz.kill", "--kills", "6", "--seed", "1"],
        env=with_tests_in_path(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "6 kills" in run.stdout


# --- disks ---------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB, and a function that makes it read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    try:
        is_mounted = mount("size=400k")
    except OSError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("this user may not mount file systems")
    yield folder, lambda: mount("remount,ro,size=400k")
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_model(small_disk):
    folder, _ = small_disk
    path = folder / "model"
    MODEL.fit(X).save(path)
    before = path.read_bytes()
    assert len(before) > 100_000
    (folder / "filler").write_bytes(b"\0" * (390_000 - 2 * len(before)))
    MODEL.save(path)  # there is room for two
    (folder / "filler").write_bytes(b"\0" * (390_000 - len(before)))
    with pytest.raises(OSError, match=r"No space left on device \(not saved; what was there") as e:
        MODEL.save(path)
    assert e.value.filename == str(path)
    assert path.read_bytes() == before
    assert sorted(os.listdir(folder)) == ["filler", "model"]
    np.testing.assert_array_equal(load(path).transform(X), MODEL.transform(X))


def test_a_disk_that_fills_up_ends_a_fit_and_leaves_the_last_checkpoint(small_disk):
    folder, _ = small_disk
    path = folder / "fit.ckpt"
    model = Autoencoder(8, hidden_layer_sizes=(80,), max_iter=8, random_state=0)

    def fill(progress):
        if progress.n_iter == 3:
            room = os.statvfs(folder)
            (folder / "filler").write_bytes(b"\0" * (room.f_bavail * room.f_frsize - 8192))

    with pytest.raises(OSError, match="No space left on device"):
        model.fit(X, callbacks=[Checkpoint(path), fill])
    assert len(read_file(path, "checkpoint").description["history"]["loss_curve"]) == 3
    assert sorted(os.listdir(folder)) == ["filler", "fit.ckpt"]
    (folder / "filler").unlink()
    resumed = Autoencoder(**model.get_params()).fit(X, resume_from=path)
    whole = Autoencoder(**model.get_params()).fit(X)
    np.testing.assert_array_equal(resumed.network_.params, whole.network_.params)


def test_a_read_only_disk_is_said_to_be_so(small_disk):
    folder, make_read_only = small_disk
    path = folder / "model"
    MODEL.fit(X).save(path)
    before = path.read_bytes()
    assert make_read_only()
    for target in (path, folder / "new"):
        with pytest.raises(OSError, match="not saved") as e:
            MODEL.save(target)
        assert e.value.filename == str(target)
        with pytest.raises(OSError, match="not saved"):
            Autoencoder(2, max_iter=2).fit(X, callbacks=[Checkpoint(target)])
    assert path.read_bytes() == before
    assert os.listdir(folder) == ["model"]


# --- memory --------------------------------------------------------------------------------------

NO_MEMORY = """if True:
    import faulthandler, sys
    import _testcapi
    import numpy as np
    from ae_core import Adam, Architecture, Network
    from ae_core.network import compiled as network
    from ae_core.data.rows import Rows

    faulthandler.dump_traceback_later(100, exit=True)
    network.WORTH_A_THREAD = 0
    architecture = Architecture.symmetrical((60, 40, 9), activation="tanh", dropout=0.1)
    net = Network(architecture, random_state=0, dtype=np.float32, n_threads=int(sys.argv[1]))
    rows = Rows(np.random.default_rng(0).random((400, 60), dtype=np.float32))
    start, solver, order = net.params.copy(), Adam(1e-3), np.arange(400)

    def steps(n_steps, state):
        return net.train_steps(rows, order[:100 * n_steps], 100, solver, state, np.full(n_steps, 0.1))

    whole = [start]
    for n in range(1, 5):
        net.params[:] = start
        steps(n, solver.start(start))
        whole.append(net.params.copy())

    def train():
        steps(4, state)

    def gradient():
        net.loss_and_gradient(rows)

    def errors():
        net.reconstruction_errors(rows)

    for job in (train, gradient, errors):
        net.params[:], state = start, solver.start(start)
        job()
        n_failures = n_successes = number = 0
        while n_successes < 25:  # beyond the last allocation
            net.params[:], state = start, solver.start(start)
            _testcapi.set_nomemory(number, number + 1)
            try:
                job()
            except MemoryError:
                n_failures, n_successes = n_failures + 1, 0
            else:
                n_successes += 1
            finally:
                _testcapi.remove_mem_hooks()
            if n_successes and job is train:
                assert np.array_equal(net.params, whole[4]), number
            assert any(np.array_equal(net.params, each) for each in whole), number
            number += 1
        print(job.__name__, n_failures)
    """


@pytest.mark.parametrize("n_threads", [1, 2])
def test_each_failing_allocation_in_turn_is_a_memory_error(n_threads):
    pytest.importorskip("_testcapi")
    run = subprocess.run(
        [sys.executable, "-c", NO_MEMORY, str(n_threads)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    failures = {name: int(n) for name, n in (line.split() for line in run.stdout.splitlines())}
    assert set(failures) == {"train", "gradient", "errors"}
    assert min(failures.values()) > 20


NO_MEMORY_IN_C = """if True:
    import ctypes, faulthandler
    import _testcapi
    import numpy as np
    from ae_core import Architecture, Network
    from fuzz.c_functions import NO_MEMORY, OK, function

    faulthandler.dump_traceback_later(100, exit=True)
    architecture = Architecture.symmetrical((6, 4, 2), activation="tanh", corruption="salt_and_pepper")
    net = Network(architecture, random_state=0)
    X = np.random.default_rng(0).random((400, 6))
    loss, gradient = np.zeros(1), np.zeros_like(net.params)
    expected = net.loss_and_gradient(X)
    places = [array.ctypes.data for array in (X, loss, gradient)]
    ask, handle = function("ae_loss_and_gradient"), function("ae_from_network")(net)
    ask(handle, len(X), *places)
    n_failures = n_successes = number = 0
    while n_successes < 25:  # beyond the last allocation
        loss[:] = gradient[:] = 0
        code = None
        _testcapi.set_nomemory(number, number + 1)
        try:
            code = ask(handle, len(X), *places)
        except (MemoryError, ctypes.ArgumentError):  # before it is called
            pass
        finally:
            _testcapi.remove_mem_hooks()
        assert code in (None, OK, NO_MEMORY), (number, code)
        n_failures += code == NO_MEMORY
        n_successes = n_successes + 1 if code == OK else 0
        assert code != OK or (loss[0] == expected[0] and np.array_equal(gradient, expected[1]))
        number += 1
    print(n_failures)
    """


def test_each_failing_allocation_in_turn_is_a_code_of_the_c_interface():
    pytest.importorskip("_testcapi")
    run = subprocess.run(
        [sys.executable, "-c", NO_MEMORY_IN_C],
        env=with_tests_in_path(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout) > 20


# --- forks and threads ---------------------------------------------------------------------------


def fitted(n_threads, seed=0):
    """A network after some steps, and its data."""
    data = np.random.default_rng(seed).random((600, 300), dtype=np.float32)
    net = Network(WIDE, random_state=seed, dtype=np.float32, n_threads=n_threads)
    train(net, data, solver=Adam(1e-3), batch_size=200, max_iter=2, random_state=seed)
    return net, data


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_of_a_threaded_fit_predicts_and_goes_on_training(monkeypatch):
    monkeypatch.setattr(network, "WORTH_A_THREAD", 0)
    net, data = fitted(2)
    before = net.params.copy()
    errors = net.reconstruction_errors(data)
    train(net, data, batch_size=200, max_iter=1, random_state=3)
    after, net.params = net.params, before
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        same = np.array_equal(net.reconstruction_errors(data), errors)
        train(net, data, batch_size=200, max_iter=1, random_state=3)
        os._exit(0 if same and np.array_equal(net.params, after) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_64_threads_predict_while_another_network_trains(monkeypatch):
    monkeypatch.setattr(network, "WORTH_A_THREAD", 0)
    expected = fitted(1, seed=1)[0].params
    net, data = fitted(2)
    parts = np.array_split(data, 64)
    alone = [
        (net.forward(part), net.encode(part), net.loss_and_gradient(part)[1]) for part in parts
    ]
    done, rounds = threading.Event(), []

    def predict(part):
        results = []
        while not done.is_set() or not results:
            results.append((net.forward(part), net.encode(part), net.loss_and_gradient(part)[1]))
        rounds.append(len(results))
        return results

    with ThreadPoolExecutor(64) as pool:
        found = [pool.submit(predict, part) for part in parts]
        trained = fitted(2, seed=1)[0].params
        done.set()
        for future, wanted in zip(found, alone, strict=True):
            for result in future.result():
                for got, want in zip(result, wanted, strict=True):
                    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(trained, expected)
    assert len(rounds) == 64
