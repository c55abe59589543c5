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
# kubectl tells how a rollout goes of these kinds alone, and fails for any other, such as a Service.
cat >.deploy <<'END'
kubectl apply --filename "$FILES"
kubectl get --filename "$FILES" --no-headers \
    --output custom-columns=KIND:.kind,IN:.metadata.namespace,NAME:.metadata.name >.applied
while read -r kind namespace name; do
    case $kind in Deployment | StatefulSet | DaemonSet)
        kubectl rollout status "$kind/$name" --namespace "$namespace" --timeout 5m ;;
    esac
done <.applied
END
tidemill record-deployment --accept-only --repo "$CFG" --wave "$wave" --target "$target" \
    --revision "$(git rev-parse HEAD)" --exec 'sh -eu .deploy'
