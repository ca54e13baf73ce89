# Everything is kept in this folder; `make` alone lists what there is to make.

BIN := .venv/bin
PYTHONS := $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python)
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
DOMAINS := $(sort $(basename $(notdir $(wildcard bot/locale/*/LC_MESSAGES/*.po))))

# The tests start the program a hundred times: what was compiled is kept, whatever this shell says of it.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help run install test torture bench load format lock catalogues pictures clean

help:
	@echo "make run         set up if needed, and start Butine with the web room"
	@echo "make install     set up only; afterwards .venv/bin/butine works from any folder"
	@echo "make test        set up if needed, and run every check"
	@echo "                 (BUTINE_TESTS_COVERAGE=1 says what no test reaches, in nearly twice the time)"
	@echo "make torture     kill, lock, fill, repeat and delay everything, in the whole dose (about an hour)"
	@echo "make bench       measure Butine beside bare peers, print the table and write bench.json (half an hour)"
	@echo "make load        an hour at 30,000 events, ten minutes of 20 ideas a second; writes load.json"
	@echo "                 (MIXED=180 IDEAS=180 choose the seconds of each)"
	@echo "make format      put the code in the house's layout"
	@echo "make catalogues  compile the translations"
	@echo "make pictures    take the README's picture anew (needs Chromium)"
	@echo "make lock        choose the newest packages that fit, and lock them"
	@echo "make clean       remove what was set up; your data stays"
	@echo "PYTHON=/path/to/python3 chooses the Python, otherwise the newest of 3.11 to 3.14 is taken."

run: .venv/.installed
	@exec $(BIN)/butine run

install: .venv/.installed
	@echo "Ready: .venv/bin/butine, from any folder"

test: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto --dist worksteal $(if $(BUTINE_TESTS_COVERAGE),--cov --cov-report=term-missing:skip-covered)

torture: .venv/.installed-dev
	BUTINE_TESTS_WHOLE_DOSE=1 BUTINE_TESTS_REQUIRE_ALL=1 $(BIN)/pytest tests/torture

bench: .venv/.installed-dev
	$(BIN)/python -m bench

load: .venv/.installed-dev
	$(BIN)/python -m bench.load --mixed $(or $(MIXED),3600) --ideas $(or $(IDEAS),600)

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

catalogues: .venv/.installed
	$(BIN)/pybabel --quiet compile --directory bot/locale --domain "$(DOMAINS)"

pictures: .venv/.installed-dev
	BUTINE_TESTS_PICTURES=docs $(BIN)/pytest --quiet tests/e2e/test_real_input.py

lock: .venv/.installed-dev
	$(BIN)/uv lock --upgrade

clean:
	rm -rf .venv

.venv/.installed: BOOTSTRAP :=
.venv/.installed-dev: BOOTSTRAP := --dev
.venv/.installed .venv/.installed-dev: pyproject.toml uv.lock
	@for python in $(PYTHONS); do \
		if "$$python" -c '$(FITS)' 2>/dev/null; then exec "$$python" tools/bootstrap.py $(BOOTSTRAP); fi; \
	done; \
	echo "Butine needs Python 3.11, 3.12, 3.13 or 3.14, and found none as: $(PYTHONS)." >&2; exit 1
