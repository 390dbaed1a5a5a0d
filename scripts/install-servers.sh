#!/usr/bin/env bash
# Installs, on Debian, the real servers to which integration tests and the survey log, and a compiler for one of them. Without one
# of them, its tests are skipped, or fail if CI is set.
set -euo pipefail

servers=(
  clickhouse-server
  gcc
  kcat
  libc6-dev
  librdkafka-dev
  nats-server
  nginx-light
  rsyslog
  rsyslog-elasticsearch
  tinyproxy
)

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

"${as_root[@]}" apt-get update
# At this runlevel the packages start no server: the tests start their own.
"${as_root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${servers[@]}"
