#include "io/versions.h"

#include <curl/curl.h>
#include <microhttpd.h>

void io_versions(struct strbuf *out)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    const char *tls = curl->ssl_version ? curl->ssl_version : "no TLS";
    size_t name = strcspn(tls, "/"); /* "OpenSSL/3.0.15" */

    strbuf_addf(out, "libcurl %s, %.*s%s%s, libmicrohttpd %s", curl->version, (int)name, tls,
                tls[name] ? " " : "", tls[name] ? tls + name + 1 : "", MHD_get_version());
}
