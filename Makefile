# Every command makes .venv when it is missing; nothing else needs to be installed first.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
JOBS ?= 2

export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo test fuzz-api check serve format bench-harvest bench-scorers bench-llm bench-service clean

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[models,demo,client,traces,dev]'
	touch $(READY)

demo: $(READY)  ## the main job on the bundled model; ARGS="--llm openai/MODEL" asks an LLM instead
	$(BIN)/autointerp demo $(ARGS)

test: $(READY)  ## the whole suite, on SQLite and on PostgreSQL
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

.PHONY: test-crash
test-crash: $(READY)  ## kills workers, API and PostgreSQL at random moments of runs; MOMENTS=3 for fewer than 20, SEED=7
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/crash -m crash -s $(ARGS)

fuzz-api: $(READY)  ## hundreds of made-up requests to every operation of the API; EXAMPLES=500 says how many
	AUTOINTERP_FUZZ_EXAMPLES=$(or $(EXAMPLES),300) OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/api/test_fuzz.py $(ARGS)

check: $(READY)  ## format, lint, types, layers, migrations, prompts, client
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/autointerp db check
	$(BIN)/python -m autointerp.prompts --check
	$(BIN)/python -m autointerp.clientgen --check

format: $(READY)  ## format, fix what can be fixed, lock the prompts, write the client
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m autointerp.prompts --lock
	$(BIN)/python -m autointerp.clientgen

serve: $(READY)  ## the API with a worker beside it, on http://127.0.0.1:8000
	$(BIN)/autointerp serve $(ARGS)

bench-harvest: $(READY)  ## the harvest against a bare forward-and-encode loop, as ratios; JSON=FILE writes them down
	$(BIN)/python -m benchmarks.harvest $(ARGS)

bench-scorers: $(READY)  ## which explanations each scorer prefers, at what price, on planted and on real features; JSON=FILE
	$(BIN)/python -m benchmarks.scorers $(ARGS)

bench-llm: $(READY)  ## the layer between plug-ins and language models: time, CPU and dollars; JSON=FILE writes them down
	$(BIN)/python -m benchmarks.llm $(ARGS)

bench-service: $(READY)  ## the service with a large catalogue: filled, read, worked on; ARGS="--features 1_000_000"; JSON=FILE
	$(BIN)/python -m benchmarks.service $(ARGS)

clean:  ## remove the environment and what was built
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
