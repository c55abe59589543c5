"""Events of the hub: told in order, to everybody, also where somebody fails."""

from __future__ import annotations

import threading

from tests.sandbox.server_world import World

from tidemill_sandbox.state.shapes import Cause, Event


def an_event(world: World, name: str) -> Event:
    return Event(name, "acme/app", Cause("ada"), world.hub.now())


def test_listeners_hear_of_events_in_order_from_one_thread(world: World) -> None:
    heard: list[tuple[str, str]] = []
    for who in ("first", "second"):
        world.hub.listen(lambda event, who=who: heard.append((who, event.name)))  # type: ignore[misc]
    for number in range(3):
        world.hub.emit(an_event(world, str(number)))
    world.hub.settle()
    assert heard == [(who, str(n)) for n in range(3) for who in ("first", "second")]


def test_a_listener_may_emit_and_look_while_nobody_holds_the_lock(world: World) -> None:
    heard: list[str] = []

    def answer(event: Event) -> None:
        heard.append(event.name)
        if event.name == "question":
            world.hub.emit(an_event(world, "answer"))
            other = threading.Thread(target=world.hub.account, args=("x",))
            other.start()
            other.join(30)
            assert not other.is_alive()

    world.hub.listen(answer)
    world.hub.emit(an_event(world, "question"))
    world.hub.settle()
    assert heard == ["question", "answer"]


def test_a_listener_that_fails_stops_no_other_and_is_noted(world: World) -> None:
    heard: list[str] = []

    def fail(_: Event) -> None:
        raise RuntimeError("a defect")

    world.hub.listen(fail)
    world.hub.listen(lambda event: heard.append(event.name))
    world.hub.emit(an_event(world, "push"))
    world.hub.settle()
    assert heard == ["push"]
    world.forget("a listener failed on push")
