// SPDX-License-Identifier: BSD-2-Clause
/* What surrounds the controller: systemd's notifications, and the privileges it keeps. */
#include "controller/controller.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#if HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

void rast_startup_notify(const char *text)
{
#if HAVE_LIBSYSTEMD
	(void)sd_notify(0, text);
#else
	(void)text;
#endif
}

uint64_t rast_startup_watchdog_ns(void)
{
#if HAVE_LIBSYSTEMD
	uint64_t us = 0;

	/* Half of what systemd waits, as sd_watchdog_enabled(3) advises. */
	if (sd_watchdog_enabled(0, &us) > 0)
		return us * 1000 / 2;
#endif
	return 0;
}

int rast_startup_drop_capabilities(struct rast_err *err)
{
	/*
	 * BPF, PERFMON, NET_ADMIN: maps and links while unprivileged BPF is off; DAC and FOWNER: the
	 * run folder and the store whoever made them; DAC_READ_SEARCH also looks up cgroups by number;
	 * KILL: pods; SYS_PTRACE: /proc of processes in other user namespaces. The bounding set stays:
	 * what starts containers is a program of its own (rastbpf) and needs all.
	 */
	static const cap_value_t wanted[] = {
		CAP_BPF,    CAP_PERFMON, CAP_NET_ADMIN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
		CAP_FOWNER, CAP_CHOWN,   CAP_KILL,      CAP_SYS_PTRACE,
	};
	cap_t now = cap_get_proc(), next = cap_init();
	int r = 0;

	if (!now || !next)
		r = -ENOMEM;
	for (size_t i = 0; !r && i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		cap_flag_value_t have = CAP_CLEAR;

		/* What we do not have (a container, an older kernel) cannot be kept. */
		if (cap_get_flag(now, wanted[i], CAP_PERMITTED, &have) < 0 || have != CAP_SET)
			continue;
		if (cap_set_flag(next, CAP_PERMITTED, 1, &wanted[i], CAP_SET) < 0 ||
		    cap_set_flag(next, CAP_EFFECTIVE, 1, &wanted[i], CAP_SET) < 0)
			r = -errno;
	}
	if (!r && cap_set_proc(next) < 0)
		r = -errno;
	(void)cap_free(now);
	(void)cap_free(next);
	return r < 0 ? rast_err_sys(err, -r, "drop capabilities") : 0;
}
