# SPDX-License-Identifier: BSD-2-Clause
# The whole build. Every folder adds its sources in its own rules.mk (mk/rules.mk lists the
# variables it may add to); nothing is built inside the source tree but below $(O).
#
#   make [O=build] [V=1] [CC=clang] [SAN=1]     see `make help`
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

O ?= build
V ?= 0
SAN ?= 0
DEBUG ?= 0
VM ?= 0
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

all:

# `make run` and `make check` must work on a machine without a compiler: they install first and
# then call make again, so that the probes see what was installed.
DEPS_FIRST := run check bench
ifneq ($(filter $(DEPS_FIRST) help clean deps,$(MAKECMDGOALS)),)
ifeq ($(filter-out $(DEPS_FIRST) help clean deps,$(MAKECMDGOALS)),)
SKIP_BUILD := 1
endif
endif

ifndef SKIP_BUILD
include mk/probe.mk
include mk/flags.mk
include mk/rules.mk

FOLDERS := user/base policy vector user/container user/network user/image user/loader user/account \
	user/audit user/anomaly user/oci user/node user/controller user/cli bpf user/bin selftests docs
include $(addsuffix /rules.mk,$(FOLDERS))
include mk/link.mk
include mk/lint.mk
include mk/install.mk

all: $(BINS) $(DOC_TARGETS)
endif

deps:
	@mk/deps.sh

run: deps
	+@$(MAKE) all $(if $(filter 1,$(VM)),$(O)/vm/init)
	+@RAST_VM=$(VM) O=$(abspath $(O)) selftests/demo/run.sh

check:
	@mk/deps.sh check
	+@$(MAKE) all tests fuzzers
	+@O=$(abspath $(O)) selftests/run.sh $(if $(ONLY),--only '$(ONLY)') $(if $(TIER),--tier '$(TIER)')

bench: deps
	+@$(MAKE) all benches
	+@O=$(abspath $(O)) selftests/bench/run.sh $(if $(ONLY),--only '$(ONLY)')

clean:
	rm -rf $(O) compile_commands.json

help:
	@sed -n 's/^|//p' mk/help.txt

.PHONY: all deps run check bench clean help
