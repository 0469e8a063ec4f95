#!/bin/sh
# `make bench`: measures us beside the peers. PEERS names the folder with the peers' programs (prometheus, victoria-metrics).
set -eu
cd "$(dirname "$0")/.."
if [ -z "${PEERS:-}" ]; then
  [ -x ../shared/tools/peers.sh ] || { echo 'set PEERS to a folder with prometheus and victoria-metrics' >&2; exit 2; }
  PEERS=${XDG_CACHE_HOME:-$HOME/.cache}/mangru-peers/usr/bin
  [ -x "$PEERS/prometheus" ] || sh ../shared/tools/peers.sh "${PEERS%/usr/bin}"
fi
cargo build --release
MANGRU="${CARGO_TARGET_DIR:-$PWD/target}/release/mangru" python3 bench/ingest.py --peers "$PEERS" --minutes "${MINUTES:-5}"
