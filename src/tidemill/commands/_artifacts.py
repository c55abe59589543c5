"""Announcements that are artifacts of a workflow run of app.git."""

from __future__ import annotations

from tidemill.announcing.announcement import MAX_BYTES, Announcement
from tidemill.announcing.by_reference import AnnouncementReference, resolved
from tidemill.clients.github import place
from tidemill.commands._writing import tell
from tidemill.errors import Refused

# For another repository than the one that TIDEMILL_TOKEN is for.
ARTIFACT_TOKEN = "TIDEMILL_ARTIFACT_TOKEN"  # noqa: S105


def announcement_in(referred: AnnouncementReference) -> Announcement:
    """Fetch the announcement that an event referred to, and check that it is the one.

    Raises:
        Refused: there is no token for it, or it is not what the event said.
    """
    where = place.of_url(f"{place.server_url()}/{referred.repository}")
    token = place.token_for(where.url) if where else None
    if where is None or token is None:
        raise Refused(
            f"{referred.id} is an artifact of {referred.repository}, and no token for that is here",
            remedy=f"set TIDEMILL_TOKEN to one that may read actions of {referred.repository}",
        )
    token = place.token_in(ARTIFACT_TOKEN) or token
    from tidemill.clients.github.api import GitHub

    artifact = referred.artifact
    files = GitHub(where, token, say=tell).artifact(
        referred.repository, artifact.run_id, artifact.name, most=MAX_BYTES
    )
    return resolved(referred, files)
