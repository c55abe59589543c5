#!/bin/sh
# Git's hooks post-merge and post-rewrite call this: it makes the YAML of the merged sources part of
# the merge, or of the last rebased commit. The merge driver alone can't: Git asks it before the
# merged sources are in the work tree. Arguments: the hook's name, and the hook's own arguments.
set -eu

regenerate() { # true if that changed anything
  make --silent generate >&2 || exit 1
  git add --all generated
  ! git diff --cached --quiet -- generated
}

case "$1 ${2:-}" in
"post-merge "*)
  # Without MERGE_HEAD it was a fast-forward, and the commit is not ours to change. With it, Git
  # refuses `commit --amend`.
  git rev-parse --quiet --verify MERGE_HEAD >/dev/null && regenerate || exit 0
  parents=$(git rev-parse HEAD^@ | sed 's/^/-p /')
  # shellcheck disable=SC2086
  commit=$(git log -1 --format=%B | git commit-tree $parents "$(git write-tree)")
  git update-ref -m "merge: regenerate YAML" HEAD "$commit"
  ;;
"post-rewrite rebase")
  regenerate || exit 0
  git commit --quiet --amend --no-edit
  ;;
*) exit 0 ;;
esac
echo "generated/ follows the merged sources." >&2
