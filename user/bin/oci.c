// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci: see user/oci. */
#include "oci/oci.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int r = oci_main(argc, argv);

#ifndef __SANITIZE_ADDRESS__
	/* Nobody has an exit handler here, and their code lies far from all that runs. */
	(void)fflush(stdout);
	_exit(r);
#endif
	return r;
}
