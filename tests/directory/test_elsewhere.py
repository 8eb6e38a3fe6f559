"""What a site says of filters; where nobody can know, nothing is said."""

from app.directory.elsewhere import Elsewhere, elsewhere
from app.directory.engine import open_engine
from app.directory.resolve import Directory
from app.directory.tables import Base, SiteRow


def test_a_sites_words_are_read_and_an_unknown_site_has_none():
    engine = open_engine("sqlite://")
    Base.metadata.create_all(engine)
    values = {"filters_words": "Ask us.", "filters_page": "https://isp.example/x", "forward_here": True}
    with engine.begin() as rows:
        rows.execute(SiteRow.__table__.insert().values(site_id=1, name="a", primary_domain="a.example", **values))
        rows.execute(SiteRow.__table__.insert().values(site_id=2, name="b", primary_domain="b.example"))
    directory = Directory(engine)
    assert elsewhere(directory, "1") == Elsewhere("Ask us.", "https://isp.example/x", True, True)
    for site in ("2", "3", "", "one", "imap.example:993", "\u0663", "9" * 20):
        assert elsewhere(directory, site) == Elsewhere()
