#!/bin/sh
# An example of a hook: appends one line for each notification to the file that is its argument.
# Everything about the event is in the environment (OUTCRY_…) and, as JSON, on stdin; never in the
# arguments. Exit 0: delivered. 75: try again later. Anything else: refused, not tried again.
set -eu
time=${OUTCRY_TIME:--}
[ -z "${OUTCRY_CLOCK_WRONG:-}" ] || time=- # its own time cannot be: the tracker's clock is wrong
printf '%s %s %s\n' "$time" "$OUTCRY_SEVERITY" "$OUTCRY_SUBJECT" >>"$1" || exit 75
