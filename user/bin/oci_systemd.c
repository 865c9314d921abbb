// SPDX-License-Identifier: BSD-2-Clause
/*
 * rast-oci-systemd: what rast-oci asks of systemd, over D-Bus. A program of its own since libsystemd is a
 * shared library only, and rast-oci is static; started by user/oci/systemd.c and by nobody else.
 *
 *	rast-oci-systemd start system|user UNIT PROPERTY…   a scope around this process, which stays in it
 *	rast-oci-systemd set system|user UNIT PROPERTY…     changes them until the unit ends
 *	rast-oci-systemd stop system|user UNIT              0 as well when there is none
 *
 * PROPERTY is NAME SIGNATURE VALUE…, as oci/systemd_unit.h has it. Descriptor 0 is a SOCK_SEQPACKET socket
 * and gets one message: '+' and the cgroup of this process (start), or '-' and what went wrong. After `start`
 * the process keeps the scope alive until the other end is closed; a scope without processes would end.
 */
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define DESTINATION "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define JOB_TIMEOUT_S 30

/* One call; nothing is given back, since the process ends. */
struct call {
	sd_bus *bus;
	bool direct; /* systemd is at the other end itself: nothing has a sender */
	const char *unit;
	char **properties; /* words, NULL at the end */
	char *job;         /* path of the job that is waited for */
	char result[32];   /* of it; "" until it has ended */
	char text[512];    /* what went wrong */
};

__attribute__((format(printf, 3, 4))) static int fail(struct call *c, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	return r < 0 ? r : -EIO;
}

static int fail_bus(struct call *c, int r, const char *what, const sd_bus_error *e)
{
	return fail(c, r, "%s %s: %s", what, c->unit,
		    e && e->message ? e->message : strerror(r < 0 ? -r : EIO));
}

static int append_number(sd_bus_message *m, char type, const char *word)
{
	uint64_t u = strtoull(word, NULL, 10);
	int64_t s = (int64_t)u;
	double d;

	switch (type) {
	case 'y':
		return sd_bus_message_append(m, "y", (int)(uint8_t)u);
	case 'n':
		return sd_bus_message_append(m, "n", (int)(int16_t)s);
	case 'q':
		return sd_bus_message_append(m, "q", (int)(uint16_t)u);
	case 'i':
		return sd_bus_message_append(m, "i", (int32_t)s);
	case 'u':
		return sd_bus_message_append(m, "u", (uint32_t)u);
	case 'x':
		return sd_bus_message_append(m, "x", s);
	case 't':
		return sd_bus_message_append(m, "t", u);
	case 'd':
		d = strtod(word, NULL);
		return sd_bus_message_append(m, "d", d);
	default:
		return -EINVAL;
	}
}

static int append_basic(sd_bus_message *m, char type, const char *word)
{
	if (!word)
		return -EINVAL;
	if (type == 's' || type == 'o' || type == 'g')
		return sd_bus_message_append_basic(m, type, word);
	if (type == 'b')
		return sd_bus_message_append(m, "b", !strcmp(word, "true"));
	return append_number(m, type, word);
}

/* From NAME on; *at goes behind its last value. `add` false: passed over. */
static int append_property(sd_bus_message *m, char ***at, bool add)
{
	char **w = *at;
	const char *name = w[0], *sig = w[1];
	unsigned long n = 1, i;
	bool array;
	int r = 0;

	if (!name || !sig)
		return -EINVAL;
	array = sig[0] == 'a';
	w += 2;
	if (array) {
		if (!*w)
			return -EINVAL;
		n = strtoul(*w++, NULL, 10);
	}
	if (add) {
		r = sd_bus_message_open_container(m, 'r', "sv");
		if (r >= 0)
			r = sd_bus_message_append(m, "s", name[0] == '?' ? name + 1 : name);
		if (r >= 0)
			r = sd_bus_message_open_container(m, 'v', sig);
		if (r >= 0 && array)
			r = sd_bus_message_open_container(m, 'a', sig + 1);
	}
	for (i = 0; i < n && r >= 0; i++, w++) {
		if (!*w)
			return -EINVAL;
		if (add)
			r = append_basic(m, sig[array], *w);
	}
	for (i = 0; add && i < 2 + (unsigned long)array && r >= 0; i++)
		r = sd_bus_message_close_container(m);
	*at = w;
	return r;
}

