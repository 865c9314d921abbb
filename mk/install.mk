# SPDX-License-Identifier: BSD-2-Clause
INSTALL ?= install
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin \
		$(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/doc/rastos/examples
	$(INSTALL) -m 755 $(O)/bin/rastbpf $(DESTDIR)$(PREFIX)/bin/rastbpf
	$(if $(filter 1,$(static_front)),$(INSTALL) -d $(DESTDIR)$(PREFIX)/libexec/rastos && \
		$(INSTALL) -m 755 $(O)/bin/rastbpf-full $(DESTDIR)$(PREFIX)/libexec/rastos/rastbpf-full)
	$(INSTALL) -m 755 $(O)/bin/rast-oci $(DESTDIR)$(PREFIX)/bin/rast-oci
	$(if $(filter 1,$(HAVE_LIBSYSTEMD)),$(INSTALL) -d $(DESTDIR)$(PREFIX)/libexec/rastos && \
		$(INSTALL) -m 755 $(O)/bin/rast-oci-systemd $(DESTDIR)$(PREFIX)/libexec/rastos/rast-oci-systemd)
	$(INSTALL) -m 755 $(O)/bin/rastd $(DESTDIR)$(PREFIX)/sbin/rastd
	sed 's|@PREFIX@|$(PREFIX)|g' docs/rastd.service.in > $(DESTDIR)$(PREFIX)/lib/systemd/system/rastd.service
	$(INSTALL) -m 644 docs/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	$(O)/bin/rastbpf completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rastbpf
	$(O)/bin/rast-oci completion > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rast-oci
	$(INSTALL) -m 644 docs/examples/*.yaml $(DESTDIR)$(PREFIX)/share/doc/rastos/examples

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/rastbpf $(DESTDIR)$(PREFIX)/bin/rast-oci $(DESTDIR)$(PREFIX)/sbin/rastd \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/rastd.service \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/rastbpf \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/rast-oci \
		$(addprefix $(DESTDIR)$(PREFIX)/share/man/man8/,$(notdir $(wildcard docs/man/*.8)))
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/rastos $(DESTDIR)$(PREFIX)/libexec/rastos
.PHONY: install uninstall
