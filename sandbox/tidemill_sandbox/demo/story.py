"""The eight chapters of the demo; each fails if a step did not do what it says."""

from __future__ import annotations

from pathlib import Path

from tidemill.commands._words import waits_for
from tidemill.words.shas import short
from tidemill_sandbox.demo.loop import Loop
from tidemill_sandbox.demo.narrator import Narrator
from tidemill_sandbox.demo.people import Developers, Operators

WAVES = ("staging", "internal", "production")
EDGE = {"staging-edge", "internal-edge", "prod-edge"}


class Story:
    """Two repositories, and what happens to them."""

    def __init__(self, examples: Path, folder: Path, narrator: Narrator) -> None:
        self.narrator, self.examples = narrator, examples
        self.app = Developers(examples / "app", folder, narrator)
        self.cfg = Operators(examples / "cfg-app", folder)
        self.loop = Loop(self.cfg, folder, narrator)
        self.first = ""

    def tell(self) -> None:
        """All chapters, in order."""
        self.narrator.line(f"The two repositories are made from {self.examples} ...")
        with self.narrator.telling("the beginning"):
            self._begin()
        chapters = (
            self.a_commit_goes_to_production,
            self.a_readme_changes_nothing_that_runs,
            self.a_shared_library_changes_its_dependants,
            self.a_set_that_breaks_the_check_is_evicted,
            self.people_change_main_meanwhile,
            self.an_older_announcement_comes_late,
            self.a_target_stays_unhealthy,
            self.a_rollback_holds_until_it_is_released,
        )
        for number, chapter in enumerate(chapters, 1):
            with self.narrator.telling(f"chapter {number} of {len(chapters)}"):
                chapter()

    def _begin(self) -> None:
        self.app.commit("The shop, as it is", self.loop.now)
        self.cfg.commit("Deploy the shop", self.loop.now)
        self.loop.settle()
        self.loop.redeployed.clear()

    def a_commit_goes_to_production(self) -> None:
        """Chapter 1."""
        self.narrator.chapter(
            "A commit becomes images, and the images go to production, wave by wave"
        )
        self.app.replace("cmd/gateway/main.go", '"GET /products"', '"GET /catalog"')
        sha, built = self.app.build("Call products a catalog", self.loop.now)
        self.narrator.expect(
            all(image.changed for image in built.values()),
            "a first build gives every service an image",
        )
        self.loop.settle(self.loop.announce(self.app.announcement(sha, built)))
        self.first = sha
        self._expect_everywhere(sha)

    def a_readme_changes_nothing_that_runs(self) -> None:
        """Chapter 2."""
        self.narrator.chapter("A commit that only changes a README: new tags, the same digests")
        self.loop.redeployed.clear()
        before = self.loop.sha("main")
        (self.app.folder / "README.md").open("a", encoding="utf-8").write("\nAsk Ada for a tour.\n")
        sha, built = self.app.build("Say whom to ask", self.loop.now)
        self.narrator.expect(
            not any(image.changed for image in built.values()), "no digest changed"
        )
        self.loop.settle(self.loop.announce(self.app.announcement(sha, built)))
        shas = self.loop.git("rev-list", f"{before}..main").decode().split()
        files = {file.partition("/")[0] for one in shas for file in self.loop.changed_by(one)}
        self.narrator.expect(files == {"images"}, "its commits change images/ alone")
        self.narrator.expect(
            not self.loop.redeployed, "nothing was redeployed, and nothing waited for a report"
        )
        self._expect_everywhere(sha)

    def a_shared_library_changes_its_dependants(self) -> None:
        """Chapter 3."""
        self.narrator.chapter("A commit to a shared library: only its dependants change")
        self.loop.redeployed.clear()
        self.app.replace("lib/money/money.go", '"%s%d.%02d"', '"%s%d,%02d"')
        sha, built = self.app.build("Write cents behind a comma", self.loop.now)
        changed = {name for name, image in built.items() if image.changed}
        self.narrator.expect(
            changed == {"orders", "billing"}, "orders and billing changed, nothing else"
        )
        self.loop.settle(self.loop.announce(self.app.announcement(sha, built)))
        self.narrator.expect(self.loop.redeployed, "the targets that run them were redeployed")
        self.narrator.expect(
            not EDGE & set(self.loop.redeployed),
            "the edge targets run neither, stayed silent, and blocked nobody",
        )
        self._expect_everywhere(sha)

    def a_set_that_breaks_the_check_is_evicted(self) -> None:
        """Chapter 4."""
        self.narrator.chapter(
            "A set that breaks the check is evicted; the innocent set behind it lands"
        )
        good = self.loop.runs("staging")
        text = (self.app.folder / "tidemill.toml").read_text(encoding="utf-8")
        service = text[
            text.index("[[services]]") : text.index("[[services]]", text.index("[[services]]") + 1)
        ]
        self.app.replace(
            "lib/worker/worker.go", "package worker", "// Package worker works.\npackage worker"
        )
        (self.app.folder / "tidemill.toml").write_text(
            text + "\n" + service.replace('name = "gateway"', 'name = "Audit_Log"'),
            encoding="utf-8",
        )
        sha, built = self.app.build("Add an audit log", self.loop.now)
        self.loop.announce(self.app.announcement(sha, built))
        culprit = self.loop.sha("auto")
        self.loop.announce(self.app.announcement(sha, built, "batch"))
        self._soak()
        evicted = (
            self.loop.git("for-each-ref", "--format=%(objectname)", "refs/tidemill/evicted")
            .decode()
            .split()
        )
        self.narrator.expect(
            evicted == [culprit],
            f"{short(culprit)} was evicted, and is kept below refs/tidemill/evicted",
        )
        self.narrator.expect(
            self.loop.runs("staging") == good, "staging still has the app that works"
        )
        self.narrator.expect(
            self.loop.runs("production", "batch") == sha, "the set batch went on to production"
        )
        self.app.git("revert", "--no-commit", "HEAD")

    def people_change_main_meanwhile(self) -> None:
        """Chapter 5."""
        self.narrator.chapter(
            "People change main meanwhile: auto is replayed; a broken main blames nobody"
        )
        self.app.replace(
            "cmd/orders/main.go",
            '"an order has pieces and a price"',
            '"an order needs pieces and a price"',
        )
        sha, built = self.app.build("Take the audit log out, and be polite", self.loop.now)
        self.loop.announce(self.app.announcement(sha, built))
        production = "jsonnet/waves/production.libsonnet"
        self.cfg.pull()
        self.cfg.replace(production, "orders+: { replicas: 3", "orders+: { replicas: 5")
        self.cfg.generate()
        self._push("Five replicas of orders in production")
        turn = self.loop.turn()
        self.narrator.expect(
            turn.done("replayed"), "the commit under test was done again on the new main"
        )
        self.cfg.replace(production, "billing+: { replicas: 2", "billing+: { replicas: 'three'")
        self.cfg.generate()
        broken = self._push("Three replicas of billing")
        self.loop.settle()
        waiting = self.loop.status().status.waiting
        blamed = [line for line in waiting if line.about.at == "main" and line.about.sha == broken]
        self.narrator.expect(blamed, f"the status names {short(broken)} on main: its check is red")
        self._expect_evicted(1, "nobody was evicted for it")
        self.cfg.replace(production, "billing+: { replicas: 'three'", "billing+: { replicas: 3")
        self.cfg.generate()
        self._push("Three, as a number")
        self.loop.settle()
        self._expect_everywhere(sha)

    def an_older_announcement_comes_late(self) -> None:
        """Chapter 6."""
        self.narrator.chapter("An older announcement comes late: superseded")
        self.app.replace("cmd/catalog/main.go", "package main", "// Sorted by hand.\npackage main")
        older, built_older = self.app.build("Explain the order of products", self.loop.now)
        late = self.app.announcement(older, built_older)
        self.app.replace("cmd/gateway/main.go", "5 * time.Second", "4 * time.Second")
        newer, built_newer = self.app.build("Be less patient", self.loop.now)
        self.loop.settle(self.loop.announce(self.app.announcement(newer, built_newer)))
        turn = self.loop.announce(late)
        superseded = [one for one in turn.done("superseded") if one.app_sha == older]
        self.narrator.expect(
            superseded, f"{short(older)} is superseded: the wave has had {short(newer)}"
        )
        self._expect_everywhere(newer)

    def a_target_stays_unhealthy(self) -> None:
        """Chapter 7."""
        self.narrator.chapter(
            "A target stays unhealthy: its wave waits, and the status says for whom"
        )
        before = self.loop.runs("production")
        self.loop.sick = {"internal-us"}
        self.app.replace("cmd/gateway/main.go", "4 * time.Second", "3 * time.Second")
        sha, built = self.app.build("Be even less patient", self.loop.now)
        self.loop.settle(self.loop.announce(self.app.announcement(sha, built)))
        self.loop.later(hours=2)
        self.loop.settle()
        found = self.loop.status()
        lines = (waits_for(line, found.remedies) for line in found.status.waiting)
        blockers = [line for line in lines if "internal-us" in line]
        for line in blockers:
            self.narrator.say("status", line)
        self.narrator.expect(blockers, "the status names internal-us")
        self.narrator.expect(self.loop.runs("production") == before, "production was not promoted")
        self.loop.sick = set()
        self.narrator.say("internal", "internal-us recovers")
        self.loop.report("internal", "internal-us", self.loop.sha("main"), "Healthy")
        self._soak()
        self._expect_everywhere(sha)

    def a_rollback_holds_until_it_is_released(self) -> None:
        """Chapter 8."""
        self.narrator.chapter("A rollback, its hold, and its release")
        bad = self.loop.runs("production")
        turn = self.loop.ask(
            "rollback-wave", "--wave", "production", "--set", "app", "--reason", "checkout is slow"
        )
        self.loop.settle(turn)
        back = self.loop.runs("production")
        self.narrator.expect(back not in (None, bad), f"production is back at {short(back)}")
        self.app.replace("cmd/gateway/main.go", "3 * time.Second", "9 * time.Second")
        sha, built = self.app.build("Be patient again", self.loop.now)
        self.loop.settle(self.loop.announce(self.app.announcement(sha, built)))
        self._soak()
        self.narrator.expect(
            self.loop.runs("internal") == sha, "the next set went as far as internal"
        )
        self.narrator.expect(
            self.loop.runs("production") == back,
            "production is held, so nothing undid the rollback",
        )
        turn = self.loop.ask(
            "release-wave", "--wave", "production", "--reason", "the cause is found"
        )
        self.narrator.say("released", "production")
        self.loop.settle(turn)
        self._expect_everywhere(sha)

    def _push(self, message: str) -> str:
        sha = self.cfg.commit(message, self.loop.now)
        self.narrator.say("a person", f"pushes {short(sha)} to main: {message}")
        return sha

    def _soak(self) -> None:
        self.loop.settle()
        self.loop.later(minutes=11)
        self.loop.settle()

    def _expect_evicted(self, count: int, what: str) -> None:
        refs = self.loop.git("for-each-ref", "refs/tidemill/evicted").decode().splitlines()
        self.narrator.expect(len(refs) == count, what)

    def _expect_everywhere(self, sha: str) -> None:
        self._soak()
        where = [self.loop.runs(wave) for wave in WAVES]
        self.narrator.expect(where == [sha] * len(WAVES), f"{short(sha)} is in {', '.join(WAVES)}")
