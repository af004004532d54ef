# Everything runs in a virtual environment inside the clone, made on first use.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the demo needs, and what tests and tools need on top.
PLAIN := $(VENV)/.plain
READY := $(VENV)/.ready
SITE := $(VENV)/.site
# Peers of benchmarks that need an environment of their own.
PEERS := econirl imitation
FLOOR_TESTS := $(addprefix tests/test_,common.py classifier.py predictions.py q_functions.py linear.py rows_as_states.py \
	objective.py linear_algebra.py transitions.py soft_bellman.py bus.py structural.py rewards.py least_squares.py \
	occupancy.py worlds.py covariance.py bootstrap.py summary.py threads.py pseudo_likelihood.py identification.py \
	newton.py simulation.py doubtful_moves.py doubtful_kernel.py doubtful_steps.py right_data.py input_errors.py \
	wrapped.py fitted_parameters.py levels.py sweeps.py with_time.py finite_horizon.py estimate_transitions.py \
	unseen_pairs.py columns_of_states.py state_encoder.py state_encoder_in_pipelines.py action_mask.py \
	functions_of_rows.py base_reward.py sparse_rows.py endings.py soft_values_at_discount_one.py \
	fits_at_discount_one.py count_decisions.py count_errors.py approximation.py without_transitions.py \
	without_transitions_errors.py bus_without_transitions.py counterfactual_rows.py hats.py first_steps.py \
	named_features.py policy_reward.py)

.PHONY: demo pictures test test-array-api test-floor test-spark lint types docs docs-check wheel bench bench-speed \
	bench-scaling bench-imports bench-peers bench-history bench-large bench-warm bench-features bench-control \
	bench-structural bench-coverage bench-convergence bench-networks bench-alpha bench-horizon bench-shrinkage \
	bench-counting bench-policy-reward bench-types bench-truth bench-logistic bench-which bench-sizes clean

demo: $(PLAIN)
	$(BIN)/python docs/draw.py examples/economists/rust_bus.py output/rust_bus.png

test: $(READY)
	$(BIN)/python -m pytest

# The pictures of README and pages, drawn again by the examples.
pictures: $(READY)
	$(BIN)/python docs/draw.py examples/economists/rust_bus.py docs/images/rust_bus.png
	$(BIN)/python docs/draw.py examples/economists/engine_price.py docs/images/engine_price.png
	$(BIN)/python docs/draw.py examples/economists/career.py docs/images/episodes.png
	$(BIN)/python docs/draw.py examples/economists/drivers.py docs/images/drivers.png
	$(BIN)/python docs/draw.py examples/labs/admissible_treatments.py docs/images/masks.png
	$(BIN)/python docs/draw.py examples/labs/mice.py docs/images/mice.png

# With SciPy's array API support scikit-learn's suite has one more check.
test-array-api: $(READY)
	SCIPY_ARRAY_API=1 $(BIN)/python -m pytest tests/test_common.py

# The oldest releases that pyproject.toml admits.
test-floor:
	test -d .venv-floor || $(PYTHON) -m venv .venv-floor
	.venv-floor/bin/python -m pip install --quiet --disable-pip-version-check --editable . \
		--requirement tests/floor.txt
	.venv-floor/bin/python -m pytest $(FLOOR_TESTS)

# PySpark in its local mode: needs Java, and half a gigabyte, so that it is no part of the other tests.
test-spark: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,spark]"
	$(BIN)/python -m pytest tests/spark.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# The site, in docs/_build/html: every example is run, and a warning is an error.
docs: $(SITE)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --jobs 2 -d docs/_build/doctrees docs docs/_build/html

# The built site in headless Chromium.
docs-check: $(SITE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs-check]"
	$(BIN)/python docs/check_site.py

# Some minutes; with ARGS=--quick small sizes, with ARGS=--write into docs/explanation/benchmarks.md.
bench: bench-speed bench-scaling bench-imports bench-peers

bench-speed: $(READY)
	$(BIN)/python benchmarks/speed.py $(ARGS)

bench-scaling: $(READY)
	$(BIN)/python benchmarks/scaling.py $(ARGS)

bench-imports: $(READY)
	$(BIN)/python benchmarks/imports.py $(ARGS)

