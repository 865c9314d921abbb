// SPDX-License-Identifier: BSD-2-Clause
/* A frame of `account top`; see account_top.h. */
#include "account/account_top.h"

#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *title, *key;
	char letter;
} sorts[RAST_TOP_MAX] = {
	[RAST_TOP_CPU] = {"cpu", "cpu_percent", 'c'},
	[RAST_TOP_MEM] = {"memory", "mem_bytes", 'm'},
	[RAST_TOP_NET] = {"network", "net_rx_bytes_s", 'n'},
	[RAST_TOP_SYSCALLS] = {"syscalls", "syscalls_s", 's'},
	[RAST_TOP_NAME] = {"name", "name", 'a'},
};

bool rast_top_key(struct rast_top *top, int key)
{
	int i;

	if (key == 'r') {
		top->reverse = !top->reverse;
		return true;
	}
	for (i = 0; i < RAST_TOP_MAX; i++)
		if (key == sorts[i].letter) {
			top->sort = (enum rast_top_sort)i;
			return true;
		}
	return false;
}

static double value(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static double weight(const json_t *row, enum rast_top_sort sort)
{
	if (sort == RAST_TOP_NET)
		return value(row, "net_rx_bytes_s") + value(row, "net_tx_bytes_s");
	return value(row, sorts[sort].key);
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct rast_top *top = arg;
	const json_t *a = *(json_t *const *)x, *b = *(json_t *const *)y;
	int order = strcmp(rast_json_str(a, "name"), rast_json_str(b, "name"));

	if (top->sort != RAST_TOP_NAME && weight(a, top->sort) != weight(b, top->sort))
		order = weight(a, top->sort) < weight(b, top->sort) ? 1 : -1;
	return top->reverse ? -order : order;
}

json_t *rast_top_sorted(const struct rast_top *top, const json_t *rows)
{
	size_t n = json_array_size(rows), i;
	_cleanup_free_ json_t **list = calloc(n ? n : 1, sizeof(*list));
	json_t *ret = json_array();

	if (!list)
		return ret;
	for (i = 0; i < n; i++)
		list[i] = json_array_get(rows, i);
	qsort_r(list, n, sizeof(list[0]), compare, (void *)top);
	for (i = 0; i < n; i++)
		(void)json_array_append(ret, list[i]);
	return ret;
}

/* Name column, then figures of 9 columns each; what does not fit the width is left out. */
#define NAME_WIDTH 30
#define CELL_WIDTH 9

static const char *const titles[] = {"CPU%",   "MEM",    "PEAK", "TASKS", "RX/s", "TX/s",
				     "CALL/s", "EXEC/s", "CPU",  "RX",    "TX",   "ERRORS"};

static void cell(const json_t *row, size_t column, char *buf, size_t size)
{
	static const char *const keys[] = {"cpu_percent",  "mem_bytes",      "mem_peak_bytes",
					   "tasks",        "net_rx_bytes_s", "net_tx_bytes_s",
					   "syscalls_s",   "execs_s",        "cpu_ns",
					   "net_rx_bytes", "net_tx_bytes",   "syscall_errors"};
	const json_t *v = json_object_get(row, keys[column]);

	if (!v) {
		(void)snprintf(buf, size, "-");
		return;
	}
	switch (column) {
	case 0:
		(void)snprintf(buf, size, "%.1f", json_number_value(v));
		break;
	case 1:
	case 2:
	case 4:
	case 5:
	case 9:
	case 10:
		(void)rast_text_bytes((uint64_t)json_integer_value(v), buf, size);
		break;
	case 8:
		(void)rast_text_ns((uint64_t)json_integer_value(v), buf, size);
		break;
	default:
		(void)rast_text_count((uint64_t)json_integer_value(v), buf, size);
	}
}

static size_t columns_that_fit(const struct rast_top *top)
{
	size_t n = ARRAY_SIZE(titles), room;

	if (!top->columns)
		return n;
	room = top->columns > NAME_WIDTH ? (size_t)(top->columns - NAME_WIDTH) / CELL_WIDTH : 0;
	return room < n ? room : n;
}

static void print_name(FILE *f, const char *name, int width)
{
	char clean[256];
	int n = (int)strlen(rast_text_clean(name, false, clean, sizeof(clean)));

	/* The end of a long name says more than its start. */
	if (n > width)
		(void)fprintf(f, "~%s", clean + n - width + 1);
	else
		(void)fprintf(f, "%-*s", width, clean);
}

static void head(FILE *f, const struct rast_top *top, size_t containers, const char *clock)
{
	char line[160];
	int n = snprintf(line, sizeof(line),
			 "rastOS %s  %zu container%s  by %s%s   q quit, c m n s a order, r reverse",
			 clock, containers, containers == 1 ? "" : "s", sorts[top->sort].title,
			 top->reverse ? ", reversed" : "");

	if (top->columns && n > top->columns)
		line[top->columns] = '\0';
	(void)fprintf(f, "%s%s%s\n", top->style ? "\033[1m" : "", line,
		      top->style ? "\033[0m" : "");
}

char *rast_top_frame(const struct rast_top *top, const json_t *rows, const char *clock)
{
	_cleanup_json_ json_t *sorted = rast_top_sorted(top, rows);
	size_t fit = columns_that_fit(top), n = json_array_size(rows), i, j;
	int name_width = top->columns && top->columns < NAME_WIDTH ? top->columns : NAME_WIDTH;
	char *text = NULL, buf[64];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	head(f, top, n, clock);
	(void)fprintf(f, "%s%-*.*s", top->style ? "\033[7m" : "", name_width, name_width,
		      "CONTAINER");
	for (j = 0; j < fit; j++)
		(void)fprintf(f, "%*s", CELL_WIDTH, titles[j]);
	(void)fprintf(f, "%s\n", top->style ? "\033[0m" : "");
	/* Two lines of head; one more says how many there was no room for. */
	for (i = 0; i < n; i++) {
		const json_t *row = json_array_get(sorted, i);

		if (top->lines && (int)i + 3 >= top->lines && i + 1 < n) {
			(void)fprintf(f, "… %zu more\n", n - i);
			break;
		}
		print_name(f, rast_json_str(row, "name"), name_width);
		for (j = 0; j < fit; j++) {
			cell(row, j, buf, sizeof(buf));
			(void)fprintf(f, "%*s", CELL_WIDTH, buf);
		}
		(void)fputc('\n', f);
	}
	(void)fclose(f);
	return text;
}
