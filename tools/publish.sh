#!/bin/sh
# Makes GitHub's release of a tag, and moves the tag of its major version: sh tools/publish.sh v1.2.3
#
# What release.yml runs, with the wheels in dist/. The notes are the release's part of CHANGELOG.md.
set -eu
cd "$(dirname "$0")/.."
tag=${1:?which tag? sh tools/publish.sh v1.2.3}

awk -v wanted="${tag#v}" '/^## /{found = $2 == wanted; next} found' CHANGELOG.md >dist/notes.md
gh release create "$tag" --verify-tag --title "Tidemill ${tag#v}" --notes-file dist/notes.md dist/*.whl

gh api --method PATCH "repos/$GITHUB_REPOSITORY/git/refs/tags/${tag%%.*}" -f sha="$GITHUB_SHA" -F force=true ||
    gh api --method POST "repos/$GITHUB_REPOSITORY/git/refs" -f ref="refs/tags/${tag%%.*}" -f sha="$GITHUB_SHA"
