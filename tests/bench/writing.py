"""What writing costs: the form, saves with and without 20 MB attached, sending, and the memory of a 25 MB upload."""

from __future__ import annotations

import re
import secrets
import statistics
import time
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

from tests.bench import mailboxes
from tests.bench.memory import peak, resident
from tests.bench.node import Node
from tests.bench.table import markdown
from tests.bench.world import World
from tests.smtpsink import Sink
from tests.visitor import Answer, Visitor

TIMES = 20
TEXT = "A letter of some length.\n" * 40
_FIELD = re.compile(r'<input type="(?:hidden|checkbox)" name="([^"]+)" value="([^"]*)"')


class Writer:
    """Somebody who writes in a browser without a screen."""

    def __init__(self, node: Node, login: str) -> None:
        self.visitor = Visitor(f"http://127.0.0.1:{node.port}")
        answer = self.visitor.sign_in(login, mailboxes.PASSWORD)
        if answer.status != 303:
            raise ValueError(f"sign-in: {answer.status}")
        self.fields: dict[str, str] = {}

    def begin(self) -> None:
        self._take(self.visitor.get("/compose"))

    def save(self, text: str = TEXT, upload: bytes = b"") -> None:
        """A save as the page's script makes it."""
        form = {**self._form(text), "action": "save"}
        headers = {"X-Postern-Fragment": "saved"}
        if upload:
            self._take(self.visitor.upload("/compose", form, upload, headers))
        else:
            self._take(self.visitor.post("/compose", form, headers))

    def put(self, upload: bytes) -> None:
        """A file as the page's script uploads it."""
        about = urlencode({"name": "file.bin", "message_id": self.fields["message_id"]})
        answer = self.visitor.put(f"/compose/files?{about}", upload, {"X-CSRFToken": self.fields["csrf_token"]})
        if answer.status != 201:
            raise ValueError(f"{answer.status}: {answer.text[:300]}")

    def send(self) -> None:
        answer = self.visitor.post("/compose", {**self._form(TEXT), "action": "send"})
        if answer.status != 303:
            raise ValueError(f"send: {answer.status} {answer.text[:300]}")

    def _form(self, text: str) -> dict[str, str]:
        return {**self.fields, "to": "friend@elsewhere.example", "subject": secrets.token_hex(4), "text": text}

    def _take(self, answer: Answer) -> None:
        if answer.status != 200:
            raise ValueError(f"{answer.status}: {answer.text[:300]}")
        self.fields |= {name: unescape(value) for name, value in _FIELD.findall(answer.text)}


def table(world: World) -> str:
    """Median milliseconds of each step, and how far a worker grows, as a Markdown table."""
    login = f"writer{secrets.token_hex(4)}@bench.example"
    world.mail.add_user(login, mailboxes.PASSWORD)
    with Sink({login: mailboxes.PASSWORD}) as smtp:
        there = {"POSTERN_SUBMISSION_URL": f"smtp+plain://127.0.0.1:{smtp.port}", "POSTERN_UNDO_SECONDS": "0"}
        with world.node("writing", **there) as node:
            rows = _steps(Writer(node, login), smtp)
            writer, file = Writer(node, login), b"\0" * 25_000_000
            rows.append(("a worker's growth by a 25 MB upload, MB", _growth(node, writer, lambda: writer.put(file))))
            by_form = _growth(node, writer, lambda: writer.save(upload=file))
            rows.append(("the same by a form, without a script, MB", by_form))
    return markdown(["writing", "", "median"], [[what, "", f"{number:.1f}"] for what, number in rows])


def _steps(writer: Writer, smtp: Sink) -> list[tuple[str, float]]:
    rows = [("the form, ms", _median(writer.begin)), ("a save, ms", _median(writer.save))]
    writer.save(upload=b"\0" * 20_000_000)
    rows.append(("a save with 20 MB attached, ms", _median(writer.save)))
    times, until = [], []
    for _ in range(TIMES):
        writer.fields.clear()
        writer.begin()
        writer.save()
        count, began = len(smtp.taken), time.perf_counter()
        writer.send()
        times.append(time.perf_counter() - began)
        while len(smtp.taken) == count:
            time.sleep(0.001)
        until.append(time.perf_counter() - began)
    rows.append(("sending, until the next page, ms", statistics.median(times) * 1000))
    rows.append(("sending, until the submission server has it, ms", statistics.median(until) * 1000))
    return rows


def _median(step: Callable[[], None]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def _growth(node: Node, writer: Writer, upload: Callable[[], None]) -> float:
    """At its peak, of the worker that grew most."""
    before: Mapping[int, float] = {pid: resident(pid) for pid in node.workers()}
    for pid in before:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM
    writer.begin()
    upload()
    return max(peak(pid) - before[pid] for pid in before)
