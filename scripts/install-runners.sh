#!/usr/bin/env bash
# Installs into .runners/ what single tests need, and what this project does not depend on: a client that needs a later Node.js.
# Without them these tests are skipped, or fail if CI is set.
set -euo pipefail

cd "$(dirname "$0")/.."

packages=(
  @platformatic/kafka@2
)
npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix .runners "${packages[@]}"
