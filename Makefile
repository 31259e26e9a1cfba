# The two commands of this course:   make lab   and   make test
# What they do is written in the small scripts in .ci/

PORT ?= 8888
ARGS ?=

.PHONY: help env lab test notebooks format pins mutants

help:
	@echo "make lab         open the course in JupyterLab (another port: make lab PORT=8889)"
	@echo "make test        run all tests: style, package, every notebook"
	@echo "make env         only make the environment, in .venv"
	@echo "make notebooks   run all notebooks again and save them with their outputs"
	@echo "make format      put code into the house style"
	@echo "make pins        write requirements.txt anew, with the newest versions"
	@echo "make mutants     how many deliberate faults do the tests notice? (an hour or more)"
	@echo 'more options:    make test ARGS="-k layers"   make lab ARGS=--no-browser'

env:
	@.ci/env

lab: env
	@PORT='$(PORT)' .ci/lab $(ARGS)

test: env
	@.ci/test $(ARGS)

notebooks: env
	@.ci/notebooks $(ARGS)

format: env
	@.venv/bin/python -m ruff check --fix --quiet .
	@.venv/bin/python -m ruff format .

pins: env
	@.ci/pins

mutants: env
	@.venv/bin/python -m tests.mutation $(ARGS)
