#!/bin/sh
# Installs the Debian or Ubuntu packages that the build and the tests need and that are missing.
# Asks sudo where it is not run by root; says what is missing where there is no apt.
set -eu

command -v swift >/dev/null || {
    echo "outcry: Swift 6.2 or later is needed: https://www.swift.org/install/linux" >&2
    exit 1
}

wanted="libcurl4-openssl-dev libsqlite3-dev libsimdjson-dev pkg-config python3 openssl curl tzdata"
missing=""
for package in $wanted; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
    *"ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || {
    echo "outcry: please install what your system calls:$missing" >&2
    exit 1
}
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
echo "outcry: installing$missing"
$sudo apt-get update -q
# shellcheck disable=SC2086 # a list of names
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends $missing
