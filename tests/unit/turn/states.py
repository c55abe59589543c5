"""What was read, and what was decided, as a turn hands it on: mostly nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from tests.unit.snapshots import LAB, SHOP, Rollout, settings, sha

from tidemill.facts.image_files import DIGESTS, SOURCE, TAGS, ImageFiles, render
from tidemill.facts.ledger import Ledger
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.state import State
from tidemill.plan.plan import Plan

NAMES = RefNames("refs/tidemill", "main", "auto")
MAIN = sha("main")


def state(refs: Mapping[str, str] | None = None, **given: Any) -> State:
    """What is known of a repository with these refs besides main."""
    fields: dict[str, Any] = {
        "refs": Refs({NAMES.main: MAIN, **(refs or {})}),
        "names": NAMES,
        "main": MAIN,
        "settings": settings(lab=LAB, shop=SHOP),
        "journal": Ledger(),
    }
    nothing: dict[str, Any] = {key: {} for key in ("inbox", "checks", "kept_holds", "kept_records")}
    return State(**{**fields, **nothing, **given})


def decided(**given: Any) -> Plan:
    """A plan that does nothing, but for what is given."""
    nothing: dict[str, Any] = {"entries": (), "ended": (), "ledger": Ledger(), "waiting": ()}
    return replace(Rollout().decide(), **{**nothing, **given})


def image_bytes(files: ImageFiles, folder: str) -> dict[str, bytes]:
    """Image files as a commit has them in a folder, by path."""
    told = {TAGS: files.tags, DIGESTS: files.digests, SOURCE: files.source}
    return {f"{folder}/{name}": render(one) for name, one in told.items() if one is not None}
