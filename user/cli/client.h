/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CLI's side of rastd's control socket (protocol: user/controller/control.h). JSON objects, one a
 * line, over a unix stream socket.
 */
#ifndef RAST_CLI_CLIENT_H
#define RAST_CLI_CLIENT_H

#include "cli/cli.h"

/*
 * One request, one answer. `args` (an object or NULL) is taken; *ret_result is the caller's. Starts
 * the controller when none runs and `start` is set; -ENOTCONN otherwise. An error that the
 * controller reports comes back as its errno with err filled, file and line included.
 */
int rast_client_call(struct rast_cli *cli, bool start, const char *op, json_t *args,
		     json_t **ret_result);
/*
 * A request that is answered by a stream: fn sees each event (borrowed) until it returns non-zero
 * (0 is returned for 1, a negative value is passed on) or the controller ends it.
 */
int rast_client_stream(struct rast_cli *cli, bool start, const char *op, json_t *args,
		       int (*fn)(void *arg, const json_t *event), void *arg);
/* Is a controller there? */
bool rast_client_alive(const struct rast_instance *in);
/* Starts rastd for this instance in the background and waits until it is ready. 0 if it ran already. */
int rast_client_start(struct rast_cli *cli);

#endif
