# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix vector/,record.c version.c yaml_text.c diff.c diff_text.c token.c concept.c \
	facts.c facts_policy.c facts_kind.c embed.c query.c explain.c distance.c index.c search.c config_key.c)
STORE_SRC += $(addprefix vector/,store.c ack.c key.c versions.c commit.c find.c verify.c info.c)
CONTROLLER_SRC += vector/config.c
CLI_SRC += vector/config_cmd.c

# All kernels must round alike: no fused multiply-add behind their back.
$(O)/obj/vector/distance.o: override CFLAGS += -ffp-contract=off
