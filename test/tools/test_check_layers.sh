#!/bin/sh
# tools/check-layers finds planted includes that point upward, sideways or past the root, and lets good ones be.
set -eu
check=$(cd "$(dirname "$0")/../.." && pwd)/tools/check-layers
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# plant FILE LINE EXPECTED: EXPECTED is a part of the complaint, or nothing for a line that is right.
plant()
{
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/$(dirname "$1")"
    printf '%s\n' "$2" >"$tree/$1"
    if said=$("$check" "$tree" 2>&1); then status=0; else status=1; fi
    case $3/$status in
    /0) return ;;
    ?*/1) case $said in *"$1:1: "*"$3"*) return ;; esac ;;
    esac
    echo "$1 with '$2': status $status, said '$said'"
    failed=1
}

plant core/json.c '#include "core/json.h"' ''
plant core/json.c '#include <sluice/base.h>' ''
plant core/json.c '#include <openssl/evp.h>' ''
plant cli/main.c '#include "pipeline/pipeline.h"' ''
plant core/json.c '#include "io/http.h"' 'core must not know io'
plant core/json.c '  #  include "ops/log.h"' 'core must not know ops'
plant core/json.c '#include "json.h"' 'from the root'
plant lib/chan.c '#include "core/slice.h"' 'lib must not know core'
plant lib/chan.c '#include "lib/uv/driver.h"' 'lib must not know lib/uv'
plant lib/uv/driver.c '#include <uv.h>' ''
plant io/http.c '#include <uv.h>' 'belongs to lib/uv'
plant source/sqs.c '#include "sink/sink.h"' 'source must not know sink'
plant sink/http.c '#include "pipeline/pipeline.h"' 'sink must not know pipeline'
plant examples/hello.c '#include "lib/driver.h"' 'examples must not know lib'
plant include/sluice/chan.h '#include "lib/sched.h"' 'must not know lib'
plant core/deep/json.c '#include <string.h>' 'no layer'

exit $failed
