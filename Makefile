# What .ci/run and a person both call. `make help` lists it; ARGS goes to what a target runs:
# make test ARGS="tests/network/test_network.py -x"

PYTHON ?= python
ARGS ?=

# A wheel's files carry the time of the commit, so that the same commit gives the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1700000000)

# All C that was written by hand; Cython's stands beside its .pyx and in build/.
C_FILES = $(shell git ls-files '*.h' '*.c')

# The tests that run the engine itself.
ENGINE_TESTS = tests/engine $(addprefix tests/network/test_, family.py network.py twins.py) \
	tests/data/test_rows.py
# Under a tool that slows everything down, without the tests that count on a step being over soon;
# what the tool itself says is to be seen, and twice the same.
WATCHED = -n 0 -p no:cacheprovider --capture=sys -k "not ctrl_c"

.PHONY: help engine test lint types stubs docs look bench sdist wheel check-wheel reproducible test-wheel \
	coverage asan ubsan tsan valgrind aarch64 fuzz kill clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | column -t -s '|'

engine: ## compile the engine in place, after a change in it
	$(PYTHON) setup.py build_ext --inplace

test: ## all tests
	$(PYTHON) -m pytest $(ARGS)

lint: ## ruff, cython-lint and clang-format: mistakes, and the way the code is set; floors import downward only; CI's own file
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -c "from cython_lint.cython_lint import main; raise SystemExit(main())" --max-line-length 110 --no-pycodestyle ae_core/_engine ae_core/c_interface.pyx
	clang-format --dry-run -Werror $(C_FILES)
	$(PYTHON) -c "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
	$(PYTHON) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

types: ## mypy: the package, and a program that uses all that is public
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy --config-file= --strict --follow-imports=silent tests/typing/public_interface.py

stubs: ## stubtest: what the .pyi files say of the compiled modules is so
	$(PYTHON) -m mypy.stubtest --concise --ignore-disjoint-bases --mypy-config-file pyproject.toml \
		--allowlist tests/typing/stubtest_allowlist.txt ae_core._engine

docs: ## the site, in build/site (extra: docs); a warning is an error
	rm -rf build/site docs/generated docs/auto_gallery
	$(PYTHON) -m sphinx -W --keep-going -n -q -b html docs build/site

look: ## the built site, opened in headless Chromium: errors, words, width, dark mode; docstrings; the pictures are in build/looked_at
	AE_CORE_LOOK=1 $(PYTHON) -m pytest -n 0 tests/site tests/cli/test_report.py $(ARGS)

bench: ## a training step and inference beside other libraries (extra: bench)
	$(PYTHON) benchmarks/speed.py $(ARGS)

sdist: ## dist/ae_core-….tar.gz
	rm -rf dist
	$(PYTHON) -m build --no-isolation --sdist

wheel: sdist ## dist/ae_core-….whl, built from the sdist and nothing else
	.ci/wheel $(PYTHON)

