// SPDX-License-Identifier: BSD-2-Clause
/*
 * Consumer of the event rings; see rings.h. Own code rather than libbpf's ring_buffer, which reads a
 * ring until it is empty: a flood on one CPU would keep the priority ring waiting.
 */
#include "loader/rings.h"

#include "base/fd.h"
#include "loader/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define BATCH 64u /* records of one ring before the priority ring is looked at again */

struct ring {
	int fd;
	size_t size, page;
	unsigned long *consumer;       /* page of its own, written by us */
	const unsigned long *producer; /* page of its own, then the data twice in a row */
};

struct rast_rings {
	rast_rings_fn fn;
	void *arg;
	int epoll_fd, stats_fd, n_cpu;
	unsigned int next; /* the CPU whose turn it is */
	struct ring priority;
	struct ring *cpu;
	/* Last sequence number by ring kind and CPU; 0: none seen yet. */
	uint64_t *last[RAST_RING_MAX];
	uint64_t gaps[RAST_RING_MAX];
	uint64_t malformed;
};

static void ring_close(struct ring *r)
{
	if (r->consumer)
		(void)munmap(r->consumer, r->page);
	if (r->producer)
		(void)munmap((void *)r->producer, r->page + 2 * r->size);
	rast_closep(&r->fd);
	*r = (struct ring){.fd = -1};
}

/* Takes fd. */
static int ring_open(struct ring *r, int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	void *p;
	int e;

	*r = (struct ring){.fd = fd, .page = (size_t)sysconf(_SC_PAGESIZE)};
	e = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (e < 0)
		return e;
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return -EINVAL;
	r->size = info.max_entries;
	p = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->consumer = p;
	p = mmap(NULL, r->page + 2 * r->size, PROT_READ, MAP_SHARED, fd, (off_t)r->page);
	if (p == MAP_FAILED)
		return -errno;
	r->producer = p;
	return 0;
}

static void note_sequence(struct rast_rings *rs, const struct rast_event *ev)
{
	uint64_t *last;

	if (ev->ring >= RAST_RING_MAX || ev->cpu >= rs->n_cpu)
		return;
	last = &rs->last[ev->ring][ev->cpu];
	if (*last && ev->seq > *last + 1)
		rs->gaps[ev->ring] += ev->seq - *last - 1;
	/* An interrupt's program took the later number and reserved first: not lost, only late. */
	else if (*last && ev->seq < *last && rs->gaps[ev->ring])
		rs->gaps[ev->ring]--;
	if (ev->seq > *last)
		*last = ev->seq;
}

static unsigned int ring_read(struct rast_rings *rs, struct ring *r, unsigned int max)
{
	unsigned long pos = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	unsigned long end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	const char *data = (const char *)r->producer + r->page;
	unsigned int n = 0;

	while (pos < end && n < max) {
		const __u32 *head = (const void *)(data + (pos & (r->size - 1)));
		__u32 len = __atomic_load_n(head, __ATOMIC_ACQUIRE);
		__u32 size = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		const struct rast_event *ev = (const void *)(head + 2);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break; /* reserved, not submitted yet */
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			if (size >= sizeof(*ev) && ev->size <= size && ev->size >= sizeof(*ev)) {
				note_sequence(rs, ev);
				rs->fn(rs->arg, ev, ev->size);
			} else {
				rs->malformed++;
			}
			n++;
		}
		pos += (size + BPF_RINGBUF_HDR_SZ + 7u) & ~7ul;
		__atomic_store_n(r->consumer, pos, __ATOMIC_RELEASE);
	}
	return n;
}

unsigned int rast_rings_drain(struct rast_rings *rs, unsigned int max)
{
	unsigned int total = ring_read(rs, &rs->priority, max), idle = 0;

	while (total < max && idle < (unsigned int)rs->n_cpu) {
		struct ring *r = &rs->cpu[rs->next];
		unsigned int want = max - total < BATCH ? max - total : BATCH;
		unsigned int got = r->consumer ? ring_read(rs, r, want) : 0;

		rs->next = (rs->next + 1) % (unsigned int)rs->n_cpu;
		idle = got ? 0 : idle + 1;
		total += got;
		if (got && total < max)
			total += ring_read(rs, &rs->priority, max - total);
	}
	return total;
}

