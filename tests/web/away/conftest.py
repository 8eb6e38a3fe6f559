"""Somebody with a script on a real Dovecot, as the pages of filters have them."""

from tests.web.filters.conftest import filters_app, owner

__all__ = ["filters_app", "owner"]
