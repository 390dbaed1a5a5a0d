#!/usr/bin/env bash
# Installs the servers that some tests and the survey talk to; needs root, and apt. What is not there is passed over by
# `npm test`, and told by `npm run survey`.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends rsyslog
