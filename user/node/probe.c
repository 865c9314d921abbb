// SPDX-License-Identifier: BSD-2-Clause
/* Decisions about the health of containers; see probe.h. */
#include "node/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ull

void rast_probe_start(struct rast_probe *p, const struct rast_pod_probe *spec, bool ok,
		      uint64_t started_ns)
{
	*p = (struct rast_probe){.ok = ok, .next_ns = started_ns + spec->initial_delay_s * SECOND};
}

void rast_probe_begin(struct rast_probe *p, const struct rast_pod_probe *spec, uint64_t now_ns)
{
	p->next_ns = now_ns + spec->period_s * SECOND;
}

int rast_probe_result(struct rast_probe *p, const struct rast_pod_probe *spec, bool success)
{
	if (success) {
		p->failed = 0;
		p->passed += p->passed < spec->successes;
	} else {
		p->passed = 0;
		p->failed += p->failed < spec->failures;
	}
	if (!p->ok && p->passed >= spec->successes && p->passed) {
		p->ok = true;
		return 1;
	}
	if (p->ok && p->failed >= spec->failures && p->failed) {
		p->ok = false;
		return -1;
	}
	return 0;
}

char *rast_probe_http_request(const char *path, const char *address, uint16_t port)
{
	char *text;

	if (asprintf(&text,
		     "GET %s HTTP/1.0\r\nHost: %s:%u\r\nUser-Agent: rastd\r\nAccept: */*\r\n"
		     "Connection: close\r\n\r\n",
		     path, address, (unsigned int)port) < 0)
		return NULL;
	return text;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

int rast_probe_http_status(const char *buf, size_t len)
{
	/* 'd': any digit; 'e': what ends a status code. */
	static const char shape[] = "HTTP/d.d ddde";
	size_t i;
	int status;

	for (i = 0; i < len && shape[i]; i++) {
		char c = buf[i];
		bool fits = shape[i] == 'd'   ? digit(c)
			    : shape[i] == 'e' ? c == ' ' || c == '\r' || c == '\n'
					      : c == shape[i];

		if (!fits)
			return -EBADMSG;
	}
	if (shape[i])
		return 0;
	status = (buf[9] - '0') * 100 + (buf[10] - '0') * 10 + (buf[11] - '0');
	return status >= 100 && status <= 599 ? status : -EBADMSG;
}

int rast_exit_code(int32_t wait_status)
{
	int sig = wait_status & 0x7f;

	return sig ? 128 + sig : wait_status >> 8 & 0xff;
}

bool rast_restart_wanted(enum rast_pod_restart policy, int exit_code)
{
	return policy == RAST_RESTART_ALWAYS ||
	       (policy == RAST_RESTART_ON_FAILURE && exit_code != 0);
}

unsigned int rast_backoff_next(struct rast_backoff *b, uint64_t ran_ns)
{
	unsigned int now;

	if (ran_ns >= RAST_BACKOFF_RESET_S * SECOND)
		b->delay_s = 0;
	now = b->delay_s;
	b->delay_s = !now                            ? RAST_BACKOFF_FIRST_S
		     : now >= RAST_BACKOFF_MAX_S / 2 ? RAST_BACKOFF_MAX_S
						     : now * 2;
	return now;
}

const char *rast_pod_phase(size_t missing, size_t running, size_t restarting, size_t failed)
{
	return missing                 ? "Pending"
	       : running || restarting ? "Running"
	       : failed                ? "Failed"
				       : "Succeeded";
}
