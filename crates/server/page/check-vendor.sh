#!/usr/bin/env bash
# Compares page/vendor with the npm package it comes from, as page/package-lock.json pins it.
#   check-vendor.sh            exits 1 where a file differs
#   check-vendor.sh --update   copies the package's files over ours
set -euo pipefail
page=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$page/package.json" "$page/package-lock.json" "$work"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --silent
package=$work/node_modules/socket.io-client

status=0
while read -r theirs ours; do
  if [ "${1:-}" = --update ]; then
    cp "$package/$theirs" "$page/vendor/$ours"
  elif ! cmp "$package/$theirs" "$page/vendor/$ours"; then
    status=1
  fi
done <<'FILES'
dist/socket.io.min.js socket.io.min.js
LICENSE socket.io.LICENSE
FILES

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$package/package.json")
if [ $status -eq 0 ]; then
  echo "page/vendor is socket.io-client $version"
else
  echo "page/vendor differs from socket.io-client $version: run $0 --update" >&2
fi
exit $status
