#!/bin/bash
# compare.sh [DIR] -- runs each example of DIR (build/dev) and the same program in Go, and compares what they print.
# Where the order is nobody's promise the lines are sorted; workers' numbers and UUIDs are masked.
set -euo pipefail
cd "$(dirname "$0")/../.."
built=$(cd "${1:-build/dev}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

if command -v go >/dev/null; then
    (cd examples/go && GOFLAGS=-mod=mod go build -o "$work/go/" ./...)
elif [ "${CI:-}" = true ]; then
    echo "go is not there, and CI skips nothing" >&2
    exit 1
else
    echo "SKIPPED the comparison with the Go originals: go is not there" >&2
fi

mask()
{
    sed -E 's/^worker [0-9]+: batch [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12},/worker: batch,/' | LC_ALL=C sort
}

# verdict NAME FILE WANTED
verdict()
{
    if diff -u --label expected --label "$1" "$3" "$2"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
}

# compare NAME GO-NAME ARGUMENT...: same exit status, same lines.
compare()
{
    local name=$1 twin=$2 status=0
    shift 2
    timeout 60 "$built/example_$name" "$@" >"$work/$name" 2>&1 || status=$?
    { mask <"$work/$name"; echo "exit $status"; } >"$work/ours"
    [ -x "$work/go/$twin" ] || return 0
    status=0
    timeout 60 "$work/go/$twin" "$@" >"$work/$twin" 2>&1 || status=$?
    { mask <"$work/$twin"; echo "exit $status"; } >"$work/theirs"
    verdict "$name $*" "$work/ours" "$work/theirs"
}

# terminate NAME PROGRAM: SIGTERM once the first batch was delivered; the last lines, without the batches.
terminate()
{
    local line status=0
    exec 3< <(exec "$2" 0 1 1 60000)
    local pid=$!
    while read -r line <&3; do
        case $line in worker*) kill -TERM "$pid" 2>/dev/null || true; break ;; esac
    done
    { grep -v '^worker' <&3 || true; } >"$1"
    exec 3<&-
    wait "$pid" || status=$?
    echo "exit $status" >>"$1"
}

# hello: what README shows.
"$built/example_hello" >"$work/hello"
printf '%s\n' 1 4 9 16 25 >"$work/wanted"
verdict hello "$work/hello" "$work/wanted"

compare squares squares
compare merge merge
compare stop_short stop_short
compare cancel cancel

# A tree with empty, small, large, deep and strangely named files; and one that cannot be read at all.
tree=$work/tree
mkdir -p "$tree/a/b/c" "$tree/empty"
for n in $(seq 1 120); do printf '%s\n' "$n" >"$tree/a/$n"; done
: >"$tree/a/b/nothing"
head -c 3000000 /dev/zero >"$tree/a/b/c/large"
printf 'x' >"$tree/a/b/a name with spaces, ü"
ln -s nowhere "$tree/a/link"
compare digest_tree digest_tree "$tree"
md5_of_all=$("$built/example_digest_tree" "$tree")
(cd / && find "$tree" -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$work/wanted"
verdict "digest_tree beside md5sum" <(echo "$md5_of_all") "$work/wanted"
if "$built/example_digest_tree" "$tree/not there" 2>"$work/said"; then echo "exit 0" >>"$work/said"; fi
echo "digest_tree: No such file or directory" >"$work/wanted"
verdict "digest_tree of nothing" "$work/said" "$work/wanted"

# The demonstration: ten full batches and one of 37; the end by time; the end by patience.
compare perseus_in_c perseus 1037 0 1
compare perseus_in_c perseus 250 0 1 60000
compare perseus_in_c perseus 100 0 60000 100 200
terminate "$work/ours" "$built/example_perseus_in_c"
if [ -x "$work/go/perseus" ]; then
    terminate "$work/theirs" "$work/go/perseus"
    sort -o "$work/ours" "$work/ours"
    sort -o "$work/theirs" "$work/theirs"
    verdict "perseus_in_c, SIGTERM" "$work/ours" "$work/theirs"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
