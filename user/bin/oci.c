// SPDX-License-Identifier: BSD-2-Clause
/* rast-oci: see user/oci. */
#include "oci/oci.h"

int main(int argc, char **argv)
{
	return oci_main(argc, argv);
}
