// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci completion: a bash completion written from the tables that parse, so that it cannot lag behind. */
#include "oci/completion.h"

#include <stdio.h>

static void words(const struct oci_opt *opts)
{
	for (; opts->name; opts++)
		(void)printf(" --%s", opts->name);
}

int oci_completion(const struct oci_opt *globals, const struct oci_command *const *commands,
		   size_t n)
{
	size_t i;

	(void)printf("# bash completion for rast-oci, made by `rast-oci completion`\n"
		     "_rast_oci() {\n"
		     "	local cur=${COMP_WORDS[COMP_CWORD]} command= i opts\n"
		     "	for ((i = 1; i < COMP_CWORD; i++)); do\n"
		     "		case ${COMP_WORDS[i]} in\n"
		     "		-*) ;;\n"
		     "		");
	for (i = 0; i < n; i++)
		(void)printf("%s%s", i ? "|" : "", commands[i]->name);
	(void)printf(") command=${COMP_WORDS[i]}; break ;;\n"
		     "		esac\n"
		     "	done\n"
		     "	case $command in\n"
		     "	'') opts='");
	for (i = 0; i < n; i++)
		(void)printf("%s%s", i ? " " : "", commands[i]->name);
	words(globals);
	(void)printf("' ;;\n");
	for (i = 0; i < n; i++) {
		(void)printf("	%s) opts='", commands[i]->name);
		words(commands[i]->opts);
		(void)printf("' ;;\n");
	}
	/* Not an option: an id, of those that there are. */
	(void)printf("	esac\n"
		     "	[[ -z $command || $cur == -* ]] || opts=$(rast-oci list -q 2>/dev/null)\n"
		     "	mapfile -t COMPREPLY < <(compgen -W \"$opts\" -- \"$cur\")\n"
		     "}\n"
		     "complete -o default -F _rast_oci rast-oci\n");
	return OCI_EXIT_OK;
}
