#!/usr/bin/env bash
# Installs, on Debian, Prometheus and promtool, with which the tests check metrics, alert rules and the dashboard. Without them
# these tests are skipped, or fail if CI is set.
set -euo pipefail

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

"${as_root[@]}" apt-get update
# At this runlevel the package starts no server: the tests start their own.
"${as_root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends prometheus
