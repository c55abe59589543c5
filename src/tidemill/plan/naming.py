"""What a wave's files name: a set that they do not name, or not by itself, is not deployed."""

from __future__ import annotations

from tidemill.facts.ledger import Landing
from tidemill.facts.snapshot import WaveNaming
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import SetNotInFiles


def not_in_files(wave: str, landing: Landing) -> SetNotInFiles | None:
    """Whether the wave's files name none of a set's images, or others."""
    if landing.naming is None or not landing.naming.is_wrong:
        return None
    return SetNotInFiles(
        wave=wave, commit=landing.commit, naming=landing.naming, since=landing.landed_at
    )


def note_naming(draft: Draft, wave: str, found: WaveNaming) -> None:
    """Take note of what the wave's files do not name of the sets that it has now."""
    is_first = not draft.snapshot.ledger.sets
    for name, part in draft.ledger.sets.get(wave, {}).items():
        present, naming = part.present, found.naming.get(name)
        if present is None or present.naming == naming:
            continue
        present.naming = naming
        if naming is not None and not is_first:
            draft.note_set("not in the files", wave, name, present, naming.words)
    if found.files:
        draft.named[wave] = found.files


def forget_naming(draft: Draft) -> None:
    """The settings do not say what targets render from, so nothing is known of what is named."""
    draft.ledger.named = {}
    for image_set in {name for sets in draft.ledger.sets.values() for name in sets}:
        for _, landing in draft.ledger.landings(image_set):
            landing.naming = None
