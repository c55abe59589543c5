"""What a registry's answers mean when they are not what was asked for, and what to do then."""

from __future__ import annotations

from tidemill.clients.http.trouble import said_in
from tidemill.clients.registry.access import Access, Answer, Need
from tidemill.clients.registry.address import Address
from tidemill.errors import Refused, ServerRefused, TidemillError


def said_no(
    answer: Answer, doing: str, address: Address, access: Access, need: Need
) -> TidemillError:
    """The error for an answer that is a refusal; `doing` says what was asked for, as a verb."""
    said = f"{answer.status}{said_in(answer.body)}"
    right = "push" if need.push else "pull"
    match answer.status:
        case 401:
            return ServerRefused(
                f"{address.host} refused to {doing}: {said}, asked {access.asked_with}",
                remedy=f"log in with a right to {right} there: docker login {address.host}",
            )
        case 403:
            return ServerRefused(
                f"{address.host} refused to {doing}: {said}, asked {access.asked_with}",
                remedy=f"give them the right to {right}, or see the quota of {address}",
            )
        case 404:
            return ServerRefused(
                f"{address.host} knows no {address}, or hides it from us: {said}, "
                f"asked {access.asked_with}",
                remedy="mend the name, make the repository there, or log in",
            )
        case 413 | 507:
            return ServerRefused(
                f"{address.host} has no room to {doing}: {said}",
                remedy="raise the limit of the registry, or of what stands before it",
            )
        case _:
            return ServerRefused(
                f"{address.host} refused to {doing}: {said}", remedy="see what the registry says"
            )


def lied(address: Address, what: str) -> Refused:
    """What came is not what it is said to be."""
    return Refused(
        f"{address} {what}",
        remedy="try again; if it stays so, the registry or a proxy before it is damaged",
    )


def absent(address: Address, digest: str) -> Refused:
    """Something that was asked for by its digest is not there."""
    return Refused(
        f"{digest} is not in {address}", remedy="push the whole image there, or mend the digest"
    )
