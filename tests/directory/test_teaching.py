"""A site's own way to teach the filter; where it says none, or something that is none, nothing is said."""

from app.directory.engine import open_engine
from app.directory.resolve import Directory
from app.directory.tables import Base, SiteRow
from app.directory.teaching import Teaching, teaching


def test_a_sites_way_is_read_and_an_unknown_site_has_none():
    engine = open_engine("sqlite://")
    Base.metadata.create_all(engine)
    ways = {1: {"learning": "address", "learn_spam_to": "spam@a.example", "learn_ham_to": "ham@a.example"},
            2: {"learning": "none"}, 3: {}, 4: {"learning": "magic"}}  # fmt: skip
    with engine.begin() as rows:
        for number, values in ways.items():
            row = {"site_id": number, "name": f"s{number}", "primary_domain": "a.example", **values}
            rows.execute(SiteRow.__table__.insert().values(row))
    directory = Directory(engine)
    assert teaching(directory, "1") == Teaching("address", "spam@a.example", "ham@a.example")
    assert teaching(directory, "2") == Teaching("none")
    for site in ("3", "4", "5", "", "one", "\u0663", "9" * 20):
        assert teaching(directory, site) is None
