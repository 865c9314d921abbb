/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel fields and functions that moved, each behind one accessor. What a test here finds out is
 * decided by libbpf at load time, so that the dead branch is gone before the verifier looks.
 */
#ifndef RAST_BPF_LIB_CORE_COMPAT_H
#define RAST_BPF_LIB_CORE_COMPAT_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* mm.rss_stat: atomic longs in a struct up to 6.1, per-CPU counters (here: their shared part) since. */
static __always_inline __u64 compat_rss_pages(const struct mm_struct *mm)
{
	__s64 pages = 0;

	if (!mm)
		return 0;
	if (bpf_core_field_exists(struct mm_rss_stat, count)) {
		const struct mm_struct___atomic *m = (const void *)mm;

		/* file, anonymous, (swap entries), shared memory */
		pages = BPF_CORE_READ(m, rss_stat.count[0].counter) +
			BPF_CORE_READ(m, rss_stat.count[1].counter) +
			BPF_CORE_READ(m, rss_stat.count[3].counter);
	} else {
		const struct mm_struct___percpu *m = (const void *)mm;

		pages = BPF_CORE_READ(m, rss_stat[0].count) + BPF_CORE_READ(m, rss_stat[1].count) +
			BPF_CORE_READ(m, rss_stat[3].count);
	}
	return pages > 0 ? pages : 0;
}

/* oom:mark_victim: since 6.8 its first argument is the victim, before that only a pid. */
static __always_inline bool compat_victim_is_task(void)
{
	return bpf_core_field_exists(struct trace_event_raw_mark_victim, uid);
}

#endif
