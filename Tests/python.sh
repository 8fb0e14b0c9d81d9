#!/bin/sh
# A virtual environment with the third-party Python packages that some tests use as referees.
# Where PyPI cannot be reached those tests are skipped, with this notice.
set -eu
cd "$(dirname "$0")/.."
venv=.build/python
[ -x "$venv/bin/python3" ] && "$venv/bin/python3" -c 'import standardwebhooks, aiosmtpd' 2>/dev/null && exit 0
python3 -m venv "$venv" 2>/dev/null \
    && "$venv/bin/python3" -m pip install -q --disable-pip-version-check standardwebhooks aiosmtpd \
    || echo "outcry: no PyPI or no venv here: the tests that use Python referees are skipped"
