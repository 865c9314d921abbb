# SPDX-License-Identifier: BSD-2-Clause
# What this machine's compiler and libraries can do. Each probe is run once a build folder and
# kept in $(O)/probe.mk; delete that file to probe again.
PKG_CONFIG ?= pkg-config
BPF_CLANG ?= $(firstword $(shell command -v clang-19 clang 2>/dev/null))
BPFTOOL ?= $(firstword $(shell command -v bpftool /usr/sbin/bpftool 2>/dev/null))
LLVM_STRIP ?= $(firstword $(shell command -v llvm-strip-19 llvm-strip 2>/dev/null))
ifeq ($(origin CC),default)
CC := gcc
endif

-include $(O)/probe.mk
$(O)/probe.mk: mk/probe.sh
	@mkdir -p $(@D)
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' mk/probe.sh > $@
