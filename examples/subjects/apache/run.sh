#!/bin/sh
# Serves ../www on 127.0.0.1:$1 until SIGTERM, and leaves nothing behind.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
# Where root starts it, Apache serves as another user, who may not be able to read this folder.
cp -rp "$here/../www" "$here/../echo.sh" "$home"
chmod -R a+rX "$home"

/usr/sbin/apache2 -C "Define HOME_FOLDER $home" -C "Define PORT $1" -f "$here/apache.conf" -D FOREGROUND &
apache=$!
trap 'kill "$apache"; wait "$apache"; exit "$?"' TERM INT
wait "$apache"
