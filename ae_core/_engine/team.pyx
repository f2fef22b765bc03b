"""Several threads on one job: they take numbered pieces of work until none are left."""

from _thread import allocate_lock, start_new_thread

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
        cdef list doors = []            # of the helpers: each opens its own when it has finished
        gate = None
        if n_threads > 1:
            gate = self._start_helpers(doors, n_threads)
        # Whoever was counted must meet the others at every barrier, so from here on all go through.
        self.n_threads = len(doors) + 1
        self.last_look = ae_seconds()
        if gate is not None:
            gate.release()
        self.work(0)
        for door in doors:
            door.acquire()
        if self.error is not None:
            raise self.error

    def _start_helpers(self, list doors, int n_threads):
        """Start helpers, who wait at a gate; return it, a lock that is still closed.

        The threads are bare: between their start and their work there is no Python that a signal, a
        profiler or a failed allocation could end, leaving the others to wait for ever.
        """

        def help_out(int thread, gate, door):
            gate.acquire()
            gate.release()
            if thread < self.n_threads:
                self.work(thread)
            door.release()

        gate = None
        try:
            gate = allocate_lock()
            gate.acquire()
            for thread in range(1, n_threads):
                door = allocate_lock()
                door.acquire()
                start_new_thread(help_out, (thread, gate, door))
                doors.append(door)
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
                    look_for_signals(self)
        return ae_get(&self.stopped) != 0


cdef void look_for_signals(Team team) noexcept nogil:
    with gil:
        try:
            PyErr_CheckSignals()
        except BaseException as error:
            team.error = error
            ae_set(&team.stopped, 1)
