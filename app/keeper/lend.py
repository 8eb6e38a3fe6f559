"""The keeper's side of the control socket: one connection is one lease, from the first line to the hand-back.

Whatever ends a control connection without a stated hand-back (worker killed, exception, silence for the lease's time,
nonsense) ends the IMAP connection as well, for every process that holds its descriptor.
"""

from __future__ import annotations

import array
import asyncio
import errno
import logging
import math
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.keeper.pool import Pool
from app.keeper.process import cancel
from app.keeper.protocol import MESSAGE_LIMIT, VERSION, Message, Wanted, decode, encode, error_message, own_user
from app.keeper.upstream import Upstream
from app.keeper.watch import Watchers
from app.mail.errors import ConnectionLost, MailError
from app.mail.login import Credentials, MasterUser
from app.mail.note import Note

REQUEST_SECONDS = 2.0  # for a line that the worker owes us
STILL_HERE = 0.1  # seconds between `wait` lines: 250 ms of silence make the worker log in by itself
YOUNG = 5.0  # seconds after a login in which it needs no NOOP: nothing is selected, and it was watched since

OBTAIN = 3  # tries

log = logging.getLogger("postern.keeper")


class Gone(Exception):
    """The worker closed the control connection, or sent what nobody should."""


class Conversation:
    """One control connection: lines in, lines and a descriptor out."""

    __slots__ = ("_buffer", "loop", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.loop = asyncio.get_running_loop()
        self._buffer = bytearray()

    async def receive(self, seconds: float) -> Message:
        """The next line. Gone at the end of the connection, on nonsense and after `seconds` of silence."""
        try:
            async with asyncio.timeout(seconds):
                while (end := self._buffer.find(b"\n")) < 0:
                    data = await self.loop.sock_recv(self.sock, 65_536)
                    if not data or len(self._buffer) > MESSAGE_LIMIT:
                        raise Gone
                    self._buffer += data
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            return decode(line)
        except (OSError, TimeoutError, ValueError):
            raise Gone from None

    async def send(self, message: Message, descriptor: int | None = None) -> None:
        """One line, the descriptor with its first byte."""
        data = encode(message)
        try:
            if descriptor is not None:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
                data = data[self.sock.sendmsg([data], rights) :]
            if data:
                await self.loop.sock_sendall(self.sock, data)
        except OSError:
            raise Gone from None


class Lender:
    """Listens on the Unix socket and serves each control connection in a task of its own."""

    def __init__(self, pool: Pool, watchers: Watchers, *, path: Path) -> None:
        self.pool, self.watchers, self.path = pool, watchers, path
        self.started = time.time()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener, self._inode = _bind(path)

    def start(self) -> None:
        """Serves from now on."""
        if self._listener.fileno() < 0:
            return  # stopped meanwhile
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def look_after(self) -> None:
        """Takes the name again where nobody has it: a keeper that had it meanwhile has ended, or a cleaner was here."""
        if self._listener.fileno() < 0 or os.path.lexists(self.path):
            return
        try:
            listener, inode = _bind(self.path)
        except OSError as error:
            log.warning("no socket at %s: %s", self.path, error)
            return
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()
        self._listener, self._inode = listener, inode
        self.start()

    def _accept(self) -> None:
        for _ in range(64):
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                self._pause_after(error)
                return
            if not own_user(sock):
                sock.close()
                continue
            sock.setblocking(False)
            task = asyncio.create_task(self._serve(sock))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _pause_after(self, error: OSError) -> None:
        """Out of descriptors the listener stays readable: without a pause the loop would spin."""
        if error.errno in (errno.EMFILE, errno.ENFILE):
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener.fileno())
            loop.call_later(0.1, self.start)

    async def _serve(self, sock: socket.socket) -> None:
        talk = Conversation(sock)
        try:
            await self._answer(talk, await talk.receive(REQUEST_SECONDS))
        except Gone:
            pass
        except Exception:
            log.exception("a control connection failed")
        finally:
            sock.close()

    async def _answer(self, talk: Conversation, message: Message) -> None:
        operation = message.get("op")
        if message.get("v") != VERSION:
            await talk.send({"error": "protocol"})
        elif operation == "status":
            await talk.send({"status": self.status()})
        else:
            await self._borrower(talk, operation, message)

    async def _borrower(self, talk: Conversation, operation: object, message: Message) -> None:
        try:
            wanted = Wanted.parse(message)
        except (KeyError, TypeError, ValueError):
            raise Gone from None
        if operation == "lease":
            await self._lease(talk, wanted, fresh=bool(message.get("fresh")), until=_until(message))
        elif operation == "sign_in":
            await self._sign_in(talk, wanted)
        elif operation == "watch":
            await self._watch(talk, wanted)

    # -- lease -------------------------------------------------------------------------------------------------------

    async def _lease(self, talk: Conversation, wanted: Wanted, *, fresh: bool, until: float) -> None:
        try:
            upstream, kept = await self._found(talk, wanted, fresh=fresh, until=until)
        except MailError as error:
            await talk.send(error_message(error))
            return
        self.pool.tally.kept += kept
        try:
            await self._hand_over(talk, upstream, kept)
        finally:
            if upstream.state == "lent":
                upstream.close()

    async def _found(self, talk: Conversation, wanted: Wanted, *, fresh: bool, until: float) -> tuple[Upstream, bool]:
        """A connection to lend now, and whether it was a kept one. Nothing is awaited between here and its lending."""
        ready = None if fresh else self.pool.take_ready(wanted)
        if ready is not None:
            return ready, True
        for _ in range(OBTAIN):
            upstream, kept = await self._obtain(talk, wanted, fresh, until)
            if upstream.ready:
                return upstream, kept
            upstream.close()  # revoked, or ended by the server, in the very round in which it was got
        raise ConnectionLost("connections end as fast as they are made")

    async def _obtain(self, talk: Conversation, wanted: Wanted, fresh: bool, until: float) -> tuple[Upstream, bool]:
        if not fresh:
            parked = await self._meanwhile(talk, self.pool.take_parked(wanted))
            if parked is not None:
                return parked, True
        credentials = await _credentials(talk, wanted)
        upstream = await self._meanwhile(talk, self.pool.acquire(wanted, credentials, fresh=fresh, until=until))
        return upstream, upstream.lease > 0

    async def _meanwhile(self, talk: Conversation, work: Any) -> Any:
        """Does the work, saying `wait` all the time. Where the worker is gone, what was got is kept for the next."""
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=STILL_HERE))[0]:
                await talk.send({"wait": True})
            return task.result()
        except (Gone, asyncio.CancelledError):
            if not task.done():
                task.cancel()
            with suppress(MailError, asyncio.CancelledError):
                if (upstream := await task) is not None:
                    self.pool.keep(upstream)
            raise

    async def _hand_over(self, talk: Conversation, upstream: Upstream, kept: bool) -> None:
        """Lends, and waits for the hand-back; on anything else the caller ends the connection."""
        young = upstream.lease == 0 and time.monotonic() - upstream.last_used < YOUNG
        descriptor, prefix = self.pool.lend(upstream)
        note = upstream.note.to_record()
        told = {"granted": True, "tag": prefix, "fresh": not kept, "young": young, "note": note}
        await talk.send(told, descriptor)
        while True:
            message = await talk.receive(self.pool.limits.lease_timeout)
            if "renew" in message:
                continue
            self.pool.take_back(upstream, _returned(message, upstream))
            return

    # -- sign-in, watching, status -----------------------------------------------------------------------------------

    async def _sign_in(self, talk: Conversation, wanted: Wanted) -> None:
        credentials = await _credentials(talk, wanted)
        try:
            seconds = self.pool.deadlines.sign_in
            upstream = await self._meanwhile(talk, self.pool.acquire(wanted, credentials, fresh=True, seconds=seconds))
        except MailError as error:
            await talk.send(error_message(error))
            return
        self.pool.keep(upstream)
        await talk.send({"done": True})

    async def _watch(self, talk: Conversation, wanted: Wanted) -> None:
        if not await self.watchers.may(wanted):
            await talk.send({"done": True})
            return
        try:
            credentials = await _credentials(talk, wanted)
        except Gone:
            await self.watchers.give_up(wanted.account)
            raise
        self.watchers.start(wanted, credentials)
        await talk.send({"done": True})

    def status(self) -> Message:
        """What `--status` and /metrics show. No account's name in it."""
        places: dict[str, dict[str, Any]] = {}
        for name, breaker in self.pool.breakers.items():
            places[name] = {"breaker": breaker.state}
        for upstream in self.pool.everything():
            place = places.setdefault(upstream.place, {"breaker": "closed"})
            place[upstream.state] = place.get(upstream.state, 0) + 1
        tally = self.pool.tally
        return {
            "node": self.pool.counts.node,
            "pid": os.getpid(),
            "seconds": round(time.time() - self.started, 1),
            "servers": places,
            "accounts": len(self.pool.accounts()),
            "waiting": self.pool.waiting,
            "watchers": self.watchers.count,
            "tally": {name: getattr(tally, name) for name in tally.__slots__},
        }

    # -- the end -----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Takes no new leases; unlinks the socket only where it is still ours (two keepers overlap at a reload)."""
        with suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()
        with suppress(OSError):
            if os.stat(self.path).st_ino == self._inode:
                os.unlink(self.path)

    async def drain(self, seconds: float) -> None:
        """Lets running leases end by themselves for a while."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        await cancel(self._tasks)


def _returned(message: Message, upstream: Upstream) -> Note:
    """The note of a hand-back; its capabilities are left out where they are as they were."""
    try:
        record = message["back"]
        if record["capabilities"] is None:
            record["capabilities"] = upstream.note.capabilities
        return Note.from_record(record)
    except (KeyError, TypeError, ValueError):
        raise Gone from None


def _until(message: Message) -> float:
    """The time at which the worker wants an answer."""
    seconds: Any = message.get("seconds")
    return time.monotonic() + seconds if type(seconds) in (int, float) and 0 < seconds < 60 else math.inf


async def _credentials(talk: Conversation, wanted: Wanted) -> Credentials:
    """Asks for the password, which is sent only when a login is needed, and held during it only."""
    await talk.send({"wait": True, "need": "password"})
    message = await talk.receive(REQUEST_SECONDS)
    try:
        master = MasterUser(**message["master"]) if message.get("master") else None
        return Credentials(wanted.login, str(message["password"]), network=wanted.network, master=master)
    except (KeyError, TypeError):
        raise Gone from None


def _bind(path: Path) -> tuple[socket.socket, int]:
    """A listening socket under its name at once: bound in a private directory under another name, then renamed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.stat(path.parent)
    if folder.st_uid != os.geteuid() or folder.st_mode & 0o022:
        raise PermissionError(f"{path.parent} must belong to this user, and nobody else may write to it")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    listener.bind(str(temporary))
    os.chmod(temporary, 0o600)
    listener.listen(1024)
    inode = os.stat(temporary).st_ino
    os.rename(temporary, path)
    return listener, inode
