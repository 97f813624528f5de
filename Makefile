# make demo              fit the shipped network, at 8 bits and in float32, and run both on a picture
# make demo-compressed   the same network with its weights stored small
# make test              lint, types and tests
# make boards            installs what emulated boards need (apt), and runs the tests on them
# make docs              these pages as a site, out/site/index.html, with a search; needs no network
# make bench             speed and memory beside onnxruntime (needs ../shared): docs/speed.md, README.md
# All set up .venv first; they need python3 (3.11 or later) and a C compiler. The demos install
# what a user gets (384 MB); the others add '.[dev]': torch, mypy, pytest.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo demo-compressed test boards sweep docs bench clean
.DELETE_ON_ERROR:

# Bytecode is made when a module is first used; made for all of them it is another 100 MB.
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-compile

.venv/lowtide: pyproject.toml
	@echo "installing lowtide into .venv, the first time only"
	@$(PYTHON) -m venv .venv
	@$(PIP) --editable .
	@touch $@

.venv/ready: .venv/lowtide
	@echo "installing what the tests need into .venv: torch, mypy, pytest (some 2 GB)"
	@$(PIP) --editable '.[dev]'
	@touch $@

.venv/docs: .venv/lowtide
	@$(PIP) --editable '.[docs]'
	@touch $@

demo: .venv/lowtide
	$(BIN)/lowtide fit examples/resnet8_cifar10_int8.onnx -o out/resnet8_int8 --io-type 8bit \
		--budget 16KiB --sample examples/pictures/ship.jpg --labels examples/cifar10_labels.txt \
		--mean 125.307,122.961,113.8575 --std 62.985,62.0925,66.708
	$(BIN)/lowtide fit examples/resnet8_cifar10.onnx -o out/resnet8 --budget 48KiB \
		--sample examples/pictures/ship.jpg --labels examples/cifar10_labels.txt \
		--mean 125.307,122.961,113.8575 --std 62.985,62.0925,66.708
	@echo
	@echo "What to do next:"
	@echo "  cc -O2 -Iout/resnet8_int8 out/resnet8_int8/main.c out/resnet8_int8/net.c -o out/example -lm && out/example"
	@echo "                                              compiles and runs the C with an example of a caller, main.c"
	@echo "  open out/resnet8_int8/report.html           in a browser: the memory, moment by moment"
	@echo "  $(BIN)/lowtide fit YOUR.onnx -o out/yours   a network of your own, .onnx or .tflite"
	@echo "  $(BIN)/lowtide doctor                       what else is here, and how to get the rest"

demo-compressed: .venv/lowtide
	$(BIN)/lowtide fit examples/resnet8_cifar10_small.onnx -o out/resnet8_small --budget 48KiB \
		--sample examples/pictures/ship.jpg --labels examples/cifar10_labels.txt \
		--mean 125.307,122.961,113.8575 --std 62.985,62.0925,66.708

test: .venv/ready
	$(BIN)/ruff check src tests examples bench docs/site
	$(BIN)/ruff format --check src tests examples bench docs/site
	@echo "mypy: types of src/lowtide; silent for about a minute the first time"
	$(BIN)/mypy
	$(BIN)/pytest -n 2 -m 'not slow'

# Tests that name a board's tools; each fails, not skips, where one is missing.
boards: .venv/ready
	$(BIN)/lowtide boards | sed -n 's/^  apt install/apt-get install -y/p' | sh
	LOWTIDE_ALL_TOOLS=1 $(BIN)/pytest -n 2 -m 'not slow' \
		$$(grep -rlE 'need_board|EVERY_BOARD' tests --include='test_*.py')

sweep: .venv/ready
	$(BIN)/pytest -n 2

docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

bench: .venv/ready
	$(BIN)/python -m bench.peers

clean:
	rm -rf .venv out .mypy_cache .pytest_cache .ruff_cache
