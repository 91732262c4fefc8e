#include <stdint.h>
#include <string.h>

#include "cli/flags.h"

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Slips of the keyboard between two words: letters missing, added, wrong, or two of them swapped.
 */
static size_t slips(const char *a, const char *b)
{
    enum { WORD_MAX = 40 };
    size_t rows[3][WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);
    if (na > WORD_MAX || nb > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = smallest(row[j - 1] + 1, above[j] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smallest(row[j], second[j - 2] + 1, SIZE_MAX);
        }
    }
    return rows[na % 3][nb];
}

const char *closest(const char *word, const char *const *known)
{
    size_t n = strlen(word);
    size_t least = n <= 3 ? 2 : n <= 8 ? 3 : 4; /* fewer slips than this */
    const char *best = NULL;
    for (const char *const *k = known; *k; k++) {
        size_t distance = slips(word, *k);
        if (distance < least) {
            least = distance;
            best = *k;
        }
    }
    for (const char *const *k = known; !best && n >= 3 && *k; k++)
        if (strncmp(*k, word, n) == 0)
            best = *k;
    return best;
}
