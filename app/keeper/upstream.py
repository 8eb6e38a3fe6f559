"""One authenticated connection of the keeper's: opened, lent, taken back, parked in IDLE, woken, ended.

States: idle (ours, awake) · parking (IDLE sent, `+` awaited) · parked · waking (DONE sent) · lent · closed. While it is
ours a reader watches it, so that news and the end of the connection are known before the next borrower comes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from app.keeper.channel import Channel, connected
from app.keeper.protocol import Key, Wanted
from app.keeper.pump import Pump
from app.mail.errors import ConnectionLost, ServerAway
from app.mail.login import Credentials, Step, dialogue
from app.mail.note import Note
from app.mail.response import Response, Responses, status
from app.mail.wire import Argument, encode

WAKE_SECONDS = 1.0
COMMAND_SECONDS = 5.0
UNASKED = 4_000_000  # bytes that a server may say unasked: flags of 100,000 messages that another program changed
WITHOUT_IDLE = 3600.0  # seconds until a mail server that refused IDLE is asked for it again
HEARD = 100  # untagged responses of a command that are remembered, the last ones

State = Literal["idle", "parking", "parked", "waking", "lent", "closed"]

_known_capabilities: dict[tuple[str, ...], tuple[str, ...]] = {}  # one copy per server: 1,000 connections share it
_refused_idle: dict[str, float] = {}  # mail servers that offer IDLE and refuse it, and when: nothing is parked there


class Upstream:
    """`key` finds it, `account` and `place` count it, `epoch` ends it. `on_end` is called once, when it closes."""

    __slots__ = (
        "_lease_pump", "_reader_on", "_tag", "_unasked", "_waiter", "account", "channel", "epoch", "key", "last_used",
        "lease", "note", "on_end", "on_news", "opened", "place", "stale", "state",
    )  # fmt: skip

    def __init__(self, channel: Channel, note: Note, wanted: Wanted) -> None:
        self.channel = channel
        self.note = note
        self.key: Key = wanted.key
        self.account, self.place, self.epoch = wanted.account, wanted.place, wanted.epoch
        self.state: State = "idle"
        self.opened = self.last_used = time.monotonic()
        self.lease = 0
        self.stale = False  # to be ended at hand-back
        self.on_end: Callable[[Upstream], None] | None = None
        self.on_news: Callable[[], None] | None = None
        self._lease_pump: Pump | None = None
        self._waiter: asyncio.Future[bytes] | None = None
        self._tag = b""
        self._unasked = 0
        self._reader_on = False
        self._share_capabilities()

    def _share_capabilities(self) -> None:
        if len(_known_capabilities) > 1000:
            _known_capabilities.clear()
        self.note.capabilities = _known_capabilities.setdefault(self.note.capabilities, self.note.capabilities)

    # -- ours: watched -----------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """From now on what the server says is read as it comes."""
        self._reader_on = True
        self.channel.loop.add_reader(self.channel.sock.fileno(), self._readable)
        if self.channel.secure or self.channel.responses.buffer:
            self.channel.loop.call_soon(self._readable)  # bytes inside OpenSSL make no descriptor readable

    def _unwatch(self) -> None:
        if self._reader_on:
            self._reader_on = False
            self.channel.loop.remove_reader(self.channel.sock.fileno())

    def _readable(self) -> None:
        if not self._reader_on:
            return
        before = len(self.channel.responses.buffer)
        alive = self.channel.read_now()
        self._unasked += len(self.channel.responses.buffer) - before
        try:
            while self._reader_on and (response := self.channel.next_response()):
                self._heard(response)
        except ConnectionLost:
            alive = False
        alive = alive and self._unasked <= UNASKED
        if not alive and self._reader_on:
            self.close()

    def _heard(self, response: Response) -> None:
        line = response[0]
        if line.startswith(b"* "):
            if self.note.apply(response):
                self.close()
            elif self.on_news is not None:
                self.on_news()
        elif line.startswith(b"+") and self.state == "parking":
            self.state = "parked"
            self._answer(line)
        elif self._tag and line.startswith(self._tag + b" ") and self.state in ("parking", "waking"):
            self._idle_ended(line)
        else:
            self.close()  # an answer to nothing that was asked

    def _idle_ended(self, line: bytes) -> None:
        word, waited = status(line), self.state == "waking"
        self._tag = b""
        if not waited:
            if len(_refused_idle) > 1000:
                _refused_idle.clear()
            _refused_idle[self.place] = time.monotonic()
        if word == b"BAD" or (waited and word != b"OK"):
            self.close()
            return
        self.state = "idle"
        self._answer(line)

    def _answer(self, line: bytes) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(line)

    async def _next_answer(self) -> None:
        self._waiter = self.channel.loop.create_future()
        try:
            async with asyncio.timeout(WAKE_SECONDS):
                await self._waiter
        finally:
            self._waiter = None

    # -- parking -----------------------------------------------------------------------------------------------------

    @property
    def parks(self) -> bool:
        """Whether it can wait in IDLE."""
        refused = _refused_idle.get(self.place)
        return self.note.has("IDLE") and (refused is None or time.monotonic() - refused > WITHOUT_IDLE)

    def park(self) -> None:
        """Sends IDLE; the reader does the rest. Dovecot hibernates such connections by itself."""
        if self.state != "idle" or not self.parks:
            return
        self._tag = b"I%d" % self.lease
        self.state = "parking"
        if not self.channel.send_now(self._tag + b" IDLE\r\n"):
            self.close()

    async def wake(self) -> bool:
        """From parking or parked to idle; False where it had to be closed. A second caller waits for nothing."""
        try:
            if self.state == "parking":
                await self._next_answer()
            if self.state == "parked":
                self.state = "waking"
                if not self.channel.send_now(b"DONE\r\n"):
                    raise ConnectionLost("cannot wake")
                await self._next_answer()
        except (TimeoutError, ConnectionLost):
            self.close()
        except asyncio.CancelledError:
            self.close()
            raise
        return self.state == "idle"

    # -- commands of the keeper's own ---------------------------------------------------------------------------------

    async def command(self, *line: Argument) -> tuple[bytes, Sequence[Response]]:
        """One command on an idle connection: its tagged line and the untagged responses.

        ConnectionLost or TimeoutError: then it must be closed.
        """
        self._unwatch()
        self.lease += 1
        self._unasked = 0
        tag = b"W%d" % self.lease
        untagged: deque[Response] = deque(maxlen=HEARD)
        self.note.before(line[0] if isinstance(line[0], bytes) else b"")
        async with asyncio.timeout(COMMAND_SECONDS):
            for piece in encode(tag, line, plus=True):
                await self.channel.send(piece)
            while not (response := await self.channel.receive())[0].startswith(tag + b" "):
                self._unasked += sum(map(len, response))
                if not response[0].startswith(b"* ") or self.note.apply(response) or self._unasked > UNASKED:
                    raise ConnectionLost("out of step")
                untagged.append(response)
        self.note.take_code(response[0])
        if status(response[0]) == b"BAD":
            raise ConnectionLost("BAD")
        self.watch()
        return response[0], tuple(untagged)

    # -- lending -----------------------------------------------------------------------------------------------------

    def lend(self) -> tuple[int, str]:
        """Gives it away: the descriptor to pass on and the tag prefix of this lease. The note then holds the rest."""
        self._unwatch()
        self.state = "lent"
        self.lease += 1
        self.note.lease = self.lease
        self.note.rest = bytes(self.channel.responses.buffer)
        self.channel.responses = Responses()
        self.last_used = time.monotonic()
        if not self.channel.secure:
            return self.channel.sock.fileno(), f"L{self.lease}x"
        self._lease_pump = Pump(self.channel.sock)
        return self._lease_pump.lent.fileno(), f"L{self.lease}x"

    def take_back(self, note: Note) -> bool:
        """After a stated hand-back: idle again, or closed and False."""
        if self.state != "lent" or note.lease != self.lease:
            self.close()
            return False
        rest: bytes | None = note.rest
        if self._lease_pump is not None:
            unread = self._lease_pump.finish()
            self._lease_pump = None
            rest = None if unread is None else note.rest + unread
        if rest is None or self.stale:
            self.close()
            return False
        self._renew(note, rest)
        return True

    def _renew(self, note: Note, rest: bytes) -> None:
        authenticated_at = self.note.authenticated_at
        self.note = note
        note.authenticated_at, note.rest = authenticated_at, b""
        self._share_capabilities()
        if not note.keeps_selection:
            note.selected = None
        self.channel.responses.feed(rest)
        self.channel.sock.setblocking(False)  # O_NONBLOCK is shared with the worker
        self.last_used = time.monotonic()
        self._unasked = 0
        self.state = "idle"
        self.watch()

    def close(self) -> None:
        """Ends it in every state and every process."""
        if self.state == "closed":
            return
        self.state = "closed"
        self._unwatch()
        if self._lease_pump is not None:
            self._lease_pump.close()
            self._lease_pump = None
        self.channel.close()
        self._answer(b"")
        if self.on_news is not None:
            self.on_news()
        if self.on_end is not None:
            self.on_end(self)

    def age(self) -> float:
        """Seconds since its login; not by the clock, which may be set back."""
        return time.monotonic() - self.opened

    @property
    def ready(self) -> bool:
        """Awake, and in the middle of nothing."""
        return self.state == "idle" and self.channel.responses.between

    @property
    def ours(self) -> bool:
        """Kept, not lent: may be ended for another's sake."""
        return self.state in ("idle", "parking", "parked")


