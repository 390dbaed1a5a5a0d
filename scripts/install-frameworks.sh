#!/usr/bin/env bash
# Installs web frameworks and winston into .frameworks/, for the tests that follow docs/frameworks.md and docs/migration.md.
# Without them these tests are skipped, or fail if CI is set.
set -euo pipefail

cd "$(dirname "$0")/.."

packages=(
  express@5.3.0
  @hono/node-server@2.1.9 hono@4.13.19
  @nestjs/common@12.5.1 @nestjs/core@12.5.1 @nestjs/platform-express@12.5.1 nestjs-pino@5.2.1 reflect-metadata@0.2 rxjs@7
  next@16.4.6 react@19 react-dom@19
  winston@3.19.0 pino-pretty@13 pino-roll@4.0.0
  pino@10 pino-http@11 real-require@1 split2@4 thread-stream@4
  typescript@5.9 @types/node@20 @types/react@19
)
npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix .frameworks "${packages[@]}"
