#!/usr/bin/env bash
# Installs, on Debian, the Chromium in which tests look at the monitor's page. Without it these tests are skipped, or fail if
# CI is set. It also installs fonts, without which a browser on a server shows no text, and what makes pictures small.
set -euo pipefail

packages=(
  chromium
  fonts-dejavu-core
  fonts-inter
  pngquant
)

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
