#!/bin/sh
# An example of a hook: appends one line for each notification to the file that is its argument.
# Everything about the event is in the environment (OUTCRY_…) and, as JSON, on stdin; never in the
# arguments. Exit 0: delivered. 75: try again later. Anything else: refused, not tried again.
set -eu
printf '%s %s %s\n' "${OUTCRY_TIME:--}" "$OUTCRY_SEVERITY" "$OUTCRY_SUBJECT" >>"$1" || exit 75