static int watch(struct rast_rings *rs, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN};

	return epoll_ctl(rs->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_cpus(const struct rast_instance *in, struct rast_rings *rs, struct rast_err *err)
{
	_cleanup_close_ int outer = rast_loader_map_fd(in, "ring_by_cpu", err);

	if (outer < 0)
		return outer;
	for (int cpu = 0; cpu < rs->n_cpu; cpu++) {
		__u32 key = (__u32)cpu, id = 0;
		int fd, r;

		r = bpf_map_lookup_elem(outer, &key, &id);
		if (r == -ENOENT)
			continue;
		fd = r < 0 ? r : bpf_map_get_fd_by_id(id);
		if (fd < 0)
			return rast_err_sys(err, -fd, "event ring of CPU %d", cpu);
		r = ring_open(&rs->cpu[cpu], fd);
		if (!r)
			r = watch(rs, fd);
		if (r < 0)
			return rast_err_sys(err, -r, "event ring of CPU %d", cpu);
	}
	return 0;
}

static int open_all(const struct rast_instance *in, struct rast_rings *rs, struct rast_err *err)
{
	int fd, r;

	rs->n_cpu = libbpf_num_possible_cpus();
	if (rs->n_cpu <= 0)
		return rast_err_set(err, EIO, "number of CPUs is not known");
	rs->cpu = calloc((size_t)rs->n_cpu, sizeof(*rs->cpu));
	if (!rs->cpu)
		return rast_err_set(err, ENOMEM, "out of memory");
	for (int i = 0; i < rs->n_cpu; i++)
		rs->cpu[i].fd = -1;
	for (int i = 0; i < RAST_RING_MAX; i++) {
		rs->last[i] = calloc((size_t)rs->n_cpu, sizeof(*rs->last[i]));
		if (!rs->last[i])
			return rast_err_set(err, ENOMEM, "out of memory");
	}
	rs->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (rs->epoll_fd < 0)
		return rast_err_sys(err, errno, "epoll");
	rs->stats_fd = rast_loader_map_fd(in, "event_stats", err);
	if (rs->stats_fd < 0)
		return rs->stats_fd;
	fd = rast_loader_map_fd(in, "priority_ring", err);
	if (fd < 0)
		return fd;
	r = ring_open(&rs->priority, fd);
	if (!r)
		r = watch(rs, fd);
	if (r < 0)
		return rast_err_sys(err, -r, "priority ring");
	return open_cpus(in, rs, err);
}

int rast_rings_open(const struct rast_instance *in, rast_rings_fn fn, void *arg,
		    struct rast_rings **ret, struct rast_err *err)
{
	struct rast_rings *rs = calloc(1, sizeof(*rs));
	int r;

	if (!rs)
		return rast_err_set(err, ENOMEM, "out of memory");
	rs->fn = fn;
	rs->arg = arg;
	rs->epoll_fd = rs->stats_fd = rs->priority.fd = -1;
	r = open_all(in, rs, err);
	if (r < 0) {
		rast_rings_destroy(rs);
		return r;
	}
	*ret = rs;
	return 0;
}

void rast_rings_destroy(struct rast_rings *rs)
{
	if (!rs)
		return;
	ring_close(&rs->priority);
	for (int i = 0; rs->cpu && i < rs->n_cpu; i++)
		ring_close(&rs->cpu[i]);
	for (int i = 0; i < RAST_RING_MAX; i++)
		free(rs->last[i]);
	free(rs->cpu);
	rast_closep(&rs->epoll_fd);
	rast_closep(&rs->stats_fd);
	free(rs);
}

int rast_rings_fd(const struct rast_rings *rs)
{
	return rs->epoll_fd;
}

void rast_rings_gaps(const struct rast_rings *rs, uint64_t ret[RAST_RING_MAX])
{
	memcpy(ret, rs->gaps, sizeof(rs->gaps));
}

int rast_rings_stats(const struct rast_rings *rs, struct rast_event_stats ret[RAST_RING_MAX])
{
	_cleanup_free_ struct rast_event_stats *per_cpu =
		calloc((size_t)rs->n_cpu, sizeof(*per_cpu));
	struct rast_event_stats sum[RAST_RING_MAX] = {0};

	if (!per_cpu)
		return -ENOMEM;
	for (__u32 ring = 0; ring < RAST_RING_MAX; ring++) {
		int r = bpf_map_lookup_elem(rs->stats_fd, &ring, per_cpu);

		if (r < 0)
			return r;
		for (int cpu = 0; cpu < rs->n_cpu; cpu++) {
			sum[ring].attempted += per_cpu[cpu].attempted;
			sum[ring].sent += per_cpu[cpu].sent;
			sum[ring].dropped += per_cpu[cpu].dropped;
		}
	}
	memcpy(ret, sum, sizeof(sum));
	return 0;
}
