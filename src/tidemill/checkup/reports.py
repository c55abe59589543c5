"""Do the reports of the targets get to this repository, each as its own?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, problem, warning
from tidemill.facts.controllers import TARGET, WAVE, Deployed
from tidemill.facts.settings import Settings
from tidemill.words.documents import items, loaded, text
from tidemill.words.lists import listed

_SENDS = re.compile(
    r"(?m)^ +(?:url|address): https?://[^/\s]+/(?:api/v3/)?(?:repos/)?(?P<name>[\w-]+/[\w.-]+)$"
)
_TOLD = "tidemill-wave"  # by which an event of Flux says its wave
_ALERT = f"""\
  eventSources:
    - kind: Kustomization
      name: "*"
      matchLabels:
        {WAVE}: {{wave}}
  eventMetadata:
    {_TOLD}: {{wave}}"""


def sent_elsewhere(known: Checkup) -> Iterator[Finding]:
    """Notifications that name another repository, as after a rename, or in a copy."""
    own = known.repository
    for file, said in sorted(known.files.texts.items()):
        is_ours = WAVE in said and ("argocd-notifications-cm" in said or "githubdispatch" in said)
        for found in _SENDS.finditer(said) if is_ours and own else ():
            if found["name"].casefold() != own.casefold():
                line = found[0].strip()
                yield problem(
                    f"{file} sends reports to {found['name']}, and this repository is {own}",
                    "write this there, and apply the file again",
                    line.replace(found["name"], own),
                )


def unheard(known: Checkup, found: Sequence[Deployed]) -> Iterator[Finding]:
    """Waves of Flux whose reports no Alert sends, where the Alerts are here."""
    alerts = [
        (file, one)
        for file, said in sorted(known.files.texts.items())
        if _TOLD in said
        for one in loaded(said)
        if text(one, "kind") == "Alert" and text(one, "spec", "eventMetadata", _TOLD)
    ]
    heard = {
        text(one, "spec", "eventMetadata", _TOLD)
        for _, one in alerts
        for source in items(one, "spec", "eventSources")
        if text(source, "matchLabels", WAVE) in ("", text(one, "spec", "eventMetadata", _TOLD))
    }
    waves = dict.fromkeys(one.wave for one in found if one.kind == "Kustomization" and one.wave)
    is_known = alerts and not any("${" in wave for wave in heard)  # which Flux fills in
    for wave in waves if is_known else ():
        if wave not in heard:
            yield problem(
                f"no Alert in {alerts[0][0]} sends what the Kustomizations of the wave {wave} "
                "report",
                "let two have these lines, as those of another wave are, and apply the file again",
                _ALERT.format(wave=wave),
            )


def left_out(known: Checkup, found: Sequence[Deployed]) -> Iterator[Finding]:
    """Flux chooses the type of its events: whoever lists types has to list each."""
    kinds = dict.fromkeys(
        f"Kustomization/{one.name}.{one.namespace}"
        for one in found
        if one.kind == "Kustomization" and one.wave
    )
    for call in known.calls:
        missing = [one for one in kinds if call.types and one not in call.types]
        if missing:
            what = f"{call.file} leaves out {listed(missing)} below repository_dispatch"
            lines = f"    types: [{', '.join([*call.types, *missing])}]"
            it = "it" if len(missing) == 1 else "these"
            yield problem(what, f"leave out types:, or list {it}, too", lines)


def twice(found: Sequence[Deployed]) -> Iterator[Finding]:
    """Two that report as one target: which of them has deployed, nobody can tell."""
    by_target: dict[tuple[str, str], list[Deployed]] = {}
    for one in found:
        if one.wave:
            by_target.setdefault((one.wave, one.target), []).append(one)
    for (wave, target), several in by_target.items():
        if len(several) > 1:
            names = listed([f"{one.title} ({one.file})" for one in several])
            yield warning(
                f"{names} all report as {target} in {wave}: a report of one counts for all",
                f"let each have a target of its own, by its label {TARGET}",
                f"git grep -n -F {TARGET}",
            )


def suspended(settings: Settings, found: Sequence[Deployed]) -> Iterator[Finding]:
    """Targets that Flux leaves as they are."""
    for one in found:
        if one.is_suspended and one.wave and settings.listing(one.wave, one.target):
            yield warning(
                f"the {one.title} ({one.file}) is suspended: {one.target} in {one.wave} takes "
                "nothing, and its wave waits for it",
                "take this line out once it may go on",
                "suspend: true",
            )
