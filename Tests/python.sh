#!/bin/sh
# Prints the Python that the tests use: one of a virtual environment with the third-party packages
# that some tests have as referees, or the system's where PyPI cannot be reached. Tests that need
# what is not there are skipped.
set -eu
cd "$(dirname "$0")/.."
venv=$PWD/.build/python
has() { "$venv/bin/python3" -c "import $1" 2>/dev/null; }
# The judges of what is sent, and the clients that judge the simulated server: each by itself, so
# that one that cannot be had takes no other with it.
for group in "standardwebhooks aiosmtpd" "aiobiketrax pytraccar"; do
    modules=$(echo "$group" | tr ' ' ',')
    has "$modules" && continue
    # shellcheck disable=SC2086 # a list of words
    { [ -x "$venv/bin/python3" ] || python3 -m venv "$venv"; } >&2 \
        && "$venv/bin/python3" -m pip install -q --disable-pip-version-check $group >&2 || true
    has "$modules" || echo "outcry: no PyPI or no venv here: tests with $group are skipped" >&2
done
if [ -x "$venv/bin/python3" ] && has standardwebhooks,aiosmtpd; then
    echo "$venv/bin/python3"
else
    command -v python3
fi
