/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for terminals: how many columns a string takes, values in units that people read, and foreign
 * text made harmless (process arguments and names come from containers: an escape sequence in them
 * must not reach the terminal).
 */
#ifndef RAST_CLI_TEXT_H
#define RAST_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns that valid UTF-8 takes: wide East Asian characters two, combining ones none. */
size_t rast_text_width(const char *s);
/*
 * Copies with control characters as \n, \t, \xHH, and bytes that are no UTF-8 as \xHH. With
 * keep_style, ESC [ digits ; … m passes (our own colours). Always terminated, cut at a character.
 */
const char *rast_text_clean(const char *s, bool keep_style, char *buf, size_t size);

const char *rast_text_bytes(uint64_t v, char *buf, size_t size); /* 1536 → 1.5K */
const char *rast_text_count(uint64_t v, char *buf, size_t size); /* 1500 → 1.5k */
const char *rast_text_ns(uint64_t ns, char *buf, size_t size);   /* 1500000 → 1.5ms */

#endif
