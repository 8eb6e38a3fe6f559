"""A connection to PostgreSQL that does not wait for ever."""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

_V = TypeVar("_V")


def impatient_connect(timeout: float | None) -> Any:
    """Connects with a class that gives up on a server which accepts and then says nothing (stopped, or behind a dead
    proxy): psycopg alone would wait for ever, as the server's own limit does not run then."""
    patience = None if timeout is None else timeout + 0.5

    class ImpatientConnection(psycopg.Connection[Any]):
        def wait(self, gen: PQGen[_V], interval: float = 0.1, timeout: float | None = None) -> _V:
            try:
                return super().wait(gen, interval, timeout if timeout is not None else patience)
            except psycopg.OperationalError:
                if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                    self.pgconn.finish()  # its answer may still come and must never be taken for the next one's
                raise

    def connect(_dialect: object, _record: object, arguments: Any, keywords: Any) -> Any:
        return ImpatientConnection.connect(*arguments, **keywords)

    return connect
