#!/bin/sh
# Makes an environment with what requirements.txt names, once for each machine and each content of that file.
# Two at once wait for each other; one that was killed is made anew. On a runner that outlives its jobs, each
# job makes its own: earlier jobs may have written to the tool cache.
set -eu
cache="${RUNNER_TOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/app"
test "${RUNNER_ENVIRONMENT:-github-hosted}" = github-hosted || cache="$RUNNER_TEMP/app"
place="$cache/$(cksum <requirements.txt | tr ' ' '-')"
mkdir -p "$cache"
(
    flock 9
    if ! test -f "$place/ready"; then
        echo "Preparing $place ..."
        python3 -m venv --clear "$place"
        "$place/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt
        touch "$place/ready"
    fi
) 9>"$place.lock"
if test -n "${GITHUB_PATH:-}"; then
    echo "$place/bin" >>"$GITHUB_PATH"
else
    echo "Put it first in PATH: $place/bin"
fi