static int append_properties(sd_bus_message *m, char **words, bool optional)
{
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	while (r >= 0 && *words)
		r = append_property(m, &words, optional || words[0][0] != '?');
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- jobs ---- */

static int on_job_removed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct call *c = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)e;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && c->job &&
	    !strcmp(path, c->job))
		(void)snprintf(c->result, sizeof(c->result), "%s", result);
	return 0;
}

/* Asked for before the job is, so that no end can be missed; the answer is not waited for. */
static int watch_jobs(struct call *c)
{
	int r = sd_bus_match_signal_async(c->bus, NULL, c->direct ? NULL : DESTINATION, OBJECT,
					  MANAGER, "JobRemoved", on_job_removed, NULL, c);

	return r < 0 ? fail_bus(c, r, "watching the jobs for", NULL) : 0;
}

static int wait_job(struct call *c, sd_bus_message *reply, const char *what)
{
	struct timespec now;
	const char *path;
	time_t until;
	int r;

	r = sd_bus_message_read(reply, "o", &path);
	if (r < 0)
		return fail_bus(c, r, what, NULL);
	c->job = strdup(path);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	until = now.tv_sec + JOB_TIMEOUT_S;
	while (!c->result[0]) {
		r = sd_bus_process(c->bus, NULL);
		if (r < 0)
			return fail_bus(c, r, what, NULL);
		if (r > 0)
			continue;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= until)
			return fail(c, -ETIMEDOUT, "%s %s: not done after %d s", what, c->unit,
				    JOB_TIMEOUT_S);
		r = sd_bus_wait(c->bus, 1000000);
		if (r < 0 && r != -EINTR)
			return fail_bus(c, r, what, NULL);
	}
	if (strcmp(c->result, "done") != 0)
		return fail(c, -EIO, "%s %s: the job's result is \"%s\"", what, c->unit, c->result);
	return 0;
}

/* ---- the three calls ---- */

static int manager_call(struct call *c, const char *method, bool with_properties, bool optional,
			sd_bus_error *e, sd_bus_message **reply)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(c->bus, &m, DESTINATION, OBJECT, MANAGER, method);

	if (r >= 0)
		r = sd_bus_message_append(m, "s", c->unit);
	if (r >= 0 && !strcmp(method, "SetUnitProperties"))
		r = sd_bus_message_append(m, "b", 1); /* until the unit ends, not for ever */
	else if (r >= 0 && !strcmp(method, "StartTransientUnit"))
		r = sd_bus_message_append(m, "s", "fail");
	else if (r >= 0 && !strcmp(method, "StopUnit"))
		r = sd_bus_message_append(m, "s", "replace");
	if (r >= 0 && with_properties)
		r = append_properties(m, c->properties, optional);
	if (r >= 0 && !strcmp(method, "StartTransientUnit"))
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(c->bus, m, 0, e, reply);
	(void)sd_bus_message_unref(m);
	return r;
}

/* What an older systemd says to a property that it does not know, or to a value. */
static bool is_unknown(const sd_bus_error *e)
{
	return sd_bus_error_has_name(e, SD_BUS_ERROR_PROPERTY_READ_ONLY) ||
	       sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_PROPERTY) ||
	       sd_bus_error_has_name(e, SD_BUS_ERROR_INVALID_ARGS);
}

/* With what may be left out, and once more without. */
static int with_properties(struct call *c, const char *method, sd_bus_error *e,
			   sd_bus_message **reply)
{
	int r = manager_call(c, method, true, true, e, reply);

	if (r < 0 && is_unknown(e)) {
		sd_bus_error_free(e);
		r = manager_call(c, method, true, false, e, reply);
	}
	return r;
}

