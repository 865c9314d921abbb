// SPDX-License-Identifier: BSD-2-Clause
/* JSON → a YAML document for people, by libyaml's emitter; see yaml.h. */
#include "base/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* Would it come back as something else than a string, or not at all, without quotes? */
static bool needs_quotes(const char *s)
{
	struct rast_yaml_node n = {.type = RAST_YAML_SCALAR, .value = s};

	return !*s || !strcmp(s, "~") || !strcasecmp(s, "null") || !rast_yaml_is_string(&n);
}

static bool put_scalar(yaml_emitter_t *e, const char *text, bool quoted)
{
	yaml_event_t ev;

	return yaml_scalar_event_initialize(
		       &ev, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), !quoted,
		       quoted, quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE) &&
	       yaml_emitter_emit(e, &ev);
}

static bool put_string(yaml_emitter_t *e, const char *s)
{
	bool quoted = needs_quotes(s);
	yaml_event_t ev;

	if (quoted)
		return put_scalar(e, s, true);
	/* Either style will do: the emitter takes quotes where the characters want them. */
	return yaml_scalar_event_initialize(&ev, NULL, NULL, (const yaml_char_t *)s, (int)strlen(s),
					    1, 1, YAML_ANY_SCALAR_STYLE) &&
	       yaml_emitter_emit(e, &ev);
}

/* Short lists of plain values fit a line. */
static bool is_flat(const json_t *list)
{
	json_t *v;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, v)
		if (json_is_object(v) || json_is_array(v))
			return false;
	return json_array_size(list) <= 8;
}

static bool put(yaml_emitter_t *e, const json_t *v)
{
	const char *key;
	yaml_event_t ev;
	char number[32];
	json_t *child;
	size_t i;

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		if (!yaml_mapping_start_event_initialize(&ev, NULL, NULL, 1,
							 json_object_size(v)
								 ? YAML_BLOCK_MAPPING_STYLE
								 : YAML_FLOW_MAPPING_STYLE) ||
		    !yaml_emitter_emit(e, &ev))
			return false;
		json_object_foreach((json_t *)(uintptr_t)v, key, child)
			if (!put_string(e, key) || !put(e, child))
				return false;
		return yaml_mapping_end_event_initialize(&ev) && yaml_emitter_emit(e, &ev);
	case JSON_ARRAY:
		if (!yaml_sequence_start_event_initialize(&ev, NULL, NULL, 1,
							  is_flat(v) ? YAML_FLOW_SEQUENCE_STYLE
								     : YAML_BLOCK_SEQUENCE_STYLE) ||
		    !yaml_emitter_emit(e, &ev))
			return false;
		json_array_foreach((json_t *)(uintptr_t)v, i, child)
			if (!put(e, child))
				return false;
		return yaml_sequence_end_event_initialize(&ev) && yaml_emitter_emit(e, &ev);
	case JSON_STRING:
		return put_string(e, json_string_value(v));
	case JSON_INTEGER:
		(void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
		return put_scalar(e, number, false);
	case JSON_REAL:
		(void)snprintf(number, sizeof(number), "%.17g", json_real_value(v));
		return put_scalar(e, number, false);
	case JSON_NULL:
		return put_scalar(e, "null", false);
	default:
		return put_scalar(e, json_is_true(v) ? "true" : "false", false);
	}
}

int rast_yaml_write(const json_t *doc, FILE *out)
{
	yaml_emitter_t e;
	yaml_event_t ev;
	bool ok;

	if (!yaml_emitter_initialize(&e))
		return -ENOMEM;
	yaml_emitter_set_output_file(&e, out);
	yaml_emitter_set_unicode(&e, 1);
	yaml_emitter_set_width(&e, 100);
	ok = yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING) &&
	     yaml_emitter_emit(&e, &ev) &&
	     yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 0) &&
	     yaml_emitter_emit(&e, &ev) && put(&e, doc) &&
	     yaml_document_end_event_initialize(&ev, 1) && yaml_emitter_emit(&e, &ev) &&
	     yaml_stream_end_event_initialize(&ev) && yaml_emitter_emit(&e, &ev) &&
	     yaml_emitter_flush(&e);
	yaml_emitter_delete(&e);
	return ok ? 0 : -EIO;
}
