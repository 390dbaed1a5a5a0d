#!/usr/bin/env bash
# Installs bundlers, with pino's plugins for them, into .bundlers/, for the tests that bundle an app. Without them these tests
# are skipped, or fail if CI is set.
set -euo pipefail

cd "$(dirname "$0")/.."

# esbuild-plugin-pino and pino-webpack-plugin do not work with later versions of esbuild and webpack.
packages=(
  esbuild@0.25.8 esbuild-plugin-pino@2.3.3
  webpack@5.99.9 pino-webpack-plugin@2.0.0
  rollup@4 @rollup/plugin-commonjs@29 @rollup/plugin-json@6 @rollup/plugin-node-resolve@16
  vite@7
  @vercel/ncc@0.45.0
  next@15.5.29 react@19 react-dom@19
  pino@10 pino-pretty@13 real-require@1 split2@4 thread-stream@4
)
npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix .bundlers "${packages[@]}"
