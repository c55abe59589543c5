"""`tidemill.toml` of cfg-app.git: parsed once, and every rule that types can't say checked."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeGuard

import msgspec

from tidemill.announcing.announcement import COMMIT_PLACE, SHA_PLACE
from tidemill.announcing.order import MAX_GENERATION
from tidemill.errors import Refused, SettingsInvalid
from tidemill.facts.freezes import LocalTime, Zone, parse_local, parse_zone
from tidemill.facts.need import Need, Until, parse_need, parse_until
from tidemill.facts.settings import FILE, NAMESPACE, ImageSet, Settings, Wave, several
from tidemill.facts.verification import why_not
from tidemill.facts.windows import Window, parse_window
from tidemill.words.durations import Duration, parse_duration
from tidemill.words.names import (
    UNPRINTABLE,
    checked_branch,
    checked_line,
    is_login,
    is_name,
    is_repository,
    is_team,
    one_line,
    shown,
)
from tidemill.words.nearest import did_you_mean
from tidemill.words.references import is_tag
from tidemill.words.toml_lines import line_of
from tidemill.words.toml_mistakes import Mistake, decoded

_LONGEST_ENVIRONMENT = 255
_OF_REFS = re.compile(
    r"""^[ \t]*(["']?)(?P<key>main|auto|namespace)\1[ \t]*=[ \t]*(["'])(?P<value>[^"'\n]*)\3""",
    re.MULTILINE,
)


def parse(text: str, *, commit: str = "this commit") -> Settings:
    """Parse `tidemill.toml`.

    Raises:
        SettingsInvalid: naming the commit, the line and the mend.
    """
    try:
        return _completed(decoded(text, Settings, _hook))
    except Mistake as wrong:
        if "services" in wrong.keys and "waves" not in wrong.keys:
            reason = "it is app.git's, with [[services]]; that of cfg-app.git has [[waves]]"
            found = invalid(commit, wrong.line, reason)
            remedy = "run this in a checkout of cfg-app.git, or say where that is: --repo URL; if"
            raise SettingsInvalid(
                found.what, remedy=f"{remedy} this is the right one, {found.remedy}"
            ) from None
        raise invalid(commit, wrong.line, wrong.reason) from None
    except _WrongAt as error:
        raise invalid(commit, line_of(text, error.path, ""), str(error)) from None


def usable(data: bytes) -> Settings | None:
    """The settings that a file has; None where it can't be used."""
    try:
        return parse(data.decode())
    except (UnicodeDecodeError, SettingsInvalid):
        return None


def refs_in(text: str) -> tuple[str, str, str]:
    """Main, auto and the namespace, even where the rest of the file can't be used.

    Whoever accepts a fact has to know where to write it, whatever a person broke.
    """
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError):
        # No table has a key of these names, so the first one found is the one at the top.
        found = [(each["key"], each["value"]) for each in _OF_REFS.finditer(text)]
        table = dict(reversed(found))
    main, auto, namespace = (table.get(key) for key in ("main", "auto", "namespace"))
    return (
        main if _is_branch(main) else "main",
        auto if _is_branch(auto) else "auto",
        namespace if _is_namespace(namespace) else NAMESPACE,
    )


def invalid(commit: str, line: int | None, reason: str) -> SettingsInvalid:
    """The error for settings that can't be used; `reason` may quote what is in the file."""
    where = f"{FILE} of {commit}" + (f", line {line}" if line else "")
    return SettingsInvalid(
        f"{where}: {one_line(reason)}",
        remedy=f"mend {FILE} on main of cfg-app.git; what was accepted waits until then",
    )


def _is_branch(value: object) -> TypeGuard[str]:
    try:
        return isinstance(value, str) and bool(checked_branch(value))
    except Refused:
        return False


def _is_namespace(value: object) -> TypeGuard[str]:
    is_own = value not in ("refs/heads", "refs/tags", "refs/remotes")
    below = value.removeprefix("refs/") if isinstance(value, str) else value
    return is_own and below != value and _is_branch(below)


class _WrongAt(Exception):
    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


# What is written as a text, and in TOML's own kind of a time where that is named here.
_PARSERS: dict[type, tuple[Any, ...]] = {
    Window: (parse_window,),
    Duration: (parse_duration,),
    Need: (parse_need,),
    Zone: (parse_zone,),
    Until: (parse_until, datetime),
    LocalTime: (parse_local, datetime),
}


