"""Bytes between a TLS connection and a worker; here the connection is one end of a pair of sockets as well."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from app.keeper.pump import HIGH_WATER, Pump


@contextmanager
def server_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, server = socket.socketpair()
    ours.setblocking(False)
    server.settimeout(5)
    with ours, server:
        yield ours, server


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.002)


def test_bytes_go_both_ways_and_the_unread_ones_come_out_at_the_end() -> None:
    async def run() -> None:
        with server_pair() as (ours, server):
            pump = Pump(ours)
            with socket.socket(fileno=os.dup(pump.lent.fileno())) as worker:
                worker.settimeout(5)
                worker.sendall(b"A1 NOOP\r\n")
                await settle()
                assert server.recv(100) == b"A1 NOOP\r\n"
                server.sendall(b"A1 OK\r\n* 3 EXISTS\r\n")
                await settle()
                assert worker.recv(7) == b"A1 OK\r\n"
            server.sendall(b"* 4 EXISTS\r\n")
            await settle()
            assert pump.finish() == b"* 3 EXISTS\r\n* 4 EXISTS\r\n"
            assert ours.fileno() >= 0  # the connection itself stays

    asyncio.run(run())


def test_a_connection_is_not_reused_when_the_worker_sent_something_last_or_the_server_ended() -> None:
    async def run() -> None:
        with server_pair() as (ours, server):
            pump = Pump(ours)
            with socket.socket(fileno=os.dup(pump.lent.fileno())) as worker:
                worker.sendall(b"A2 half a comm")
                assert pump.finish() is None
        with server_pair() as (ours, server):
            pump = Pump(ours)
            server.close()
            await settle()
            assert pump.finish() is None

    asyncio.run(run())


def test_a_worker_that_made_its_end_blocking_does_not_stop_the_keeper() -> None:
    async def run() -> None:
        with server_pair() as (ours, _server):
            pump = Pump(ours)
            with socket.socket(fileno=os.dup(pump.lent.fileno())) as worker:
                worker.setblocking(True)
                assert pump.finish() == b""

    asyncio.run(asyncio.wait_for(run(), 5))


def test_a_worker_that_does_not_read_stops_the_server_not_the_memory() -> None:
    async def run() -> None:
        with server_pair() as (ours, server):
            server.setblocking(False)
            pump = Pump(ours)
            sent = 0
            for _ in range(200):
                try:
                    sent += server.send(b"x" * 65536)
                except BlockingIOError:
                    await asyncio.sleep(0.002)
            assert len(pump._down) < HIGH_WATER + 65536
            assert sent < 4_000_000
            with socket.socket(fileno=os.dup(pump.lent.fileno())) as worker:
                worker.setblocking(False)
                got = 0
                for _ in range(5000):
                    try:
                        got += len(worker.recv(65536))
                    except BlockingIOError:
                        await asyncio.sleep(0.001)
                    if got == sent:
                        break
                assert got == sent
            assert pump.finish() == b""

    asyncio.run(run())


def test_whoever_still_holds_the_workers_end_sees_the_end() -> None:
    async def run() -> None:
        with server_pair() as (ours, _server):
            pump = Pump(ours)
            with socket.socket(fileno=os.dup(pump.lent.fileno())) as worker:
                pump.close()
                worker.settimeout(1)
                assert worker.recv(1) == b""

    asyncio.run(run())
