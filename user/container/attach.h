/* SPDX-License-Identifier: BSD-2-Clause */
/* The caller's terminal and signals joined to a process in a container, until it ends. */
#ifndef RAST_CONTAINER_ATTACH_H
#define RAST_CONTAINER_ATTACH_H

#include "base/err.h"

/*
 * Passes signals on, copies between the terminal and `tty` (-1: none; raw mode and window size are set and
 * restored), waits. *ret_status as rast_launch_wait(). The process must be a child of the caller.
 */
int rast_container_attach(int pidfd, int tty, int *ret_status, struct rast_err *err);
/* Blocks the signals that attach passes on; call before the start, so that none is lost. */
void rast_container_attach_prepare(void);

#endif
