#!/bin/sh
# Prints the Python that the tests use: one of a virtual environment with the third-party packages
# that some tests have as referees, or the system's where PyPI cannot be reached. Tests that need
# what is not there are skipped.
set -eu
cd "$(dirname "$0")/.."
venv=$PWD/.build/python
has() { "$venv/bin/python3" -c 'import standardwebhooks, aiosmtpd' 2>/dev/null; }
if ! has; then
    { python3 -m venv "$venv" && "$venv/bin/python3" -m pip install -q \
        --disable-pip-version-check standardwebhooks aiosmtpd; } >&2 || true
fi
if has; then
    echo "$venv/bin/python3"
else
    echo "outcry: no PyPI or no venv here: tests with Python referees are skipped" >&2
    command -v python3
fi
