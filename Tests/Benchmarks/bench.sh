#!/bin/sh
# What `make bench` runs after the build: every figure, a line each, and .build/bench.json.
# Arguments go to the tool: sh Tests/Benchmarks/bench.sh --only c,d --scale 0.1
set -eu
cd "$(dirname "$0")/../.."
exec .build/release/outcry-bench all --outcry .build/release/outcry "$@"
