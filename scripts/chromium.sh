#!/bin/sh
# Makes sure that a Chromium is there for the browser tests: CHROME names one, or PATH has one, or Debian's is installed.
set -eu
[ -n "${CHROME:-}" ] && [ -x "$CHROME" ] && exit 0
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  exit 0
fi
echo 'no Chromium found: install one (Debian: apt-get install chromium) or set CHROME=/path/to/it' >&2
exit 1
