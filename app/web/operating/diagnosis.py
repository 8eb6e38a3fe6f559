"""What an operator's look at a node is made of: parts, each with its findings and a line, looked at side by side.

doctor.py has the parts of the node, doctor_mail.py those of the mail servers.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

PART_SECONDS = 5.0
AT_ONCE = 16  # parts, so that many dead mail servers do not add up

State = Literal["ok", "warning", "fault"]
_WORSE: tuple[State, ...] = ("ok", "warning", "fault")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing seen, and what to do where it is not as it should be."""

    state: State
    text: str
    todo: str = ""


Check = Callable[[], Iterable[Finding]]
Part = tuple[str, Check]


def worst(findings: list[Finding]) -> State:
    """The state of a part."""
    return max((each.state for each in findings), key=_WORSE.index, default="ok")


def line(name: str, findings: list[Finding]) -> str:
    """A part in one line: what is worst first, then what to do."""
    told = sorted(findings, key=lambda each: -_WORSE.index(each.state))
    text = "; ".join(each.text for each in told)
    todo = "; ".join(dict.fromkeys(each.todo for each in told if each.todo))
    # A mail server's words may hold what would move a terminal's cursor.
    whole = f"{worst(findings):8} {name}: {text}" + (f". To do: {todo}" if todo else "")
    return "".join(letter if letter.isprintable() else "?" for letter in whole)


def run(parts: list[Part]) -> Iterator[tuple[str, list[Finding]]]:
    """The findings of each part in order; a part that takes too long is left behind (a name server may be silent)."""
    for at in range(0, len(parts), AT_ONCE):
        batch = [(name, *_started(check)) for name, check in parts[at : at + AT_ONCE]]
        end = time.monotonic() + PART_SECONDS
        for name, thread, findings in batch:
            thread.join(max(0.0, end - time.monotonic()))
            silent = [Finding("fault", f"no answer within {PART_SECONDS:.0f} s")] if thread.is_alive() else []
            yield name, [*list(findings), *silent]


def _started(check: Check) -> tuple[threading.Thread, list[Finding]]:
    findings: list[Finding] = []

    def work() -> None:
        try:
            for each in check():
                findings.append(each)
        except Exception as error:  # a check that fails is a finding, and the other parts are still looked at
            findings.append(Finding("fault", f"cannot be looked at: {type(error).__name__}"))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, findings