check-wheel: ## the wheel in dist/ is what it should be
	$(PYTHON) -m twine check --strict dist/*
	$(PYTHON) -m abi3audit --strict --report --summary dist/*.whl
	$(PYTHON) .ci/check_wheel.py dist/*.whl

reproducible: ## another build of the wheel, elsewhere, has the same bytes as the one in dist/
	.ci/wheel $(PYTHON) build/again
	cmp dist/*.whl build/again/*.whl

test-wheel: ## all tests on the wheel in dist/, in a new environment away from this folder
	.ci/test-wheel $(PYTHON) $(ARGS)

# Without the test that makes allocations fail: tracing a line allocates, too.
coverage: ## which lines of the engine and the twins the tests of the engine reach
	AE_CORE_COVERAGE=1 .ci/aside coverage $(PYTHON)
	cd build/coverage && CI=true PYTHONPATH=$$PWD $(PYTHON) -m coverage run -m pytest \
		-n 0 -p no:cacheprovider -k "not ctrl_c and not failing_allocation" $(ENGINE_TESTS) \
		$(filter-out $(ENGINE_TESTS), $(wildcard tests/network/test_*.py)) \
		tests/formulas/test_noise.py tests/training/test_training.py
	cd build/coverage && $(PYTHON) -m coverage report

# Python itself is not built with the sanitizers, so their libraries have to be there before it.
preload = $(shell $(CC) -print-file-name=$(1)):$(shell $(CC) -print-file-name=libstdc++.so)
sanitized = CI=true PYTHONPATH=$(1) PYTHONMALLOC=malloc LD_PRELOAD=$(call preload,libasan.so) \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1

# The memory that a process takes is the sanitizer's, too; and the wheel that is built for downstream
# has no sanitizer: its tests run here, built against the engine that has.
asan: ## all tests, and a project built on the C interface, under AddressSanitizer and UndefinedBehaviorSanitizer
	AE_CORE_SANITIZE=address,undefined .ci/aside asan $(PYTHON)
	cd build/asan/tests/downstream && PYTHONPATH=../.. \
		CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all" \
		$(PYTHON) setup.py --quiet build_ext --inplace
	cd build/asan/tests/downstream && $(call sanitized,../..) $(PYTHON) -m pytest -n 0 -p no:cacheprovider --noconftest
	cd build/asan && $(call sanitized,$$PWD) $(PYTHON) -m pytest -n 0 -p no:cacheprovider --capture=sys \
		-k "not ctrl_c and not takes_little_more and not built_against_the_wheel" $(ARGS)

ubsan: ## the tests of the engine under UndefinedBehaviorSanitizer alone
	AE_CORE_SANITIZE=undefined .ci/aside ubsan $(PYTHON)
	cd build/ubsan && CI=true PYTHONPATH=$$PWD UBSAN_OPTIONS=print_stacktrace=1 \
		$(PYTHON) -m pytest $(WATCHED) $(ENGINE_TESTS) $(ARGS)

tsan: ## the threaded tests under ThreadSanitizer
	AE_CORE_SANITIZE=thread .ci/aside tsan $(PYTHON)
	cd build/tsan && CI=true PYTHONPATH=$$PWD LD_PRELOAD=$(call preload,libtsan.so) \
		$(PYTHON) -m pytest -n 0 -p no:cacheprovider --capture=sys -k "thread and not ctrl_c" \
		tests/engine/test_engine.py tests/engine/test_family_threads.py tests/engine/test_cells.py $(ARGS)

# Every module of the engine, and the C interface. All tests would take hours: the twin that is NumPy's
# has nothing to show here, nor have tests that enumerate every network or millions of numbers, take
# steps of billions of multiplications, or watch workers who may not have the memory valgrind needs.
# valgrind has neither long doubles, which the last digits are measured with, nor AVX-512.
WATCHED_CLOSELY = tests/engine $(addprefix tests/network/test_, bound.py family.py family_facts.py \
	network.py twins.py) tests/formulas/test_noise.py tests/data/test_rows.py tests/test_fuzz.py \
	tests/test_fuzz_corpus.py
valgrind: ## the engine and the C interface under valgrind
	AE_CORE_DEBUG=1 .ci/aside valgrind $(PYTHON)
	cd build/valgrind && CI=true PYTHONPATH=$$PWD PYTHONMALLOC=malloc \
		valgrind --quiet --error-exitcode=99 --suppressions=../../.ci/valgrind.supp \
		$(PYTHON) -m pytest -n 0 -p no:cacheprovider --capture=sys $(WATCHED_CLOSELY) -k "not ctrl_c \
		and not ae_core.reference and not every_name and not every_instruction_set and not central_differences \
		and not 1009th and not long_step and not documented and not described and not float64_random \
		and not breakpoints and not environment_lowers" $(ARGS)

aarch64: ## the tests of the engine on an emulated aarch64; what it needs: .ci/aarch64
	.ci/aarch64 $(PYTHON) -k "not ctrl_c and not long_step and not instruction_set and not compiled" $(ENGINE_TESTS) $(ARGS)

fuzz: ## inputs that nobody would give: all targets, ARGS="--inputs 60000 --seed 11"
	for target in engine c_interface architecture model csv parquet; do \
		PYTHONPATH=tests $(PYTHON) -m fuzz --target $$target $(ARGS) || exit 1; done

kill: ## fits that are killed at random moments go on to the same bits, ARGS="--kills 100 --seed 0"
	PYTHONPATH=tests $(PYTHON) -m fuzz.kill $(ARGS)

clean: ## remove everything that was built
	rm -rf build dist ae_core.egg-info
	find ae_core -name "*.so" -delete -o -name "*.pyd" -delete
