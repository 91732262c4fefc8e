/* versions -- of the libraries that HTTP stands on, for people. */
#ifndef IO_VERSIONS_H
#define IO_VERSIONS_H

#include "core/strbuf.h"

/* Appends "libcurl 7.88.1, OpenSSL 3.0.15, libmicrohttpd 0.9.75": what is linked, not what was compiled against. */
void io_versions(struct strbuf *out);

#endif
