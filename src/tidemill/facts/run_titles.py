"""The title of a run that a form has started, which says what was filled in.

GitHub's API does not give the inputs of a run. Its title is made of them by the workflow file of
main (`run-name`), and nobody can change it afterwards. So it is what a request is held against:

    OPERATION WAVE [SET] [@SHA] [at:TIME] [(override)] [(hotfix)]
"""

from __future__ import annotations

from msgspec import Struct

from tidemill.facts.requests import (
    AnnouncementRequest,
    Promotion,
    Release,
    Request,
    Retry,
    Rollback,
)
from tidemill.facts.settings import ImageSet, Settings, Wave

OPERATIONS = ("promote", "roll back", "release", "retry")
_FLAGS = ("(override)", "(hotfix)")


class RunTitle(Struct, frozen=True):
    """What the form of a run was filled in with, as far as its title says so."""

    operation: str
    wave: str | None = None
    set: str | None = None
    sha: str | None = None
    at: str | None = None
    is_override: bool = False
    is_hotfix: bool = False


def parse_title(title: str) -> RunTitle | None:
    """What a title says; None where it is not of this form."""
    operation = next((one for one in OPERATIONS if f"{title} ".startswith(f"{one} ")), None)
    if operation is None:
        return None
    names: list[str] = []
    marked: dict[str, str] = {}
    for part in title[len(operation) :].split():
        mark = next((one for one in ("@", "at:", *_FLAGS) if part.startswith(one)), None)
        if mark is None and not marked and len(names) < 2:
            names.append(part)
        elif mark is None and [*marked][-1:] == ["at:"]:
            marked["at:"] += f" {part}"  # a time may be of several words
        elif mark is None or mark in marked or (mark in _FLAGS and part != mark):
            return None
        else:
            marked[mark] = part.removeprefix(mark)
    wave, set_name = (*names, None, None)[:2]
    return RunTitle(
        operation,
        wave,
        set_name,
        sha=marked.get("@"),
        at=marked.get("at:"),
        is_override="(override)" in marked,
        is_hotfix="(hotfix)" in marked,
    )


def why_other(title: str, request: Request, settings: Settings) -> str | None:
    """Why a run of that title is not what has asked for something; None if it may be.

    What a title leaves out was left to Tidemill to choose: `plan.approvers` looks at that.
    """
    told = parse_title(title)
    if told is None:
        return "its title does not say what was asked for: the workflow needs our run-name"
    if told.is_hotfix:
        return "its title does not say which images a hotfix has"
    found = _meant(told, request)
    if found is None:
        return _other(title)
    wave, set_name, sha = found
    if told.operation == "retry":
        is_place = _may_retry(told, wave, set_name or "", settings)
        return None if is_place and sha.startswith(told.sha or "") else _other(title)
    is_wave = told.wave in _names_of(settings.wave(wave or ""), wave or "")
    is_set = set_name is None or told.set in _names_of(settings.image_set(set_name), set_name)
    if told.set is None:
        is_set = set_name is None or len(settings.sets) == 1
    is_it = is_wave and is_set and sha.startswith(told.sha or "")
    return None if is_it else _other(title)


def _other(title: str) -> str:
    return f"what was asked for in it is “{title}”"


def _may_retry(told: RunTitle, wave: str | None, set_name: str, settings: Settings) -> bool:
    """Whether the place may be what a form for a retry names: the wave, the set, both or none of
    them. `wave` is None where the form's wave says nothing of the request."""
    sets = _names_of(settings.image_set(set_name), set_name)
    waves = _names_of(settings.wave(wave), wave) if wave else ()
    if told.set is not None:
        return told.set in sets and (wave is None or told.wave in waves)
    if told.wave is None or told.wave in (*waves, *sets):
        return True
    return wave is None and settings.image_set(told.wave) is None


def _meant(told: RunTitle, request: Request) -> tuple[str | None, str | None, str] | None:
    """Wave, set and commit of a request; None where no form of that kind makes it. The wave and
    the set are None where the form has none."""
    match request:
        case Promotion(wave=wave, set=set_name, app_sha=sha, override=override):
            is_it = told.operation == "promote" and told.sha is not None
            is_it = is_it and told.is_override == (override is not None)
            return (wave, set_name, sha) if is_it else None
        case Rollback(wave=wave, set=set_name, to=to, others=()):
            is_it = told.operation == "roll back"
            return (wave, set_name, to.app_sha or to.commit) if is_it else None
        case Release(wave=wave):
            return (wave, None, "") if told.operation == "release" else None
        case Retry(wave=wave, set=set_name, app_sha=sha):
            is_it = told.operation == "retry" and told.sha is not None
            return (wave, set_name, sha) if is_it else None
        case AnnouncementRequest(retry=True, announcement=announced, override=override):
            is_it = told.operation == "retry" and told.sha is not None
            is_it = is_it and told.is_override == (override is not None)
            return (None, announced.set, announced.sha) if is_it else None
        case _:
            return None


def _names_of(named: Wave | ImageSet | None, name: str) -> tuple[str, ...]:
    """What a wave or a set is or was called; its name alone where the settings have it no more."""
    return (name, *named.formers) if named else (name,)
