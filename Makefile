# make demo                      camera -> restore_node -> bag, in about a minute
# make demo SOURCE=folder        the same with your frames (a folder, a video or a bag); OUTPUT=folder for the results
# make report                    the same, and report/report.html: does restoration help? SOURCE=bag for your recordings
# make test                      all tests; TESTS=test/ros for some
# make environment               .venv for colcon: with what a robot needs, or SET=test for colcon test
# make lint, make format, make clean
# PYTHON=/path/to/python3.12     chooses the Python of .venv

export PYTHON SOURCE OUTPUT
TESTS ?= test
SET ?= robot

.DEFAULT_GOAL := demo
.PHONY: environment demo report test lint format clean

environment:
	@scripts/environment.sh $(SET)

demo:
	@scripts/environment.sh robot
	@.venv/bin/python -m infrared_ir_ros.commands.demo $${SOURCE:+--source "$$SOURCE"} $${OUTPUT:+--output "$$OUTPUT"}

report: FILM = .venv/bin/python -m infrared_ir_ros.commands.demo --output demo
report: FILMED = demo/bag --topic /ir/image --reference-topic /ir/truth/clean --method-topic /ir/restored
report:
	@scripts/environment.sh evaluate
	@$(if $(SOURCE),,$(FILM) &&) .venv/bin/python -m infrared_ir_ros.commands.evaluate_bag \
	    $(if $(SOURCE),"$$SOURCE",$(FILMED)) --output "$${OUTPUT:-report}"

# Three at a time on two cores: the tests of nodes mostly wait.
test:
	@scripts/environment.sh test
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n 3 --dist loadfile $(TESTS)

lint:
	@scripts/environment.sh lint
	@.venv/bin/python -m ruff check . && .venv/bin/python -m ruff format --check .

format:
	@scripts/environment.sh lint
	@.venv/bin/python -m ruff check --fix . && .venv/bin/python -m ruff format .

clean:
	rm -rf .venv .venv.lock build install log *.egg-info