def _hook(kind: type, value: Any) -> Any:
    parse, *also = _PARSERS[kind]
    if isinstance(value, (str, *also)):
        return parse(value)
    name = "time" if also else kind.__name__.lower()
    raise ValueError(f"expected a {name} written as text")


def _completed(settings: Settings) -> Settings:
    """Check what types can't say, and fill in `after`."""
    _check_names(settings)
    _check_paths(settings)
    _check_values(settings)
    for key, branch in (("main", settings.main), ("auto", settings.auto)):
        if not _is_branch(branch):
            raise _WrongAt(f"$.{key}", f"{branch!r} is not a valid name of a branch")
    one, other = f"{settings.main}/", f"{settings.auto}/"
    if one.startswith(other) or other.startswith(one):
        raise _WrongAt("$.auto", "main and auto must be two branches, neither inside the other")
    if not _is_namespace(settings.namespace):
        raise _WrongAt(
            "$.namespace", f"{settings.namespace!r} is not a place for refs, like {NAMESPACE}"
        )
    # Git has no ref below one that there is.
    for branch in (settings.main, settings.auto):
        if f"{settings.namespace}/".startswith(f"refs/heads/{branch}/"):
            raise _WrongAt("$.namespace", f"it must be neither the branch {branch} nor below it")
    waves: list[Wave] = []
    for index, wave in enumerate(settings.waves):
        before = (settings.waves[index - 1].name,) if index else ()
        waves.append(
            msgspec.structs.replace(wave, after=before if wave.after is None else wave.after)
        )
    _check_order(waves)
    _check_freezes(settings)
    _check_targets(settings)
    _check_signals(settings)
    _check_verifications(settings)
    return msgspec.structs.replace(settings, waves=tuple(waves))


def _check_names(settings: Settings) -> None:
    if not settings.waves or not settings.sets:
        raise _WrongAt("$", "there must be at least one [[waves]] and one [[sets]]")
    named: dict[str, Sequence[Wave | ImageSet]] = {
        "waves": settings.waves,
        "sets": settings.sets,
    }
    for kind, ones in named.items():
        _check_valid(f"$.{kind}[{{}}].name", [one.name for one in ones])
        for index, one in enumerate(ones):
            _check_valid(f"$.{kind}[{index}].was", dict.fromkeys(one.formers))
            if one.name in one.formers:
                raise _WrongAt(f"$.{kind}[{index}].was", f"{one.name!r} is its own name")
    for index, wave in enumerate(settings.waves):
        _check_valid(f"$.waves[{index}].targets", dict.fromkeys(wave.targets))
        if len(set(wave.targets)) != len(wave.targets):
            raise _WrongAt(f"$.waves[{index}].targets", "a target is there twice")


