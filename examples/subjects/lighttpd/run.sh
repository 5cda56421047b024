#!/bin/sh
# Serves ../www on 127.0.0.1:$1 until SIGTERM, and leaves nothing behind.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT

PORT=$1 HERE=$here HOME_FOLDER=$home /usr/sbin/lighttpd -D -f "$here/lighttpd.conf" &
lighttpd=$!
trap 'kill "$lighttpd"; wait "$lighttpd"; exit "$?"' TERM INT
wait "$lighttpd"
