"""What waits, as people name it."""

import pytest

from tidemill.plan.obstacles import About
from tidemill.plan.wording import subject

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (About(at="main", sha=SHA), f"main at {SHA}"),
        (About(at="auto"), "auto"),
        (About(at="announced", app_sha=SHA, set="app"), "7d1043473d55 (app)"),
        (About(at="for", wave="lab", set="_"), "the regeneration of lab"),
        (About(at="on auto", wave="lab", set="_"), "the regeneration of lab"),
        (About(at="for", wave="lab", app_sha=SHA, set="app"), "7d1043473d55 (app) for lab"),
        (About(at="on auto", wave="lab", set="app"), "a rollback (app) on auto for lab"),
        (About(at="in", wave="lab", app_sha=SHA, set="app"), "7d1043473d55 (app) in lab"),
        (
            About(at="asked", wave="lab", app_sha=SHA, set="app"),
            "what was asked for in lab about 7d1043473d55 (app)",
        ),
        (About(at="asked", wave="lab", set="app"), "what was asked for in lab"),
        (About(at="asked", wave="lab", app_sha=SHA), "what was asked for in lab"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_waits_has_a_name(about: About, said: str) -> None:
    assert subject(about) == said