async def open_upstream(
    wanted: Wanted, credentials: Credentials, *, connect: float, login: float, ca_file: str | None = None
) -> Upstream:
    """Connect, TLS, login, within so many seconds each. Raises the tree of app/mail/errors.py."""
    channel = await connected(wanted.endpoint, connect)
    try:
        async with asyncio.timeout(login):
            note = await _drive(channel, wanted, credentials, ca_file)
    except TimeoutError:
        channel.close()
        raise ServerAway("timed out during login") from None
    except BaseException:
        channel.close()
        raise
    upstream = Upstream(channel, note, wanted)
    upstream.watch()
    return upstream


async def _drive(channel: Channel, wanted: Wanted, credentials: Credentials, ca_file: str | None) -> Note:
    talk = dialogue(credentials, security=wanted.endpoint.security)
    if wanted.endpoint.security == "tls":
        await channel.upgrade(wanted.endpoint, ca_file)
    answer: Response | None = None
    try:
        while True:
            step = talk.send(answer)
            answer = await channel.receive() if step is Step.HEAR else None
            if step is Step.UPGRADE:
                await channel.upgrade(wanted.endpoint, ca_file)
            elif isinstance(step, bytes):
                await channel.send(step)
    except StopIteration as end:
        note: Note = end.value
        return note
    except ConnectionLost as error:
        raise ServerAway(f"during login: {error.text}") from None
