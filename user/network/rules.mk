# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/network/,netlink.c netns.c ipam.c nft.c network_link.c network_pod.c \
	network.c netns_ends.c netns_nat.c ipv6.c)
