#include "core/digest.h"

#include <openssl/evp.h>

#include <sluice/base.h>

/* Fetched once: looking an algorithm up costs more than a digest of a small text. */
static EVP_MD *algorithm;
static EVP_MD_CTX *context;

void sha256(const struct slice *parts, size_t count, uint8_t out[SHA256_SIZE])
{
    if (!context) {
        algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
        context = EVP_MD_CTX_new();
        sl_assert(algorithm && context);
    }
    sl_assert(EVP_DigestInit_ex2(context, algorithm, NULL) == 1);
    for (size_t i = 0; i < count; i++)
        sl_assert(EVP_DigestUpdate(context, parts[i].p, parts[i].n) == 1);
    sl_assert(EVP_DigestFinal_ex(context, out, NULL) == 1);
}
