# SPDX-License-Identifier: BSD-2-Clause
LINT_C = $(shell git ls-files '*.c' '*.h' 2>/dev/null || find . -name '*.[ch]' -not -path './$(O)/*')
lint: check-headers
	@mk/lint.sh

# A header includes what it uses: each one must compile alone.
check-headers: | $(SKELS)
	@mk/check_headers.sh '$(CC) $(CFLAGS_BASE) $(ALL_CFLAGS)' '$(BPF_CLANG) $(BPF_CFLAGS)'
.PHONY: lint check-headers
