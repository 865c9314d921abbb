# SPDX-License-Identifier: BSD-2-Clause
# The shop example's HTTP service; `rastbpf image build -I $(O)/examples` puts it into its image.
ifeq ($(HAVE_LIBMICROHTTPD)$(HAVE_HIREDIS),11)
BINS += $(O)/examples/shop-api
$(eval $(call bin_at,$(O)/examples/shop-api,docs/examples/shop/api.c,,libmicrohttpd hiredis))
endif
