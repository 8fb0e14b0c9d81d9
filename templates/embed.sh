#!/bin/sh
# Writes Sources/Alerting/Delivery/ShippedTemplates.swift from the files in this folder, so that the
# binary carries them. `make templates` calls it; a test compares both byte for byte.
set -eu
cd "$(dirname "$0")"
out=../Sources/Alerting/Delivery/ShippedTemplates.swift
export LC_ALL=C

# A raw string with two number signs: nothing that a template may hold ends it.
if grep -rlE '"""##|\\##' --include='*.mustache' .; then
    echo "embed.sh: these files hold what ends a Swift string (\"\"\"## or \\##)" >&2
    exit 1
fi

{
    cat <<'HEADER'
// Made by templates/embed.sh: do not edit. The templates that the binary carries, so that it needs
// no folder beside it; each is the file of that path below templates/, byte for byte. Long, and one
// thing: a list that only the compiler reads.

/// The files below `templates/`, by path.
let shippedTemplates: [(path: String, text: String)] = [
HEADER
    find . -name '*.mustache' | sed 's|^\./||' | sort | while read -r path; do
        printf '    (\n        "%s",\n        ##"""\n' "$path"
        # An empty line stays empty; the last line break is the one before the closing quotes, so
        # one more is written.
        sed 's/^\(.\)/        \1/' "$path"
        printf '\n        """##\n    ),\n'
    done
    echo ']'
} > "$out.new"
mv "$out.new" "$out"
