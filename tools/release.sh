#!/bin/sh
# Makes a release: sh tools/release.sh 1.2.3
#
# Lints, runs every test, then makes two commits and a tag. The first is the release; the second lets the examples and documents name it. Nothing is
# pushed: look at both, then push the branch and the tag. The tag starts .github/workflows/release.yml, which builds,
# attests and releases it, and moves the tag of the major version. Let GitHub make releases immutable.
set -eu
cd "$(dirname "$0")/.."
version=${1:?which version? sh tools/release.sh 1.2.3}

expr "$version" : '[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*$' >/dev/null || {
    echo "$version is not MAJOR.MINOR.PATCH" >&2
    exit 2
}
test -z "$(git status --porcelain)" || {
    echo "There are changes that are not committed." >&2
    exit 1
}
grep -q "^## Unreleased" CHANGELOG.md || {
    echo "CHANGELOG.md has no \"## Unreleased\": say there what is new." >&2
    exit 1
}
make lint
CI=true make test
sed -i "s/^version = .*/version = \"$version\"/" sandbox/pyproject.toml
sed -i "s/^## Unreleased.*/## $version ($(date -u +%F))/" CHANGELOG.md
sed -i "s/^__version__ = .*/__version__ = \"$version\"/" src/tidemill/__init__.py
git commit --quiet --all --message "Release $version"
git tag --annotate "v$version" --message "Tidemill $version"
python3 tools/pins.py "$(git rev-parse HEAD)" "v$version"
git commit --quiet --all --message "Examples name $version"
git log --oneline -2
