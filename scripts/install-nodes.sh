#!/usr/bin/env bash
# Installs further versions of Node.js into .nodes/, for tests of behaviour that differs between them. Without one of them,
# its tests are skipped, or fail if CI is set.
set -euo pipefail

cd "$(dirname "$0")/.."

for version in 22 24 26; do
  npm install --silent --no-save --no-package-lock --prefix ".nodes/$version" "node@$version"
  ".nodes/$version/node_modules/node/bin/node" --version
done
