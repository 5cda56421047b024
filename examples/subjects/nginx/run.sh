#!/bin/sh
# Serves ../www on 127.0.0.1:$1 until SIGTERM, and leaves nothing behind.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
sed "s|@PORT@|$1|; s|@HERE@|$here|; s|@HOME@|$home|" "$here/nginx.conf" >"$home/nginx.conf"

# As root nginx would hand its workers to a user who may not be able to read this folder.
nginx -p "$home" -c "$home/nginx.conf" -g "daemon off; user $(id -un) $(id -gn);" &
nginx=$!
trap 'kill "$nginx"; wait "$nginx"; exit "$?"' TERM INT
wait "$nginx"
