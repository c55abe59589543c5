"""Debian's Chromium without a screen, spoken to over two pipes: its DevTools protocol as JSON."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.components import debian
from tests.components.parts import BROWSER

SECONDS = 60
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir><cachedir>{cache}</cachedir>
  <alias><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


class BrowserError(AssertionError):
    """What the browser says is wrong."""


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.trouble: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol."""
        return self._browser.call(method, parameters, self._session, self)

    def show(self, width: int, height: int, scheme: str = "light") -> None:
        """Take a size in pixels, and a colour scheme; nothing moves."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        given = [{"name": name, "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=given)

    def open(self, address: str) -> None:
        """Go to an address, and wait until all of it is there."""
        self.arrive(lambda: self._navigate(address))

    def arrive(self, leave: Callable[[], None]) -> None:
        """Do what leads to another page, and wait until all of that is there."""
        self.trouble.clear()
        self._browser.forget("Page.loadEventFired", self._session)
        leave()
        self._browser.wait_for("Page.loadEventFired", self._session, self)

    def _navigate(self, address: str) -> None:
        found = self.call("Page.navigate", url=address)
        if found.get("errorText"):
            raise BrowserError(f"{address}: {found['errorText']}")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; of a promise what it comes to."""
        found = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if wrong := found.get("exceptionDetails"):
            raise BrowserError(str(wrong.get("exception", wrong)))
        return found["result"].get("value")

    def press(self, key: str, code: int, text: str = "", shift: bool = False) -> None:
        """Press a key and let it go."""
        about = {
            "key": key,
            "code": key,
            "windowsVirtualKeyCode": code,
            "modifiers": 8 if shift else 0,
        }
        more = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def picture(self) -> bytes:
        """All of the page, as PNG."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(found["data"])


class Browser:
    """A running Chromium."""

    def __init__(self, process: subprocess.Popen[bytes], write: int, read: int) -> None:
        self._process, self._write, self._read = process, write, read
        self._last = 0
        self._buffer = b""
        self._events: list[tuple[str, str]] = []

    def page(self) -> Page:
        """A new tab."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        found = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        return Page(self, found["sessionId"])

    def call(
        self,
        method: str,
        parameters: Mapping[str, object],
        session: str | None = None,
        page: Page | None = None,
    ) -> dict[str, Any]:
        """Call a method, and return its result."""
        self._last += 1
        message: dict[str, object] = {"id": self._last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while (answer := self._next(page)).get("id") != self._last:
            pass
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def forget(self, event: str, session: str) -> None:
        """Take no earlier event of this name for a later one."""
        self._events = [one for one in self._events if one != (event, session)]

    def wait_for(self, event: str, session: str, page: Page) -> None:
        """Wait until an event has come."""
        while (event, session) not in self._events:
            self._next(page)

    def _next(self, page: Page | None) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._read, 1 << 20)
            if not data:
                raise BrowserError("the browser has ended")
            self._buffer += data
        first, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        if name := message.get("method"):
            self._events.append((name, message.get("sessionId", "")))
            if page:
                page.trouble += _trouble(name, message.get("params", {}))
        return message


def _trouble(name: str, about: Mapping[str, Any]) -> list[str]:
    """What a page must not do: fail, complain, or ask anybody else for something."""
    match name:
        case "Runtime.exceptionThrown":
            return [str(about["exceptionDetails"].get("text"))]
        case "Log.entryAdded":
            return [f"{about['entry']['level']}: {about['entry']['text']}"]
        case "Page.javascriptDialogOpening":
            return [f"it opens a dialog: {about['message']}"]
        case "Network.requestWillBeSent":
            address = about["request"]["url"]
            return [] if address.startswith(("file:", "data:")) else [f"it asks for {address}"]
        case _:
            return []


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium of one's own, with the component's fonts alone."""
    root = BROWSER.ready()
    folder = Path(tempfile.mkdtemp(prefix="tidemill-browser-"))
    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(fonts=root / "usr/share/fonts", cache=folder / "fonts"))
    libraries = [debian.libraries(root), debian.libraries(root) / "pulseaudio"]
    libraries.append(root / debian.libraries(root).relative_to(root / "usr"))
    theirs_in, ours_out = _pipe()
    ours_in, theirs_out = _pipe()
    program = root / "usr/lib/chromium/chromium-headless-shell"
    words = (
        "--no-sandbox",  # there is none for root, in a container; the pages are our own
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--font-render-hinting=none",
        "--disable-background-networking",
        "--no-proxy-server",
        f"--user-data-dir={folder / 'profile'}",
        "--remote-debugging-pipe",
    )
    # Its ends are 3 and 4, whatever they are here: bash moves them, as `pass_fds` can not.
    shell = [
        "/bin/bash",
        "-c",
        f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}',
        str(program),
        *words,
    ]
    process = subprocess.Popen(
        shell,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "FONTCONFIG_FILE": str(fonts),
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        },
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(process, ours_out, ours_in)
    finally:
        os.close(ours_out)
        os.close(ours_in)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS)
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are neither 3 nor 4."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
