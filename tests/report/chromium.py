"""A page in headless Chromium, spoken to over a pipe: what a user's mouse and keys do.

with open_page(path, 1200, 900) as page:
    page.key("ArrowRight")
    page.value("document.title")
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """One page; each method returns once Chromium has done it."""

    def __init__(self, to: int, of: int) -> None:
        self._to, self._of, self._held, self._number = to, of, b"", 0
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]

    def call(self, method: str, **given: Any) -> Any:
        self._number += 1
        sent = {"id": self._number, "method": method, "params": given}
        if self._session:
            sent["sessionId"] = self._session
        os.write(self._to, json.dumps(sent).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            more = os.read(self._of, 1 << 20)
            assert more, "Chromium ended"
            self._held += more
        one, _, self._held = self._held.partition(b"\0")
        found: dict[str, Any] = json.loads(one)
        return found

    def open(self, file: Path, wide: int, tall: int, dark: bool = False) -> None:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.resize(wide, tall)
        for one in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{one}.enable")
        before = len(self.events)
        self.call("Page.navigate", url=file.resolve().as_uri())
        while all(one.get("method") != "Page.loadEventFired" for one in self.events[before:]):
            self.events.append(self._read())

    def resize(self, wide: int, tall: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=wide, height=tall, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def value(self, script: str) -> Any:
        """What an expression of JavaScript gives, waited for if it is a promise."""
        held = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in held, held
        return held["result"].get("value")

    def text(self, element: str) -> str:
        return str(self.value(f"document.getElementById({element!r}).textContent"))

    def key(self, name: str, shift: bool = False) -> None:
        typed = {"key": name, "modifiers": 8 if shift else 0}
        if len(name) == 1:
            typed["text"] = name
        self.call("Input.dispatchKeyEvent", type="keyDown", **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", **typed)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def middle(self, element: str) -> tuple[float, float]:
        """Where to click it."""
        script = "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
        x, y = self.value(f"{script}(document.getElementById({element!r}).getBoundingClientRect())")
        return x, y

    def picture(self) -> bytes:
        """The page as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def faults(self) -> list[str]:
        """Exceptions, errors of the console, and whatever it asked the network for."""
        found = []
        for one in self.events:
            method, given = one.get("method"), one.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(json.dumps(given["exceptionDetails"])[:500])
            if method == "Log.entryAdded" and given["entry"]["level"] == "error":
                found.append(given["entry"]["text"])
            if method == "Network.requestWillBeSent":
                url = given["request"]["url"]
                found += [] if url.startswith("file:") else [url]
        return found


@contextmanager
def open_page(file: Path, wide: int, tall: int, dark: bool = False) -> Iterator[Page]:
    """The page of a file in a window of that size."""
    assert CHROMIUM is not None
    to_read, to = os.pipe()
    of, of_write = os.pipe()
    with TemporaryDirectory(ignore_cleanup_errors=True) as home:

        def as_three_and_four() -> None:  # where Chromium looks for the pipe
            a, b = os.dup(to_read), os.dup(of_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        command = [
            CHROMIUM, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={home}",
        ]  # fmt: skip
        running = subprocess.Popen(
            command, preexec_fn=as_three_and_four, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(of_write)
        try:
            page = Page(to, of)
            page.open(file, wide, tall, dark)
            yield page
        finally:
            running.kill()
            running.wait()
            os.close(to)
            os.close(of)
