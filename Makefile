# Everything a person types. Missing Debian packages are installed first (tools/install_deps.sh says
# which); CMake and Ninja do the rest. The program is build/amalgam.
.PHONY: build test quickstart bench docs format install-deps clean

jobs ?= $(shell nproc)
sources = $(shell git ls-files '*.h' '*.cc')

build: install-deps
	cmake --preset release -DAMALGAM_TESTS=OFF -DAMALGAM_BENCH=OFF
	cmake --build build -j $(jobs)

test: install-deps
	cmake --preset release -DAMALGAM_TESTS=ON -DAMALGAM_BENCH=OFF
	cmake --build build -j $(jobs)
	ctest --test-dir build -j 2 --output-on-failure --output-junit tests.xml

quickstart: build
	build/amalgam run configs/quickstart.toml --resume

bench: install-deps
	cmake --preset release -DAMALGAM_BENCH=ON
	cmake --build build -j $(jobs)
	set -e; for bench in build/*_bench; do $$bench; done

docs: build
	build/amalgam --config-reference > docs/CONFIG.md

format:
	clang-format-14 -i $(sources)

install-deps:
	@tools/install_deps.sh

clean:
	rm -rf build build-asan