def _check_valid(path: str, names: Iterable[str]) -> None:
    """Check that each of some names may be one, and is there once; `{}` is its place among them."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if not is_name(name):
            raise _WrongAt(path.format(index), f"{name!r} is not a valid name")
        if name in seen:
            raise _WrongAt(path.format(index), f"{name!r} is there twice")
        seen.add(name)


def _check_known(
    path: str, names: Iterable[str], known: Collection[str], what: str = "there is no wave"
) -> None:
    """Check that each name is one that is known, or say which one was meant."""
    for name in names:
        if name not in known:
            meant = did_you_mean(name, known).rstrip()
            raise _WrongAt(path, f"{what} {name!r}{f' ({meant})' if meant else ''}")


def _check_reason(path: str, reason: str, what: str) -> None:
    if not reason.strip() or UNPRINTABLE.search(reason):
        raise _WrongAt(path, f"{what} needs a reason, in one line")


def _check_paths(settings: Settings) -> None:
    _check_template("$.images.path", settings.images.path, ("{wave}", "{set}"))
    for template in settings.templates():
        _check_template("$.deployments.path", template, ("{wave}", "{target}"))
    if "{wave}" not in settings.images.path:
        raise _WrongAt("$.images.path", "[images] path must contain {wave}")
    if len(settings.sets) > 1 and "{set}" not in settings.images.path:
        said = "with several sets [images] path must contain {set}"
        raise _WrongAt("$.images.path", said)
    places = [(wave.name, one.name) for wave in settings.waves for one in settings.sets]
    folders = sorted(f"{settings.folder(*place)}/" for place in places)
    for first, second in itertools.pairwise(folders):
        if second.startswith(first):
            raise _WrongAt(
                "$.images.path", f"{second} would be the folder of two sets, or in {first}"
            )


def _check_template(where: str, template: str, places: tuple[str, ...]) -> None:
    parts = template.strip("/").split("/")
    if UNPRINTABLE.search(template) or any(part in ("", ".", "..", ".git") for part in parts):
        raise _WrongAt(where, f"{template!r} is not a path inside the repository")
    _check_placeholders(where, template, places)


def _check_placeholders(where: str, template: str, places: tuple[str, ...]) -> None:
    rest = template
    for place in places:
        rest = rest.replace(place, "")
    if "{" in rest or "}" in rest:
        which = f" that is none of {', '.join(places)}" if places else ", and takes none"
        raise _WrongAt(where, f"{template!r} has a placeholder{which}")


def _check_values(settings: Settings) -> None:
    for index, image_set in enumerate(settings.sets):
        if not 1 <= image_set.generation <= MAX_GENERATION:
            raise _WrongAt(f"$.sets[{index}].generation", "generation must be 1 to 2^31 - 1")
        if image_set.jump < 1:
            raise _WrongAt(f"$.sets[{index}].jump", "jump must be 1 or more")
        _check_origin(f"$.sets[{index}]", image_set)
    _check_approvers(settings)
    _check_tags(settings.images.tags)
    for name in settings.checks.required:
        if not _is_check(name):
            raise _WrongAt(
                "$.checks.required", f"{shown(name)} is not a name that a check can have"
            )
    if settings.checks.retries < 0:
        raise _WrongAt("$.checks.retries", "retries must be 0 or more")
    if not settings.checks.timeout:
        raise _WrongAt("$.checks.timeout", "the timeout must be longer than nothing")
    for key, value in (("name", settings.bot.name), ("email", settings.bot.email)):
        if not value.strip() or UNPRINTABLE.search(value) or set(value) & set("<>"):
            raise _WrongAt(f"$.bot.{key}", f"{value!r} is not one that Git takes")


def _check_origin(where: str, one: ImageSet) -> None:
    """Check that there can be something from where a set may come; empty would mean anywhere."""
    if one.repository is not None and not is_repository(one.repository):
        raise _WrongAt(f"{where}.repository", f"{one.repository!r} is not one, as in acme/app")
    if one.branch is not None and not _is_branch(one.branch):
        raise _WrongAt(f"{where}.branch", f"{one.branch!r} is not a valid name of a branch")
    for sender in one.senders:
        if not is_login(sender):
            raise _WrongAt(f"{where}.senders", f"{sender!r} is not a login, as in acme-ci[bot]")


def _is_check(name: str) -> bool:
    """Whether a check may be reported by a name: as `checked_line` leaves it."""
    try:
        return checked_line(name, "a check") == name
    except Refused:
        return False


def _check_approvers(settings: Settings) -> None:
    _check_template("$.approvals.keys", settings.approvals.keys, ())
    for index, wave in enumerate(settings.waves):
        seen: set[str] = set()
        for one in wave.approvers:
            if not (is_login(one) or is_team(one)):
                said = f"{one!r} is neither a login nor a team, as in acme/release-managers"
                raise _WrongAt(f"$.waves[{index}].approvers", said)
            if one.casefold() in seen:
                raise _WrongAt(f"$.waves[{index}].approvers", f"{one!r} is there twice")
            seen.add(one.casefold())
        if why := _why_no_environment(wave):
            raise _WrongAt(f"$.waves[{index}].environment", why)


def _why_no_environment(wave: Wave) -> str | None:
    name = wave.environment
    if name is None:
        return None
    if wave.approvers:
        return f"{wave.name} has approvers, too: leave one of the two out"
    if not wave.approval:
        return "it takes approval = true, for otherwise sets come without a review"
    if "/" in name:  # that is how GitHub knows targets
        return f"{name!r} would be a target's: an environment with reviewers has no / in its name"
    is_fit = name == name.strip() and name.strip(".") and len(name) <= _LONGEST_ENVIRONMENT
    return None if is_fit and not UNPRINTABLE.search(name) else f"{name!r} is no environment"


def _check_tags(patterns: Sequence[str]) -> None:
    if not patterns:
        raise _WrongAt("$.images.tags", 'tags is empty, so no image could be announced: "*" is any')
    for pattern in patterns:
        _check_placeholders("$.images.tags", pattern, (SHA_PLACE, COMMIT_PLACE))
        filled = pattern.replace(SHA_PLACE, "0" * 40).replace(COMMIT_PLACE, "0" * 40)
        if not is_tag(filled.replace("*", "0")):
            raise _WrongAt(
                "$.images.tags",
                f"{pattern!r} fits no tag: a tag is 1 to 128 letters, digits, '.', '_' and '-'",
            )


def _check_freezes(settings: Settings) -> None:
    names = {wave.name for wave in settings.waves}
    for index, freeze in enumerate(settings.freezes):
        for key, time in (("from", freeze.start), ("until", freeze.end)):
            if reason := freeze.zone.why_no_moment(time):
                raise _WrongAt(f"$.freezes[{index}].{key}", reason)
        if freeze.ends <= freeze.begins:
            raise _WrongAt(f"$.freezes[{index}].until", "a freeze must end after it begins")
        _check_known(f"$.freezes[{index}].waves", freeze.waves, names)
        _check_reason(f"$.freezes[{index}].reason", freeze.reason, "a freeze")


def _check_verifications(settings: Settings) -> None:
    _check_valid("$.verifications[{}].name", [one.name for one in settings.verifications])
    waves = [wave.name for wave in settings.waves]
    sets = [image_set.name for image_set in settings.sets]
    for index, one in enumerate(settings.verifications):
        where = f"$.verifications[{index}]"
        if reason := why_not(one):
            key, said = reason
            raise _WrongAt(f"{where}.{key}", said)
        _check_known(f"{where}.waves", one.waves, waves)
        _check_known(f"{where}.sets", one.sets, sets, "there is no set")


def _check_targets(settings: Settings) -> None:
    for index, wave in enumerate(settings.waves):
        count = len(wave.targets)
        if wave.need.startswith("all but") and int(wave.need.split()[-1]) >= count:
            said = f"{wave.need!r} of {count} targets is none: at least one has to run a set"
            raise _WrongAt(f"$.waves[{index}].need", said)
    placed: set[tuple[str | None, str]] = set()
    for index, one in enumerate(settings.targets):
        waves = [wave for wave in settings.waves if one.wave in (None, wave.name)]
        names = {name for wave in waves for name in wave.targets}
        if one.wave is not None and not waves:
            raise _WrongAt(f"$.targets[{index}].wave", f"there is no wave {one.wave!r}")
        _check_known(f"$.targets[{index}].name", [one.name], names, "no wave lists a target")
        every, unlisted = settings.templates(), "[deployments] path does not list"
        _check_known(f"$.targets[{index}].path", several(one.path), every, unlisted)
        if one.path and (one.wave, one.name) in placed:
            raise _WrongAt(f"$.targets[{index}].path", f"the path of {one.name!r} is there twice")
        if one.path:
            placed.add((one.wave, one.name))
        if one.ignored:
            where = f"$.targets[{index}].ignored.reason"
            _check_reason(where, one.ignored.reason, "to ignore a target")


def _check_signals(settings: Settings) -> None:
    names = [one.name for one in settings.signals.receivers]
    _check_valid("$.signals.receivers[{}].name", names)
    if not settings.signals.stuck_after:
        raise _WrongAt("$.signals.stuck_after", "stuck_after must be longer than nothing")


def _check_order(waves: list[Wave]) -> None:
    names = {wave.name for wave in waves}
    for index, wave in enumerate(waves):
        others = [source for source in wave.sources if source != wave.name]
        _check_known(f"$.waves[{index}].after", others, names - {wave.name})
    done: set[str] = set()
    while ready := [
        wave for wave in waves if wave.name not in done and done.issuperset(wave.sources)
    ]:
        done.update(wave.name for wave in ready)
    if stuck := [index for index, wave in enumerate(waves) if wave.name not in done]:
        raise _WrongAt(f"$.waves[{stuck[0]}].after", "the waves come after each other in a circle")
    for index, wave in enumerate(waves):
        if wave.approval and not wave.sources:
            raise _WrongAt(
                f"$.waves[{index}].approval",
                f"{wave.name} comes after no wave, so it takes each set as it is announced: let it "
                "come after another wave, which may have no targets",
            )
