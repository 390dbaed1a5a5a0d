#!/usr/bin/env bash
# Installs into .runners/ what starts, reloads and tests apps, for the tests of docs/recipes.md, and a client for Kafka, which needs
# a later Node.js than this project. Without it these tests are skipped, or fail if CI is set.
set -euo pipefail

cd "$(dirname "$0")/.."

packages=(
  pm2@6
  vitest@3
  jest@30
  @platformatic/kafka@2
)
npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix .runners "${packages[@]}"
