/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which names Kubernetes allows (k8s.io/apimachinery/pkg/util/validation). Each returns NULL for a
 * good one, else what is wrong with it, to be put behind the name.
 */
#ifndef RAST_POLICY_NAMES_H
#define RAST_POLICY_NAMES_H

const char *rast_name_dns_label(const char *s);
const char *rast_name_dns_subdomain(const char *s);
const char *rast_name_label_key(const char *s);
const char *rast_name_label_value(const char *s);
const char *rast_name_port(const char *s);

#endif
