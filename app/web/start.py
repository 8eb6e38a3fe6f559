"""Opens what a worker holds, from its settings. A mistake stops the start with one line."""

from redis import Redis

from app.courier.accounts import Keys
from app.courier.post import Post
from app.directory.engine import asking, open_engine
from app.directory.errors import DirectoryError
from app.directory.open import open_directory
from app.directory.resolve import Directory
from app.keeper.lease import Borrower
from app.migrations import current, missing_migrations
from app.store.connect import Gate, connect
from app.store.seal import Keyring
from app.store.throttle import Limits as SignInLimits
from app.store.throttle import LocalThrottle
from app.web.brand import read_brands
from app.web.resources import Resources, sign_in_places
from app.web.serving.log import described, logger
from config.default import Settings

DIRECTORY_REST = 5.0


def open_resources(settings: Settings) -> Resources:
    """Clients for Redis, the directory and the keeper; nothing is connected yet. Raises BrandError, DirectoryBroken."""
    limits = SignInLimits(settings.account_failures, settings.network_failures, settings.failure_window)
    redis, ring = connect(settings.redis_url), Keyring(settings.secret_keys)
    directory, borrower = open_directory(settings), open_borrower(settings)
    return Resources(
        settings=settings,
        ring=ring,
        redis=redis,
        cache=redis if settings.cache_url in (None, settings.redis_url) else connect(settings.cache_url or ""),
        gate=Gate(),
        directory_gate=Gate(DIRECTORY_REST),
        directory=directory,
        borrower=borrower,
        post=open_post(settings, directory, redis, ring, borrower),
        brands=read_brands(settings.brands),
        throttle=LocalThrottle(limits),
        sign_ins=sign_in_places(settings.threads),
    )


def tell_missing_migrations(settings: Settings) -> None:
    """A node never migrates by itself; it says at its start what is missing. SQL that is away does not stop it."""
    # With an own schema, or one mail server for everybody, it may be served without any table of ours.
    needed = settings.directory_query is None and settings.imap_url is None
    _tell_missing(settings.database_url, "the database", needed=needed)
    if settings.blocklog_database_url not in (None, settings.database_url):
        _tell_missing(settings.blocklog_database_url or "", "the block log's database", needed=True)


def _tell_missing(url: str, name: str, *, needed: bool) -> None:
    engine = open_engine(url)
    try:
        with asking():
            missing = missing_migrations(engine) if needed or current(engine) is not None else []
    except DirectoryError as error:
        if needed:
            logger.warning(f"{name} does not answer", extra=described(error))
        return
    finally:
        engine.dispose()
    if missing:
        logger.warning(
            "migrations are missing: flask --app wsgi database upgrade", extra={"detail": ", ".join(missing)}
        )


def open_borrower(settings: Settings) -> Borrower:
    """The keeper's client."""
    ca_file = str(settings.ca_file) if settings.ca_file else None
    return Borrower(
        str(settings.keeper_socket), settings.secret_key, settings.limits, settings.deadlines, ca_file=ca_file
    )


def open_post(settings: Settings, directory: Directory, redis: Redis, ring: Keyring, borrower: Borrower) -> Post:
    """The outbox, in Postern's own database."""
    own = settings.directory_database_url in (None, settings.database_url)
    engine = directory.engine if own else open_engine(settings.database_url)
    outbox = Keyring(settings.outbox_keys) if settings.outbox_keys else None
    return Post(engine, redis, Keys(ring, outbox, settings.master), borrower)
