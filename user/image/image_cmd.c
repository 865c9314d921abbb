// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf image: argv to user/image/ and its answers to the screen. */
#include "cli/cli.h"
#include "image/image.h"
#include "image/image_cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_MAX 16

static void progress(void *arg, const char *text)
{
	const struct rast_cli *cli = arg;

	if (!cli->json)
		fprintf(stderr, "%s\n", text);
}

static const struct rast_opt build_opts[] = {
	{"file", 'f', "FILE", "image manifests (YAML); - for standard input"},
	{"include", 'I', "DIR", "look for sources of files here, too; may be repeated"},
	{0},
};

/* All are checked before the first is built. */
static int parse_all(struct rast_cli *cli, const struct rast_yaml *y, const char *const *search,
		     size_t n_search, struct rast_image_spec **specs)
{
	for (size_t i = 0; i < rast_yaml_count(y); i++) {
		int r = rast_image_spec_parse(rast_yaml_root(y, i), search, n_search, &specs[i],
					      &cli->err);

		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(specs[k]->name, specs[i]->name))
				return rast_yaml_err(rast_yaml_root(y, i), &cli->err,
						     "a second image named %s", specs[i]->name);
	}
	return 0;
}

static const struct rast_col build_cols[] = {
	{"name", "IMAGE", RAST_COL_TEXT},          {"built", "BUILT", RAST_COL_BOOL},
	{"packages", "PACKAGES", RAST_COL_NUM},    {"size_bytes", "SIZE", RAST_COL_BYTES},
	{"digest_short", "DIGEST", RAST_COL_TEXT}, {0},
};

/* Long digests are for machines. */
static void shorten(json_t *row)
{
	(void)json_object_set_new(row, "digest_short",
				  json_sprintf("%.12s", rast_json_str(row, "digest")));
}

static int do_build(struct rast_cli *cli, const struct rast_args *args)
{
	const struct rast_image_progress report = {progress, cli};
	const char *file = rast_args_get(args, "file"), *search[SEARCH_MAX];
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	_cleanup_json_ json_t *rows = json_array();
	struct rast_image_spec **specs;
	size_t n_search = 0, n;
	int r;

	if (!file)
		return rast_cli_usage(cli, "image build needs -f FILE");
	while (n_search < SEARCH_MAX &&
	       (search[n_search] = rast_args_get_nth(args, "include", (int)n_search)))
		n_search++;
	r = rast_cli_need_root(cli);
	if (!r)
		r = rast_yaml_load(file, &y, &cli->err);
	if (r < 0)
		return r;
	n = rast_yaml_count(y);
	if (!n)
		return rast_err_at(&cli->err, EINVAL, file, 0, 0, NULL, "holds no document");
	specs = calloc(n, sizeof(*specs));
	if (!specs || !rows) {
		free(specs);
		return rast_err_set(&cli->err, ENOMEM, "out of memory");
	}
	r = parse_all(cli, y, search, n_search, specs);
	for (size_t i = 0; !r && i < n; i++) {
		json_t *row = NULL;

		r = rast_image_build(&cli->in, specs[i], &report, &row, &cli->err);
		if (!r) {
			shorten(row);
			(void)json_array_append_new(rows, row);
		}
	}
	for (size_t i = 0; i < n; i++)
		rast_image_spec_destroy(specs[i]);
	free(specs);
	return r < 0 ? r : rast_cli_table(cli, TAKE_PTR(rows), build_cols);
}

static int do_show(struct rast_cli *cli, const struct rast_args *args)
{
	static const struct rast_col cols[] = {
		{"name", "IMAGE", RAST_COL_TEXT},
		{"packages", "PACKAGES", RAST_COL_NUM},
		{"size_bytes", "SIZE", RAST_COL_BYTES},
		{"user", "USER", RAST_COL_TEXT},
		{"built", "BUILT", RAST_COL_TEXT},
		{"digest_short", "DIGEST", RAST_COL_TEXT},
		{0},
	};
	_cleanup_json_ json_t *images = NULL;
	json_t *rows = json_array(), *image;
	size_t i;
	int r;

	r = rast_image_list(&cli->in, &images, &cli->err);
	if (r < 0) {
		json_decref(rows);
		return r;
	}
	json_array_foreach(images, i, image) {
		json_t *config = json_object_get(image, "config");
		json_t *row = json_pack(
			"{s:s,s:I,s:I,s:s,s:s,s:s}", "name", rast_json_str(image, "name"),
			"packages", (json_int_t)json_array_size(json_object_get(image, "packages")),
			"size_bytes", (json_int_t)rast_json_int(image, "size_bytes"), "user",
			rast_json_str(config, "user"), "built", rast_json_str(image, "built"),
			"digest", rast_json_str(image, "digest"));

		shorten(row);
		(void)json_array_append_new(rows, row);
	}
	return rast_cli_table(cli, rows, cols);
}

static int do_inspect(struct rast_cli *cli, const struct rast_args *args)
{
	json_t *image = NULL, *packages, *names = json_array();
	const json_t *p;
	size_t i;
	int r;

	r = rast_image_get(&cli->in, args->argv[0], &image, &cli->err);
	if (r < 0) {
		json_decref(names);
		return r;
	}
	(void)json_object_del(image, "spec_digest");
	(void)json_object_del(image, "lists");
	if (cli->json) {
		json_decref(names);
		return rast_cli_record(cli, image, NULL);
	}
	packages = json_object_get(image, "packages");
	json_array_foreach(packages, i, p)
		(void)json_array_append_new(names, json_sprintf("%s %s", rast_json_str(p, "name"),
								rast_json_str(p, "version")));
	(void)json_object_set_new(image, "packages", names);
	return rast_cli_record(cli, image, NULL);
}

static int do_rm(struct rast_cli *cli, const struct rast_args *args)
{
	int r = rast_cli_need_root(cli);

	for (int i = 0; !r && i < args->argc; i++)
		r = rast_image_remove(&cli->in, args->argv[i], &cli->err);
	return r;
}

static const struct rast_verb verbs[] = {
	{"build", NULL, "-f FILE [-I DIR]", "make root file systems from Debian packages",
	 build_opts, 0, 0, do_build},
	{"show", "list", "", "the images that are there", NULL, 0, 0, do_show},
	{"inspect", NULL, "NAME", "packages, versions and defaults of an image", NULL, 1, 1,
	 do_inspect},
	{"rm", NULL, "NAME...", "remove images that no process uses", NULL, 1, -1, do_rm},
	{0},
};

const struct rast_object rast_object_image = {
	"image", "root file systems for containers", verbs,
	"An image is described by YAML (apiVersion rast.os/v1, kind Image) and made from packages\n"
	"that apt fetches and verifies. Maintainer scripts are not run. See rastbpf-image(8).\n"};
