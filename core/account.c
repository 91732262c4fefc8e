#include "core/account.h"

#include <sluice/base.h>

uint64_t account_open(const struct account *account)
{
    uint64_t settled = account->deleted + account->returned + account->dead_lettered +
                       account->expired + account->merged + account->abandoned;

    sl_assert(settled <= account->received);
    return account->received - settled;
}