# Rows of peers without an environment are left out: PEERS=econirl, or PEERS= for none of the two.
bench-peers: $(READY) $(PEERS:%=.venv-%/.ready)
	$(BIN)/python benchmarks/peers $(ARGS)

.venv-econirl/.ready .venv-imitation/.ready: .venv-%/.ready: pyproject.toml
	@echo "Once: an environment for $* (a minute or two, 1 to 6 GB)."
	@test -d .venv-$* || $(PYTHON) -m venv .venv-$*
	@if .venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[compare-$*]"; then touch $@; \
		else rm -rf .venv-$*; echo "$* does not install here: its rows are left out."; fi

# 1,000,000 states, some minutes.
bench-large: $(READY)
	$(BIN)/python benchmarks/large.py $(ARGS)

bench-warm: $(READY)
	$(BIN)/python benchmarks/warm.py $(ARGS)

bench-features: $(READY)
	$(BIN)/python benchmarks/features.py $(ARGS)

# Against the last run, of which .benchmarks keeps all; fails where a fit takes a quarter longer.
bench-history: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,history]"
	$(BIN)/python -m pytest --quiet benchmarks/history.py --benchmark-timer=time.process_time \
		--benchmark-max-time=0.5 --benchmark-columns=min,median,rounds --benchmark-autosave \
		$(if $(wildcard .benchmarks/*/*.json),--benchmark-compare --benchmark-compare-fail=min:25%)

bench-control: $(READY)
	$(BIN)/python benchmarks/control.py

bench-structural: $(READY)
	$(BIN)/python benchmarks/structural.py $(ARGS)

bench-coverage: $(READY)
	$(BIN)/python benchmarks/coverage.py

# How often Newton's method does not converge on hard random problems.
bench-convergence: $(READY)
	$(BIN)/python benchmarks/convergence.py

bench-networks: $(READY)
	$(BIN)/python benchmarks/networks.py

# The table of docs/explanation/default_alpha.md.
bench-alpha: $(READY)
	$(BIN)/python benchmarks/default_alpha.py

# Beside the same fits with factored systems.
bench-horizon: $(READY)
	$(BIN)/python benchmarks/horizon.py

bench-shrinkage: $(READY)
	$(BIN)/python benchmarks/shrinkage.py

# 100,000,000 rows of Parquet, some minutes.
bench-counting: $(READY)
	$(BIN)/python benchmarks/counting.py

# The table of docs/guide/policy_reward.md.
bench-policy-reward: $(READY)
	$(BIN)/python benchmarks/policy_reward.py

# Monte Carlo of latent types, half an hour.
bench-types: $(READY)
	$(BIN)/python benchmarks/latent_types.py

# Simulations with a known truth beside published figures, some minutes; the tables of docs/explanation/truth.md.
bench-truth: $(READY)
	$(BIN)/python benchmarks/truth

# The tables of docs/explanation/logistic_regression.md.
bench-logistic: $(READY)
	$(BIN)/python benchmarks/logistic.py

# Every claim of docs/guide/which.md, a minute or two; fails where one does.
bench-which: $(READY)
	$(BIN)/python benchmarks/which

# The table of docs/explanation/limits.md, some minutes.
bench-sizes: $(READY)
	$(BIN)/python benchmarks/sizes.py

# A wheel in an environment of its own must import, load the data and fit.
wheel: $(READY)
	rm -rf build dist .venv-wheel
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/pip install --quiet --disable-pip-version-check dist/*.whl
	cd dist && ../.venv-wheel/bin/python ../tests/smoke.py

# pip tells of every package that it takes up, so that nobody waits in silence.
$(PLAIN): pyproject.toml
	@echo "Once: a virtual environment in $(VENV), with scikit-learn, JAX, pandas and matplotlib (900 MB, a minute)."
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --editable ".[plot]" \
		| sed -nu -e 's/^\(Collecting\|Processing\|Downloading\) \(.*\/\)\?\([^ /]*\).*/  \3/p' -e '/^Installing collected/p'
	@touch $@

$(READY): $(PLAIN)
	@echo "Once: what tests, tools and examples need on top (a minute)."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@

$(SITE): $(PLAIN)
	@echo "Once: Sphinx and what the examples need (a minute)."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	@touch $@

clean:
	rm -rf $(VENV) .venv-* build dist output *.egg-info docs/_build docs/gallery docs/api/generated
