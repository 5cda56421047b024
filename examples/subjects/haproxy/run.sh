#!/bin/sh
# HAProxy on 127.0.0.1:$1, and our reference behind it on 127.0.0.1:$2, until SIGUSR1, which asks HAProxy to stop softly.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# The signal goes to all of us, but is meant for HAProxy, which handles it: what is behind it must be there until it has ended.
trap '' USR1
"$here/../../../target/release/reference" --listen "127.0.0.1:$2" --ws-compression &
reference=$!
trap 'kill -s KILL "$reference"' EXIT

PORT=$1 BEHIND=$2 haproxy -db -q -f "$here/haproxy.cfg" &
wait "$!"
