"""Mail servers write logs, and a follower reads them into a migrated database."""

from tests.anydatabase import migrated

__all__ = ["migrated"]
