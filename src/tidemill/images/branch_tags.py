"""The tag of a branch: valid for a registry, and never that of another branch or of a commit.

A tag is one of `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}` (distribution-spec, "Pulling manifests"); the
name of a branch may be longer, and may have slashes and more.
"""

from __future__ import annotations

import hashlib
import re

from tidemill.words.references import is_tag

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MADE = re.compile(r".*-[0-9a-f]{16}")
_KEPT = 100


def tag_of_branch(branch: str) -> str:
    """The branch's name where it is a tag; else one made from it and a digest of it.

    A branch whose own name looks like a made one, or like a SHA, gets a made one too: so no two
    branches ever have one tag.
    """
    if is_tag(branch) and not _MADE.fullmatch(branch) and not _SHA.fullmatch(branch):
        return branch
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", branch)[:_KEPT]
    if not re.match(r"[A-Za-z0-9_]", readable):
        readable = f"_{readable}"
    return f"{readable}-{hashlib.sha256(branch.encode()).hexdigest()[:16]}"
