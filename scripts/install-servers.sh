#!/usr/bin/env bash
# Installs the real servers that integration tests and the survey log to, on Debian. Where one is missing its tests are
# skipped, but they fail if CI is set.
set -euo pipefail

servers=(
  clickhouse-server
  nginx-light
  rsyslog
)

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

"${as_root[@]}" apt-get update
# With that runlevel nothing is started: the tests start their own.
"${as_root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${servers[@]}"
