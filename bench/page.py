"""One page with what everything costs: runs the benches, and writes what they print.

    python bench/page.py [--to FILE] [names ...]

It takes more than half an hour on two cores that have nothing else to do. A bench by itself
takes other numbers of rounds: see the head of its file.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# Performance

For whoever wants to know how long Tidemill takes, and for whoever makes it faster. `make bench`
writes this page.

Timings differ from machine to machine, and from hour to hour. So where Git alone or
another tool can do the same work, a bench measures that, too, in turns with Tidemill. Compare these
ratios, and not the seconds. Seconds are medians where nothing else is said. Counts of requests, of
connections and of bytes are exact.

Each part names what its authors aim at, and why an aim is not reached. Aims in seconds are for a
machine on which a bare Python starts in 10 ms. The first table says how long that takes here.
"""


@dataclass(frozen=True)
class Bench:
    """A file of this folder, its title, what its figures mean, and what it is to be told.

    Attributes:
        aim: what its authors aim at, and what stands in the way where they do not reach it.
        picture: of the same, drawn once, as it takes too long for each run.
    """

    name: str
    about: str
    means: str
    arguments: tuple[str, ...] = ()
    aim: str = ""
    picture: str = ""


BENCHES = (
    Bench(
        "start",
        "From a command line to the first line of Tidemill",
        "The first lines are starts on a machine that has run Tidemill before, beside a start "
        "of Python alone. The last lines are first starts, which install what the lock file "
        "names.",
        ("11",),
        aim="The aims: the first line after 20 ms, `--version` after 50 ms, a turn's first call of"
        " Git after 120 ms, and a first start in 3 s with pip and 0.5 s with uv. Nearly all of"
        " a turn's start is the import of its modules. Two ways were tried: Python looks for "
        "circles of objects less often, and no turn loads what only a diff needs. Together "
        "they took away 3 % of the instructions of the import.\n\nOf a first start with pip, "
        "more than half goes into index pages, each of which has all releases of a package. To"
        " leave out `cryptography`, which only keys of a GitHub App would need, took a sixth "
        "off the processor's time, and with uv a third off the seconds. Two runs of pip side "
        "by side took a tenth more of the processors, and 4 % off the seconds. What is left is"
        " that pip reads each page as a whole.",
    ),
    Bench(
        "plan",
        "A decision, by image sets, waves and targets",
        "This is thinking alone, without Git: what is due next, for 1,000 services and 300 "
        "targets? The more image sets there are, the more is due at once.",
        aim="The aim is at most 100 ms in each row. With one set, most of the time goes into "
        "looking at each image of each announcement that waits. With 100 sets, no step takes "
        "more than a fifth: copying the *ledger*, looking through its 15,000 landings, and "
        "saying what waits. (The ledger is what a turn has to know of earlier ones.)\n\nA look"
        " at all tags of an announcement at once took a fifth off the row of one set. To see "
        "without building a set of names that all targets have taken a set took a fifth off "
        "the first time of 100 sets. To keep all tags and repositories of an announcement for "
        "the next look brought too little, and to do without Python's garbage collector "
        "brought nothing for 100 sets. What is left is the number of landings. A first time "
        "also looks up all targets in each of them, twice.",
    ),
    Bench(
        "turn",
        "A turn with nothing to do, and one that introduces a set",
        "A turn is one run of Tidemill, from its start to its end. The repository is reached as "
        "a folder (`path`), over HTTP, or by `git daemon`, with and without the filter that "
        "lets a clone leave files out. With `built-in`, nothing is generated. `trivial` starts a "
        "command that does nothing, and `script` one that generates.",
        ("5",),
        aim="The aims over HTTP: 0.18 s and 4 requests where nothing is to do, 0.5 s and 8 "
        "requests for an introduction with what is built in. Of the processor's time, Python "
        "takes nine tenths where nothing is to do, and three quarters of an introduction by "
        "`path`. Most of Python's part is the import of modules. The ninth request asks for "
        "files whose place only the settings name, and these have to be read first.\n\nTo read"
        " a repository in a folder of this machine where it lies, and to copy nothing of it, "
        "took a sixth off the seconds of `path`. It was thrown away: what is tried on this "
        "machine would no longer be what is done over HTTP. To load all modules from one file,"
        " in place of 300, took half as long again. The import of what writes objects is 3 % "
        "of an introduction. What is left is the import.",
    ),
    Bench(
        "turn",
        "The same, where each request takes 100 ms longer",
        "A server is farther away than this machine's own. Over HTTP, what counts is how many "
        "requests a turn sends one after the other.",
        ("3", "--delay", "0.1"),
        aim="The aims: 0.6 s where nothing is to do, and 1.3 s for an introduction. Nine requests "
        "wait for 0.9 s, so 1.3 s would leave less than an introduction takes with no delay. "
        "If the fourth request could ask for the files of the first wave already, there would "
        "be eight. This was tried with the place given by hand. It took a tenth off the "
        "seconds of an introduction. But a turn with nothing to do, which can't know that it "
        "needs no files, took a sixth more of the processor's time.",
    ),
    Bench(
        "introduce",
        "An introduction, as a repository grows",
        "What does one introduction take, if the repository has many files, many services, or "
        "many requests that wait? `git alone` makes the same commit by hand: a shallow clone, "
        "the files, a commit, a push. Compare `of git alone` in each row.",
        ("--rounds", "5"),
        aim="The aims: 1.5 times Git alone, and 1.3 times `small` for each kind of growth, twice "
        "for `both`. Git alone starts no Python, loads no modules, and reads neither the settings "
        "nor the journal. With few files, these are more than half of what Tidemill takes. The "
        "other half is the wait for Git, which connects six times, where Git alone does twice. "
        "Git alone also writes a work tree and removes it, at about half a millisecond for a file "
        "on this disk. With 12,000 files that is most of its time, and it differs from run to "
        "run: for `small` the ratio was 1.4 in this run, and 1.7 half an hour later. To hear of "
        "the end of each process of Git from the system, and not to look now and then, brought "
        "nothing.\n\nWith 12,000 files, nearly half goes into reading the 4,000 files of the wave "
        "and finding the images that they name. To pass over words that can name no image, and to "
        "check the ledger faster, took a tenth off the processor's time. With `both`, about as "
        "much goes into reading and judging 100 announcements of 1,000 images each. To look at "
        "the tags of an announcement at once came with these, and all three took a seventh off "
        "there. What is left is that each file and each image is looked at once.",
    ),
    Bench(
        "burst",
        "80 announcements by 16 senders at once",
        "Many builds announce at the same time. The naive script pulls, commits and pushes, "
        "until its push is taken. Tidemill gives each announcement a ref of its own, so that no "
        "push stands in the way of another.",
        ("3",),
        aim="The aims: at most 90 pushes, half of the naive script's seconds, and 0.25 s of "
        "processor for each announcement. Each announcement is a process of its own, and both "
        "cores are busy with them for most of the time. A sender that sees others waits a "
        "moment, so that one turn serves many: that saves pushes and costs seconds. Half of "
        "the processor's time is the import of modules, and a fifth is Git's.\n\nLittle is "
        "done twice: of about 85 pushes, 80 write an announcement, and each sender reads the "
        "repository one and a half times. To read it where it lies took a twentieth off, and "
        "was thrown away, as above. To look half as often whether a turn has come brought 3 %,"
        " and let each sender wait longer. What is left is a start of Python for each "
        "announcement.",
    ),
    Bench(
        "loop",
        "From a commit to production, on the stand-in for GitHub",
        "The real workflow files of the examples, in three waves whose soaks take 3 seconds. "
        "`besides the turn` is what a job takes to accept the event, for the checkout, for "
        "Node.js, and to keep the page.",
        ("3",),
        aim="The aims: 30 s to production, and 1.2 s for a job besides its turn. Both are reached "
        "here. A run with other work beside it, before the changes below, took 42 s and 3 s. The "
        "pauses and the soaks of the story take their time on any machine. Where nothing is "
        "installed yet, the first set-up of entry points takes more than half of the rest. "
        "Besides its turn, a job accepts the event, in a start of its own, and keeps the page, by "
        "an action of GitHub's.\n\nTwo ways were tried. A run now writes its page itself, where a "
        "step of its own started once more and fetched everything again: the turn and the page "
        "take three fifths of the processor's time that they took. (So the page counts as part of "
        "the turn.) To accept the event and do the turn in one start, where nothing has to be "
        "installed, took three fifths of both, too. It was left out: the workflow would have two "
        "steps that do turns, each with all tokens, and rules for which of them goes on. What is "
        "left is these starts, and Node.js.",
    ),
    Bench(
        "history",
        "Announcements one after the other, as their number grows",
        "Does anything grow with the number of announcements so far? Each announcement goes "
        "through all waves. Git is in memory here, so the time is Tidemill's own. The figures are "
        "averages over the announcements before each row.",
        ("--most", "1000"),
        aim="The aim is that nothing grows up to 20,000 announcements. These take an hour or more,"
        " so the table stops earlier. The picture shows all of them, for two waves of one "
        "target each: `python bench/history.py --waves 2 --targets 1 --svg FILE` drew it. A "
        "quarter of the time goes into reading the ledger, with its check, and a fifth into "
        "decisions. To go through values of one kind once, and not twice, made this check a "
        "third faster, and an announcement a twentieth. What grows until a wave has had 50 "
        "sets is that ledger.",
        picture="![Refs, the ledger's size, the bytes and pushes of an announcement, and the "
        "processor's time that it takes: none of them grows from 1,000 announcements to "
        "20,000.](pictures/growth.svg)",
    ),
    Bench(
        "answers",
        "Questions about a year of 100,000 turns",
        "`tidemill history` and `tidemill explain` read the journal. Here it has 100,000 turns, "
        "and each question is one run of the command.",
        ("--rounds", "3"),
        aim="The aim is less than 2 s for each. The slow ones need most of the journal: two thirds"
        " of the processors' time are Git's, which decompresses 100,000 commits and 40,000 "
        "records, and the rest is what Python does with them.\n\nTo read around the time that "
        "`--at` and `--since` name halved these for the middle of the year. Not to read the "
        "last turns first, where all are newer than that time, took a seventh off `--at`, and "
        "more than a fifth off `--since`. To find out the dates of commits only where they are"
        " asked for, and to let two processes name image files, took about a tenth off the "
        "seconds of the others. Two ways brought nothing: Git takes longer to choose turns by "
        "their first lines than to give all of them, and a tenth longer to look for a digest "
        "in the changes of main. What is left is to read all of it.",
    ),
    Bench(
        "images",
        "Images of 12 services",
        "Twelve images are built and published: all for the first time (`cold`), with no "
        "change, and with one change. `the floor` is the work that no tool can leave out. "
        "`ratio` compares with Tidemill. Bytes are what the registry was sent, and the last "
        "column is memory in MB. Four lines below the table say how far Tidemill is from what its "
        "authors aim at.",
        ("4",),
        aim="The lines below the table name the aims; two more are 96 requests where all is new, "
        "and 48 where nothing changed. There, a third of the processor's time is the start of "
        "Python with its modules, and another third digests all files. The rest reads them, "
        "and sends 60 requests: five for an image, of which two read it, two ask whether its "
        "layer and its new tag are there, and one sets this tag.\n\nThree ways brought nothing"
        " there: not to ask about layers, threads that take turns more often or more seldom, "
        "and to look for fewer optional modules. Where all is new, a third thread that "
        "compresses brought nothing, either. Temporary files in memory took a tenth off the "
        "seconds, and no processor's time; but they need as much memory as all layers, so this"
        " is left to `TIDEMILL_TMPDIR`. What is left is that all files are read each time: "
        "dates of files do not say whether they changed.",
    ),
    Bench(
        "site",
        "The page, by image sets",
        "`tidemill page` writes the static page of what runs where. Files and bytes are what is "
        "then in the folder.",
        aim="The aim is said for one set alone, for which it is reached.",
    ),
    Bench(
        "generate",
        "The example's `generate`, with 12,000 files",
        "How long does the example's own `generate` take, and how many of its files does it write?",
        aim="The aims: 4 s where all digests changed, 0.3 s where nothing did, and 1 s where one "
        "did. The example evaluates all of its sources each time. Most of that is Jsonnet's "
        "own work.\n\nTwo things brought it to about a third: each core evaluates whole "
        "targets, and nothing of the others, and the evaluator's collector is off. To print "
        "without line breaks brought nothing. What is left for the last two aims is a cache. "
        "It would be faster, and could be wrong: what lies in `generated` would then depend on"
        " more than the sources.",
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help="run these alone")
    parser.add_argument("--to", type=Path, help="the file to write; standard output by default")
    given = parser.parse_args()
    parts = [HEAD, machine()]
    for one in BENCHES:
        if given.names and one.name not in given.names:
            continue
        print(f"{one.name} ...", file=sys.stderr, flush=True)
        began, load = time.perf_counter(), os.getloadavg()[0]
        text = measured(one)
        took = time.perf_counter() - began
        print(f"{one.name}: {took:.0f} s", file=sys.stderr)
        command = " ".join(("python", f"bench/{one.name}.py", *one.arguments))
        parts.append(
            f"## {one.about}\n\n{fill(one.means, 100)}\n\n`{command}` took {took:.0f} s. "
            f"The load was {load:.1f} when it began.\n\n```text\n{text}\n```\n"
            + (f"\n{paragraphs(one.aim)}\n" if one.aim else "")
            + (f"\n{one.picture}\n" if one.picture else "")
        )
        if given.to:  # after each, so that what was measured is there whatever ends the run
            given.to.write_text("\n".join(parts), encoding="utf-8")
    if not given.to:
        print("\n".join(parts))


def paragraphs(text: str) -> str:
    """As the page has them."""
    return "\n\n".join(fill(one, 100) for one in text.split("\n\n"))


def measured(one: Bench) -> str:
    """What a bench prints. With bytecode: whoever runs Tidemill has it, and tests may not."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / f"{one.name}.py"), *one.arguments],
        env=env, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return done.stdout.rstrip()


def machine() -> str:
    """What it was measured on, and which commit."""
    found = re.search(r"(?m)^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    head = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} at {head.stdout.strip()}: {os.cpu_count()} "
        f"cores ({found[1] if found else platform.machine()}), {memory:.0f} GiB of memory, Linux "
        f"{platform.release().partition('-')[0]}, Python {platform.python_version()}, "
        f"{git.stdout.strip().replace(' version', '')}. Servers are on the same machine.\n"
    )


if __name__ == "__main__":
    main()
