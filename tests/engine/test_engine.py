"""What the engine promises beyond its results: threads, interrupts, memory, forks, pickles."""

import copy
import dataclasses
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import random_data

import ae_core
from ae_core import SGD, Adam, Architecture, Network, train
from ae_core._engine import inference, rows, team, training
from ae_core.formulas.solvers import SolverState
from ae_core.network import blas_threads
from ae_core.network import compiled as network

WIDE = Architecture.symmetrical((300, 280, 30), activation="tanh")
TIED = Architecture.symmetrical((300, 280, 30), activation="elu", tied=True, biases=False)
THREADS = (1, 2, 3, 7)


@pytest.fixture
def always_threads(monkeypatch):
    """Let even small work use as many threads as are asked for."""
    monkeypatch.setattr(network, "WORTH_A_THREAD", 0)


def fit(architecture, n_threads, dtype=np.float32, max_iter=3, n_samples=999):
    X = random_data(architecture, n_samples).astype(dtype)
    net = Network(architecture, random_state=0, dtype=dtype, n_threads=n_threads)
    history = train(net, X, solver=Adam(1e-3), batch_size=250, max_iter=max_iter, random_state=0)
    return net, X, history


@pytest.mark.parametrize("architecture", [WIDE, TIED], ids=["untied", "tied"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_for_every_number_of_threads(always_threads, architecture, dtype):
    results = []
    for n_threads in THREADS:
        net, X, history = fit(architecture, n_threads, dtype)
        results.append(
            (
                history.loss_curve,
                net.params,
                net.forward(X),
                net.encode(X),
                net.decode(net.encode(X)),
                net.reconstruction_errors(X),
                net.loss_and_gradient(X)[1],
            )
        )
    for other in results[1:]:
        for expected, got in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(expected, got)


@pytest.mark.parametrize("alpha", [0.0, 5000.0])
def test_a_long_step_makes_the_gradient_first_and_is_the_same_step(alpha):
    X = np.random.default_rng(0).random((25_000, 300), dtype=np.float32)
    architecture = dataclasses.replace(WIDE, alpha=alpha)
    results = []
    for n_threads in (1, 2):
        net = Network(architecture, random_state=0, dtype=np.float32, n_threads=n_threads)
        loss, gradient = net.loss_and_gradient(X)
        expected = net.params - np.float32(0.1) * gradient
        solver, order = SGD(0.1, momentum=0), np.tile(np.arange(25_000), 2)
        state, rates = solver.start(net.params), np.array([0.1, 0])
        losses = net.train_steps(X, order, 25_000, solver, state, rates)
        np.testing.assert_allclose(net.params, expected, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(losses, [loss, net.loss(X)], rtol=1e-6)
        results.append(net.params)
    np.testing.assert_array_equal(*results)


def test_small_work_stays_on_one_thread(monkeypatch):
    started = []
    start = team.start_new_thread
    monkeypatch.setattr(team, "start_new_thread", lambda *a: started.append(start(*a)))
    small = Network(Architecture((5, 3, 5)), random_state=0, n_threads=4)
    X = random_data(small.architecture, 20)
    train(small, X, max_iter=3)
    small.forward(X)
    assert not started
    fit(WIDE, 4)
    assert started


def test_fewer_threads_when_the_system_gives_no_more(always_threads, monkeypatch):
    expected = fit(WIDE, 1)[0].params
    starts = []

    def refuse(*arguments):
        starts.append(arguments)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(team, "start_new_thread", refuse)
    np.testing.assert_array_equal(fit(WIDE, 3)[0].params, expected)
    assert starts


def test_two_networks_train_at_the_same_time(always_threads):
    expected = [fit(architecture, 1)[0].params for architecture in (WIDE, TIED)]
    with ThreadPoolExecutor(2) as pool:
        together = pool.map(lambda a: fit(a, 2)[0].params, (WIDE, TIED))
        for one, other in zip(together, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_one_network_predicts_from_many_threads(always_threads):
    net, X, _ = fit(WIDE, 2)
    parts = np.array_split(X, 40)
    expected = [net.reconstruction_errors(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        for got, want in zip(pool.map(net.reconstruction_errors, parts), expected, strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_works_after_fork(always_threads):
    expected = fit(WIDE, 2)[0].params  # threads were used before the fork
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        same = np.array_equal(fit(WIDE, 2)[0].params, expected)
        os.write(write, b"same" if same else b"different")
        os._exit(0)
    os.close(write)
    assert os.read(read, 20) == b"same"
    assert os.waitpid(child, 0)[1] == 0


INTERRUPTED = """if True:
    import sys
    import numpy as np
    from ae_core import SGD, Adam, Architecture, Network
    from ae_core.data.rows import Rows
    architecture = Architecture.symmetrical((300, 280, 30), activation="tanh", alpha=0.1)
    X = np.random.default_rng(0).integers(0, 256, (1000, 300), dtype=np.uint8)
    X = Rows(X, factor=np.full(300, 1 / 255), sample_weight=np.linspace(0.1, 2, 1000))
    order = np.arange(20_000 * 250) % 1000
    rates = np.full(20_000, 1e-3)

    def network():
        return Network(architecture, random_state=0, dtype="float32", n_threads=int(sys.argv[1]))

    net, solver = network(), Adam(1e-3)
    state = solver.start(net.params)
    print("ready", flush=True)
    try:
        net.train_steps(X, order, 250, solver, state, rates)
    except KeyboardInterrupt:
        again, n = network(), state.n_steps
        fresh = solver.start(again.params)
        again.train_steps(X, order[: n * 250], 250, solver, fresh, rates[:n])
        print(0 < n < 20_000, np.array_equal(net.params, again.params))
    """


@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_leaves_the_parameters_of_a_whole_step(n_threads):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(n_threads)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output == "True True\n"


def test_inference_needs_no_memory_that_grows_with_the_rows():
    net = Network(WIDE, random_state=0, dtype=np.float32, n_threads=2)
    for n_samples in (2_000, 80_000):  # of 1200 bytes each
        X = np.ones((n_samples, 300), dtype=np.float32)
        tracemalloc.start()
        result = net.reconstruction_errors(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < result.nbytes + 2**21


def test_training_does_not_copy_the_data():
    X = np.random.default_rng(0).random((40_000, 300), dtype=np.float32)
    net = Network(WIDE, random_state=0, dtype=np.float32)
    tracemalloc.start()
    train(net, X, batch_size=500, max_iter=1, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 4


def test_a_failed_allocation_is_a_memory_error_and_changes_nothing():
    net = Network(WIDE, random_state=0, dtype=np.float32)
    before = net.params.copy()
    X = np.broadcast_to(np.float32(0.5), (2**31 - 1, 300))  # takes no memory; its activations do
    with pytest.raises(MemoryError, match=r"activations of a batch of 2147483647 rows: \d+.* MiB"):
        training.loss_and_gradient(
            net._plan, net.params, rows.Rows(X), np.zeros_like(net.params), 1
        )
    np.testing.assert_array_equal(net.params, before)


def test_each_failing_allocation_in_turn_leaves_everything_usable():
    testcapi = pytest.importorskip("_testcapi")
    net = Network(WIDE, random_state=0, dtype=np.float32, n_threads=1)
    X = random_data(WIDE, 100).astype(np.float32)
    expected = net.loss_and_gradient(X)[1]
    gradient = np.empty_like(expected)
    n_failures = 0
    for start in range(40):
        testcapi.set_nomemory(start, start + 1)
        try:
            training.loss_and_gradient(net._plan, net.params, rows.Rows(X), gradient, 1)
        except MemoryError:
            n_failures += 1
        finally:
            testcapi.remove_mem_hooks()
    assert n_failures > 0
    np.testing.assert_array_equal(net.loss_and_gradient(X)[1], expected)


def test_pickle_and_copy():
    net, X, _ = fit(WIDE, 1)
    for again in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        np.testing.assert_array_equal(again.forward(X), net.forward(X))
        again.params[:] = 0
        assert net.params.any()


def test_parameters_replaced_by_something_unfit_are_refused():
    net = Network(WIDE, random_state=0)
    X = random_data(WIDE, 3)
    net.params = np.zeros(5)
    for call in (net.forward, net.loss_and_gradient, lambda X: train(net, X, max_iter=1)):
        with pytest.raises(ValueError, match="params has 5 entries"):
            call(X)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"order": np.array([0, 9])}, "order has row 9: X has rows 0 to 4"),
        ({"order": np.array([-1, 0])}, "order has row -1"),
        ({"batch_size": 3}, "2 rows in batches of 3 do not make 2 steps"),
        ({"batch_size": 0}, "in batches of 0"),
        ({"order": np.array([0.0, 1.0])}, "dtype float64: row numbers are needed"),
        ({"order": np.array([True, False])}, "dtype bool: row numbers are needed"),
        ({"order": np.array([[0], [1]])}, r"order has shape \(2, 1\)"),
        ({"state": SolverState()}, "state has 0 vectors: Adam remembers 2"),
        ({"state": SGD().start(np.zeros(22))}, "state has 1 vectors: Adam remembers 2"),
    ],
)
def test_steps_that_do_not_fit_are_refused_and_change_nothing(network_class, change, words):
    architecture = Architecture((4, 2, 4))
    net = network_class(architecture, random_state=0)
    before = net.params.copy()
    solver = Adam()
    state = solver.start(net.params)
    arguments = {"order": np.array([0, 1]), "batch_size": 1, "state": state, **change}
    with pytest.raises(ValueError, match=words):
        net.train_steps(
            random_data(architecture, 5),
            solver=solver,
            rates=np.full(2, 0.1),
            **arguments,
        )
    np.testing.assert_array_equal(net.params, before)


def test_the_engine_itself_refuses_shapes_that_do_not_fit():
    net = Network(Architecture((4, 2, 4)), random_state=0)
    X, plan = rows.Rows(np.ones((3, 4))), net._plan
    narrow, result = rows.Rows(np.ones((3, 3))), np.ones((3, 4))
    with pytest.raises(ValueError, match="X has 3 columns"):
        inference.run_layers(plan, net.params, narrow, result, 0, 2, False, 1)
    with pytest.raises(ValueError, match="result must have shape"):
        inference.run_layers(plan, net.params, X, result[1:], 0, 2, False, 1)
    with pytest.raises(ValueError, match="layers 1 to 3: there are 2"):
        inference.run_layers(plan, net.params, X, result, 1, 3, False, 1)
    with pytest.raises(ValueError, match="only what the last layer gives"):
        inference.run_layers(plan, net.params, X, result[:, :1].copy(), 0, 1, True, 1)
    with pytest.raises(ValueError, match="contig"):
        inference.run_layers(plan, net.params, X, np.ones((4, 3)).T, 0, 2, False, 1)
    with pytest.raises(ValueError, match="gradient has 3 entries: 22 are needed"):
        training.loss_and_gradient(plan, net.params, X, np.zeros(3), 1)
    for unfit in (narrow, rows.Rows(np.ones((0, 4)))):
        with pytest.raises(ValueError, match="X has shape"):
            training.loss_and_gradient(plan, net.params, unfit, np.zeros(22), 1)
    for nothing in ((plan, net.params, None), (None, net.params, X)):
        with pytest.raises(TypeError, match="None"):
            training.loss_and_gradient(*nothing, np.zeros(22), 1)


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, True, "2"])
def test_n_threads_is_checked(network_class, n_threads):
    with pytest.raises(ValueError, match=r"n_threads=.*at least 1"):
        network_class(Architecture((4, 2, 4)), n_threads=n_threads)


@pytest.mark.parametrize("first_leaves_first", [True, False])
def test_blas_is_held_to_one_thread_until_the_last_user_is_done(first_leaves_first):
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def most():
        pools = threadpoolctl.threadpool_info()
        return max((p["num_threads"] for p in pools if p["user_api"] == "blas"), default=1)

    def use(entered, leave):
        with blas_threads.single_threaded_blas():
            entered.set()
            leave.wait()

    before = most()
    users = []
    for _ in range(2):  # two fits at once, neither in the main thread
        entered, leave = threading.Event(), threading.Event()
        thread = threading.Thread(target=use, args=(entered, leave))
        thread.start()
        entered.wait()
        users.append((thread, leave))
        assert most() == 1
    for thread, leave in users if first_leaves_first else users[::-1]:
        assert most() == 1
        leave.set()
        thread.join()
    assert most() == before


def test_n_threads_set_later_is_checked_too():
    net = Network(WIDE, random_state=0)
    net.n_threads = 0
    with pytest.raises(ValueError, match="n_threads=0"):
        net.forward(random_data(WIDE, 5))


def test_the_gradient_of_a_loss_that_overflows_is_not_zero():
    net = Network(Architecture((4, 2, 4), "identity"), random_state=0, dtype=np.float32)
    loss, gradient = net.loss_and_gradient(np.full((3, 4), 1e20, dtype=np.float32))
    assert loss == np.inf
    assert gradient.any()


def test_masked_arrays_are_refused(network_class):
    net = network_class(Architecture((4, 2, 4)), random_state=0)
    X = np.ma.masked_invalid([[1.0, np.nan, 0.0, 2.0]])
    with pytest.raises(ValueError, match="X is a masked array: fill it in first"):
        net.forward(X)


def test_an_engine_that_is_not_compiled_is_said_so(tmp_path):
    source = os.path.dirname(ae_core.__file__)
    no_binaries = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(source, tmp_path / "ae_core", ignore=no_binaries)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import ae_core"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert "is not compiled in" in run.stderr
    assert "pip install -e ." in run.stderr
