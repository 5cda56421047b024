#!/bin/sh
# The route echo of the subject contract as a CGI script (RFC 3875).
printf 'Content-Type: application/octet-stream\n\n'
exec cat
