#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# curl.sh PHOTO [URL]: classifies a photo. Any image type will do, and none.
set -euo pipefail
photo="$1" url="${2:-http://localhost:8080}"

# --retry comes back after the time that the server's Retry-After names, for 503 among others.
curl --silent --show-error --fail-with-body --retry 3 --max-time 30 \
  --data-binary "@$photo" "$url/classify?top=5"
