/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many ranges of IPv4 addresses as the kernel looks them up: at most three lines of memory an address.
 * A packed form of DIR-24-8. The first 65536 words stand for the /16s. A word is
 *
 *	a class                 all of the block is of it
 *	RAST_TRIE_LIST          few ranges in one line: in a /16 at most 8 double words, class << 16 | start,
 *	                        in a /24 at most 16 words, class << 8 | start; where, and how many
 *	RAST_TRIE_TABLE         256 words: of a /16 one for each /24, of a /24 the class of each address
 */
#ifndef RAST_POLICY_ADDR_TRIE_H
#define RAST_POLICY_ADDR_TRIE_H

#include "bpf/policy.h"

#include <stddef.h>
#include <stdint.h>

/* `ranges` as in an image. *ret_lines is malloc'ed. -E2BIG when a word cannot reach its end. */
int rast_addr_trie_build(const struct rast_range4 *ranges, size_t n, struct rast_line **ret_lines,
			 size_t *ret_n);
/* The class of an address, by the arithmetic of the kernel half. */
uint32_t rast_addr_trie_find(const struct rast_line *lines, uint32_t addr);

#endif
