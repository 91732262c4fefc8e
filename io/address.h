/*
 * address -- socket addresses as text and back, and the one question of safety that is asked of
 * them.
 */
#ifndef IO_ADDRESS_H
#define IO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/slice.h"

/* "[" IPv6 "]:65535" and an end. */
enum { ADDRESS_TEXT_MAX = 64 };

struct address {
    struct sockaddr_storage at;
    socklen_t length;
};

/*
 * Reads where to listen: "127.0.0.1:8080", "[::1]:0", "localhost:80", ":8080" (every address, IPv6
 * and IPv4). Names other than localhost are not looked up: a server listens on an address. NULL, or
 * what is wrong with the text.
 */
const char *address_parse_listen(struct address *out, const char *text);

/* Writes "127.0.0.1:8080" or "[::1]:8080" into `out`. */
void address_text(char out[ADDRESS_TEXT_MAX], const struct sockaddr *address);

/* Writes the address without its port, as RFC 5952 has it. */
void address_host_text(char out[ADDRESS_TEXT_MAX], const struct sockaddr *address);

/* The port of an IPv4 or IPv6 address. */
uint16_t address_port(const struct sockaddr *address);

/* Is the host name a literal address (IPv6 with or without brackets), or localhost: is there
 * nothing to look up? */
bool address_is_literal(const char *host);

/*
 * Does it belong to the metadata and credential services of a cloud, which a name must never lead
 * to: 169.254.0.0/16, fe80::/10, fd00:ec2::/32 (AWS), and the IPv4 ones mapped into IPv6?
 */
bool address_is_link_local(const struct sockaddr *address);

#endif
