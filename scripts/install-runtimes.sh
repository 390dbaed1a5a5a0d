#!/usr/bin/env bash
# Installs Bun and Deno into .runtimes/, for the tests that run a matrix of apps on each runtime. Without one of them, its tests
# are skipped, or fail if CI is set.
set -euo pipefail

cd "$(dirname "$0")/.."

npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix .runtimes bun@1 deno@2
