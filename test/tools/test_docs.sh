#!/bin/sh
# What the documents show is what is there: README's program is examples/hello.c, the tour's four lines are
# pipeline.c's, and every file that a document names exists.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' >"$work/hello.c"
diff -u examples/hello.c "$work/hello.c" || failed=1

sed -n '/^```c$/,/^```$/p' docs/tour.md | sed '1d;$d' | while IFS= read -r line; do
    grep -qF -- "$line" pipeline/pipeline.c || {
        echo "docs/tour.md: not in pipeline.c: $line"
        exit 1
    }
done || failed=1

for document in README.md HACKING.md docs/*.md; do
    {
        grep -oE '\]\([^)#:]+\)' "$document" | sed 's/^](//; s/)$//' | while read -r link; do
            [ -e "$(dirname "$document")/$link" ] || echo "$document: no $link"
        done
        grep -oE '`[a-z0-9_/-]+/[a-z0-9_]+\.[ch]`' "$document" | tr -d '`' | while read -r file; do
            [ -e "$file" ] || [ -e "include/$file" ] || echo "$document: no $file"
        done
    } >"$work/missing"
    [ ! -s "$work/missing" ] || { cat "$work/missing"; failed=1; }
done
exit $failed
