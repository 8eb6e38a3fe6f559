"""A mail server's LMTP (RFC 2033), or SMTP, that takes everything and remembers for whom."""

from __future__ import annotations

import socket

from tests.mta.peers import Server


class Lmtp(Server):
    """`taken`: envelope recipients, in their order · `letters`: each message with its sender before it."""

    busy = False  # whether it asks to come again with everything
    together = False  # whether all recipients get one answer

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener)
        self.taken: list[str] = []
        self.letters: list[tuple[str, bytes]] = []

    def serve(self, connection: socket.socket) -> None:
        """One answer to each recipient after the message."""
        named: list[str] = []
        sender = ""
        with connection.makefile("rwb") as lines:

            def say(*texts: str) -> None:
                lines.write("".join(f"{each}\r\n" for each in texts).encode())
                lines.flush()

            say("220 mail1 LMTP")
            for line in lines:
                word = line[:4].upper()
                if word == b"MAIL":
                    if self.busy:
                        say("451 later")
                        continue
                    sender = line.partition(b"<")[2].partition(b">")[0].decode()
                if word == b"RCPT":
                    named.append(line.partition(b"<")[2].partition(b">")[0].decode())
                if word == b"DATA":
                    say("354 go on")
                    text = b"".join(iter(lines.readline, b".\r\n"))
                    self.letters.append((sender, text))
                    self.taken += named
                    say(*("250 kept" for _ in named[: 1 if self.together else None]))
                    named = []
                elif word == b"QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 mail1")


class Smtp(Lmtp):
    """Mail for others, by SMTP."""

    together = True