static int start(struct call *c)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = watch_jobs(c);

	if (r < 0)
		return r;
	r = with_properties(c, "StartTransientUnit", &e, &reply);
	/* What failed under this name before is remembered until somebody says that he has seen it. */
	if (r < 0 && sd_bus_error_has_name(&e, "org.freedesktop.systemd1.UnitExists") &&
	    manager_call(c, "ResetFailedUnit", false, false, NULL, NULL) >= 0) {
		sd_bus_error_free(&e);
		r = with_properties(c, "StartTransientUnit", &e, &reply);
	}
	return r < 0 ? fail_bus(c, r, "starting", &e) : wait_job(c, reply, "starting");
}

static int set(struct call *c)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = with_properties(c, "SetUnitProperties", &e, NULL);

	return r < 0 ? fail_bus(c, r, "changing", &e) : 0;
}

static int stop(struct call *c)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = watch_jobs(c);

	if (r < 0)
		return r;
	r = manager_call(c, "StopUnit", false, false, &e, &reply);
	if (r < 0 && sd_bus_error_has_name(&e, "org.freedesktop.systemd1.NoSuchUnit"))
		return 0;
	r = r < 0 ? fail_bus(c, r, "stopping", &e) : wait_job(c, reply, "stopping");
	/* Failed, or kept by a systemd without CollectMode. Mostly there is nothing to reset. */
	(void)manager_call(c, "ResetFailedUnit", false, false, NULL, NULL);
	return r;
}

/* ---- around it ---- */

/* Where systemd does not answer on the bus (early in a boot) root has a socket of its own. */
static int open_bus(struct call *c, bool user)
{
	int r = user ? sd_bus_open_user(&c->bus) : sd_bus_open_system(&c->bus), own;

	if (r < 0 && !user && geteuid() == 0) {
		own = sd_bus_new(&c->bus);
		if (own >= 0)
			own = sd_bus_set_address(c->bus, "unix:path=/run/systemd/private");
		if (own >= 0)
			own = sd_bus_start(c->bus);
		if (own >= 0) {
			c->direct = true;
			return 0;
		}
	}
	return r < 0 ? fail(c, r, "no way to the %s bus: %s", user ? "user's" : "system",
			    strerror(-r))
		     : 0;
}

/* The line of cgroup2 in /proc/self/cgroup, without its newline. */
static int own_cgroup(struct call *c, char *ret, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4200];

	ret[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::", 3))
			(void)snprintf(ret, size, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
	return ret[0] ? 0 : fail(c, -ENOENT, "%s: no cgroup2 in /proc/self/cgroup", c->unit);
}

static void answer(int ok, const char *text)
{
	char message[4200];
	int n = snprintf(message, sizeof(message), "%c%s", ok ? '+' : '-', text);

	(void)send(STDIN_FILENO, message,
		   n < (int)sizeof(message) ? (size_t)n : sizeof(message) - 1, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	struct call c = {0};
	char cgroup[4096] = "", byte;
	bool hold;
	int r;

	/* A process of the same pod may share our pid namespace. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (argc < 4 || (strcmp(argv[2], "system") != 0 && strcmp(argv[2], "user") != 0)) {
		(void)fprintf(stderr, "rast-oci-systemd is started by rast-oci\n");
		return 2;
	}
	c.unit = argv[3];
	c.properties = argv + 4;
	hold = !strcmp(argv[1], "start");
	r = open_bus(&c, !strcmp(argv[2], "user"));
	if (r == 0 && hold) {
		r = start(&c);
		if (r == 0)
			r = own_cgroup(&c, cgroup, sizeof(cgroup));
	} else if (r == 0 && !strcmp(argv[1], "set")) {
		r = set(&c);
	} else if (r == 0 && !strcmp(argv[1], "stop")) {
		r = stop(&c);
	} else if (r == 0) {
		r = fail(&c, -EINVAL, "rast-oci-systemd: unknown command %s", argv[1]);
	}
	answer(r == 0, r == 0 ? cgroup : c.text);
	while (r == 0 && hold && recv(STDIN_FILENO, &byte, 1, 0) < 0 && errno == EINTR)
		;
	_exit(r < 0);
}
