// SPDX-License-Identifier: BSD-2-Clause
/*
 * What words of this domain have in common: a query says "database" where the item says "redis".
 * One line a concept, its name first; a word may stand on several lines. Names count as words.
 * Changing a line changes the embedder's identity, so a store re-embeds itself when it is opened.
 */
#include "vector/token.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char *const table[] = {
	"database db redis valkey postgres postgresql mysql mariadb mongo mongodb sqlite sql etcd "
	"datastore memcached cassandra rdbms pg",
	"cache redis valkey memcached varnish",
	"web webserver nginx apache httpd caddy frontend website site html homepage browser storefront",
	"http https url rest web html webserver",
	"api backend rest endpoint",
	"service pod workload application app component server daemon container deployment program "
	"process microservice",
	"connect talk reach access contact call communicate speak reachable accessible dial hit "
	"connectivity",
	"traffic connection network packet flow ingress egress connect networking",
	"allow permit may can grant accept let able admit allowed permission open",
	"deny block forbid forbidden refuse reject drop isolate isolation prevent disallow prohibit "
	"denied cannot not never nothing nobody stop ban",
	"default everything everyone everybody all any anything anyone rest",
	"ingress inbound incoming receive enter",
	"egress outbound outgoing outside leave internet external upstream",
	"internet external outside public world cidr wan",
	"policy rule firewall restriction acl",
	"memory ram mem heap oom",
	"cpu processor core compute millicore cores",
	"limit maximum max cap quota ceiling bound most",
	"request reserve guarantee minimum reservation",
	"storage volume disk mount storage persistent pvc filesystem capacity",
	"probe health liveness readiness healthcheck alive healthy ready startup heartbeat",
	"port listen socket tcp udp",
	"image rootfs package distro",
	"environment env variable",
	"secret password credential passphrase apikey login",
	"certificate tls ssl cert https x509 encryption crypto",
	"configuration config configmap setting option parameter preference conf tune",
	"log logging stdout stderr verbose debug loglevel syslog trace",
	"command cmd args entrypoint exec argument argv",
	"restart crash onfailure retry backoff",
	"root uid privilege privileged superuser runasuser nonroot admin",
	"security seccomp capability hardening apparmor harden sandbox",
	"readonly immutable unwritable",
	"schedule cron cronjob timer periodic nightly hourly daily weekly night midnight",
	"backup snapshot dump archive restore save",
	"queue broker kafka rabbitmq nats amqp mqtt message",
	"worker job task batch consumer background",
	"proxy loadbalancer haproxy envoy gateway router reverse balancer balance",
	"dns resolver nameserver coredns resolv resolver resolve lookup hostname domain",
	"picture photo thumbnail graphic png jpeg imagemagick gallery",
	"monitoring prometheus grafana metric monitor alert scrape observability dashboard exporter",
	"timeout deadline wait expire expiry ttl",
	"replica replicas scale copy instance",
	"mail email smtp imap postfix newsletter",
	"payment pay billing checkout invoice card stripe charge",
	"user customer account people person member",
	"auth authentication authenticate login signin oauth oidc token session jwt sso",
	"order cart basket purchase buy",
	"product catalog catalogue article item inventory stock",
	"anomaly abnormal suspicious misbehave unusual attack scan intrusion",
	"audit trail record accountability",
	"staging stage test testing preprod",
	"production prod live",
	"evict eviction discard lru forget",
	"file path directory folder",
	"identity serviceaccount account role",
	"upload attachment body size",
};

struct entry {
	char stem[RAST_TOKEN_MAX], plain[RAST_TOKEN_MAX];
	uint16_t concept; /* row of the table */
	uint16_t next;    /* 1 + index of another entry with this hash; 0: none */
};

#define BUCKETS 1024u
/* Built once and only read afterwards: the table above in a form that can be looked up. */
static struct entry entries[1024];
static uint16_t buckets[BUCKETS];
static uint16_t n_entries;
static char names[ARRAY_SIZE(table)][RAST_TOKEN_MAX];
static uint32_t table_id;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t bucket_of(const char *stem)
{
	return (uint32_t)(rast_hash_done(rast_hash_more(RAST_HASH_START, stem)) % BUCKETS);
}

static void build(void)
{
	uint64_t id = RAST_HASH_START;
	uint16_t n = 0;

	for (size_t row = 0; row < ARRAY_SIZE(table); row++) {
		const char *p = table[row];

		id = rast_hash_more(id, p);
		for (bool first = true; *p; first = false) {
			size_t len = strcspn(p, " ");
			struct entry *e = &entries[n];
			uint32_t b;

			if (n == ARRAY_SIZE(entries) || len >= RAST_TOKEN_MAX)
				abort(); /* the table is a constant: a test sees this at once */
			memcpy(e->stem, p, len);
			memcpy(e->plain, p, len);
			if (first)
				memcpy(names[row], p, len);
			rast_token_stem(e->stem);
			e->concept = (uint16_t)row;
			b = bucket_of(e->stem);
			e->next = buckets[b];
			buckets[b] = ++n;
			p += len;
			p += strspn(p, " ");
		}
	}
	n_entries = n;
	table_id = (uint32_t)rast_hash_done(id);
}

/* Is the distance of a and b exactly one insertion, deletion, replacement or swap of neighbours? */
static bool one_slip(const char *a, size_t n, const char *b, size_t m)
{
	size_t i = 0, j = 0;

	while (i < n && i < m && a[i] == b[i])
		i++;
	while (j < n - i && j < m - i && a[n - 1 - j] == b[m - 1 - j])
		j++;
	if (n == m && n - i - j == 2)
		return a[i] == b[i + 1] && a[i + 1] == b[i];
	return n + m - 2 * (i + j) <= 2 && n - i - j <= 1 && m - i - j <= 1 && n + m != 2 * (i + j);
}

const char *rast_concept_spelling(const char *plain)
{
	size_t n = strlen(plain);
	const char *found = NULL;

	(void)pthread_once(&once, build);
	if (n < 5)
		return NULL;
	for (uint16_t i = 0; i < n_entries; i++) {
		const char *w = entries[i].plain;
		size_t m = strlen(w);

		if (w[0] != plain[0])
			continue;
		if (!strcmp(w, plain))
			return NULL;
		if (!found && m + 1 >= n && n + 1 >= m && m >= 5 && one_slip(plain, n, w, m))
			found = w;
	}
	return found;
}

void rast_concepts(const char *stem, void (*fn)(void *arg, const char *concept), void *arg)
{
	(void)pthread_once(&once, build);
	for (uint16_t i = buckets[bucket_of(stem)]; i; i = entries[i - 1].next)
		if (!strcmp(entries[i - 1].stem, stem))
			fn(arg, names[entries[i - 1].concept]);
}

struct asked {
	const char *concept;
	bool found;
};

static void compare(void *arg, const char *concept)
{
	struct asked *a = arg;

	a->found |= !strcmp(a->concept, concept);
}

bool rast_concept_has(const char *stem, const char *concept)
{
	struct asked a = {.concept = concept};

	rast_concepts(stem, compare, &a);
	return a.found;
}

uint32_t rast_concept_id(void)
{
	(void)pthread_once(&once, build);
	return table_id;
}
