"""Several threads on one job: they take numbered pieces of work until none are left."""

from _thread import allocate_lock
from threading import Thread

from cpython.exc cimport PyErr_CheckSignals

# How often to look whether Ctrl-C was pressed. Looking at the clock costs as much as a step of the
# smallest networks, so it waits until this many multiplications are done.
cdef enum:
    LOOK = 1 << 20


cdef class Team:
    """A job and the threads that work on it; what the work is, a subclass says.

    The calling thread is number 0. The others are started for one call and gone after it, so that
    nothing is left to break when the process forks.
    """

    cdef void work(self, int thread) noexcept:
        """Take pieces of work until none are left."""

    def run(self, int n_threads):
        """Do the job on so many threads, or on fewer if the system refuses to start them.

        Raises
        ------
        KeyboardInterrupt
            When Ctrl-C was pressed; what was done by then is whole.
        """
        helpers = []
        gate = None
        if n_threads > 1:
            gate = self._open_gate_for(helpers, n_threads)
        # Whoever was counted must meet the others at every barrier, so from here on all go through.
        self.n_threads = len(helpers) + 1
        self.last_look = ae_seconds()
        if gate is not None:
            gate.release()
        self.work(0)
        for helper in helpers:
            helper.join()
        if self.error is not None:
            raise self.error

    def _open_gate_for(self, list helpers, int n_threads):
        """Start helpers, who wait at a gate; return it, a lock that is still closed."""

        def help_out(int thread):
            with gate:
                pass
            if thread < self.n_threads:
                self.work(thread)

        gate = None
        try:
            # A bare lock: to release it is one call that no signal can come in between of.
            gate = allocate_lock()
            gate.acquire()
            for thread in range(1, n_threads):
                helper = Thread(target=help_out, args=(thread,), daemon=True)
                helper.start()
                helpers.append(helper)
        except RuntimeError:
            pass  # the system gives no more threads: those there are will do
        except BaseException as error:
            self.error = error
            ae_set(&self.stopped, 1)
        return gate

    cdef bint should_stop(self, int thread, double work) noexcept nogil:
        """Whether to leave; asked after each piece of work, with its size in multiplications."""
        cdef double now
        if thread == 0:
            self.work_since += work
            if self.work_since > LOOK:
                self.work_since = 0
                now = ae_seconds()
                if now - self.last_look > 0.02:
                    self.last_look = now
                    self._look_for_signals()
        return ae_get(&self.stopped) != 0

    cdef void _look_for_signals(self) noexcept nogil:
        with gil:
            try:
                PyErr_CheckSignals()
            except BaseException as error:
                self.error = error
                ae_set(&self.stopped, 1)
