/* SPDX-License-Identifier: MIT */
/* What the examples in peal/port.h take for granted. */
#include <peal/port.h>

static struct peal_port *port;
static struct peal_port_client *client;
static struct peal_request *request;
static const char *question;
static char answer[64];
static size_t size;
static ssize_t n;
