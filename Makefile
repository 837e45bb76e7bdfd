# Everything a person types. Missing Debian packages are installed first (tools/install_deps.sh says
# which); CMake and Ninja do the rest. The program is build/amalgam.
.PHONY: build install deb test quickstart bench docs format install-deps clean

jobs ?= $(shell nproc)
sources = $(shell git ls-files '*.h' '*.cc')

build: install-deps
	cmake --preset release -DAMALGAM_TESTS=OFF -DAMALGAM_BENCH=OFF
	cmake --build build -j $(jobs)

# The program, its manual pages, completions for bash and zsh, docs, examples: make install PREFIX=/usr/local
PREFIX ?= /usr/local
install: build
	cmake --install build --prefix $(PREFIX) > build/install.log
	@echo "installed in $(DESTDIR)$(PREFIX): amalgam --help, man amalgam"

# build/amalgam_VERSION_ARCHITECTURE.deb
deb: build
	rm -f build/*.deb
	cd build && cpack -G DEB > cpack.log || { cat cpack.log; exit 1; }
	@ls build/*.deb

test: install-deps
	cmake --preset release -DAMALGAM_TESTS=ON -DAMALGAM_BENCH=OFF
	cmake --build build -j $(jobs)
	ctest --test-dir build -j 2 --output-on-failure --output-junit tests.xml

quickstart: build
	build/amalgam run configs/quickstart.toml --resume

# PEERS=1 also measures transformers, TRL, torch and tokenizers (6 GB of Python packages, some minutes).
# TOKENIZER=FILE: the tokenizer.json to measure; with PEERS=1 there is one.
bench: install-deps $(if $(PEERS),build/venv-peers/ready)
	cmake --preset release -DAMALGAM_TESTS=OFF -DAMALGAM_BENCH=ON
	cmake --build build -j $(jobs) --target model_bench grpo_bench head_bench gemm_bench kernel_bench tokenizer_bench verifier_bench
	tests/bench/compare.py build $(if $(PEERS),--peers build/venv-peers/bin/python) \
	  $(if $(TOKENIZER),--tokenizer $(TOKENIZER))

build/venv-peers/ready: tests/bench/peers/requirements.txt
	python3 -m venv build/venv-peers
	build/venv-peers/bin/pip install -q -r $<
	touch $@

docs: build
	build/amalgam --config-reference > docs/CONFIG.md
	build/amalgam --metrics-reference > docs/METRICS.md
	sed -i '/^## All verifiers$$/,$$d' docs/REWARDS.md
	(printf '## All verifiers\n\n'; build/amalgam --verifiers-reference) >> docs/REWARDS.md
	for peer in verl trl; do page=docs/COMING_FROM_$$(echo $$peer | tr a-z A-Z).md; \
	  sed -i '/^## All names$$/,$$d' $$page; \
	  (printf '## All names\n\n'; build/amalgam --$$peer-names) >> $$page || exit 1; done

format:
	@clang-format-14 -i $(sources)

install-deps:
	@tools/install_deps.sh

clean:
	rm -rf build build-asan build-tsan
