#!/bin/sh
# Deploys one target with kubectl, for clusters without a controller, and reports how that went.
# Arguments: the wave and the target. CFG is the URL of cfg-app.git.
set -eu
wave=$1 target=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git clone --quiet --depth 1 --branch main "$CFG" "$folder"
cd "$folder"
export FILES="generated/$wave/$target"
tidemill record-deployment --accept-only --repo "$CFG" --wave "$wave" --target "$target" \
    --revision "$(git rev-parse HEAD)" \
    --exec 'kubectl apply --filename "$FILES" && kubectl rollout status --filename "$FILES" --timeout 5m'
