#!/usr/bin/env bash
# Installs what starts, reloads and tests apps into .runners/, for the tests of docs/recipes.md. Without it these tests are skipped,
# or fail if CI is set.
set -euo pipefail

cd "$(dirname "$0")/.."

packages=(
  pm2@6
  vitest@3
  jest@30
)
npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix .runners "${packages[@]}"
