"""The two sites of the administrators' tests: log, rules, settings and profiles."""

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.profile.tables import Base
from tests.web.admin.world import fill


@pytest.fixture
def log(app: Flask) -> Engine:
    engine = fill(app)
    Base.metadata.create_all(engine)
    return engine
