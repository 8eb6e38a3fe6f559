"""The log of the world's two sites."""

import pytest
from flask import Flask
from sqlalchemy import Engine

from tests.web.admin.world import fill


@pytest.fixture
def log(app: Flask) -> Engine:
    return fill(app)
