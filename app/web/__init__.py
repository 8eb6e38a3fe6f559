"""The web: create_app, with the route table on one screen. Only this room knows Flask.

A request: proxies.py believes the balancer, headers.py checks host and origin, session.py reads who is signed in,
a view answers, headers.py adds the policies, errors.py turns any exception into its page.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, get_flashed_messages, request
from flask import redirect as redirected
from flask_login import LoginManager
from werkzeug.exceptions import UnsupportedMediaType

from app.directory.errors import DirectoryBroken
from app.mail.mailbox import MANY
from app.web import brand, carry, errors, headers, session, spool
from app.web.admin import account, accounts, adding, editing, importing, operation, passwords, servers, site, totals
from app.web.away import forwarding, vacation
from app.web.blocked import acting, doings, expecting, export, pages, told, where, words
from app.web.brand import BrandError
from app.web.contacts import contacts, files, groups
from app.web.cookie import CookieSessions
from app.web.digest import pages as digests
from app.web.filters import editor, rules, text
from app.web.format import filters
from app.web.letter import people, uploads
from app.web.lists import forget, listfile, senders, spam
from app.web.mailboxes import branches, folders
from app.web.operating import commands, health
from app.web.reading import mailbox, message, rows
from app.web.resources import resources
from app.web.sending import redirect, underway
from app.web.serving import body, crowd, icon, metrics, pack, proxies, shared_metrics, static, templates, timing
from app.web.serving.csrf import Protection
from app.web.serving.log import logger, set_up
from app.web.settings import backend, identities, looks, preferences, texts
from app.web.signing import login, password, sessions
from app.web.spool import FormRequest
from app.web.start import open_resources, tell_missing_migrations
from app.web.urls import MailboxConverter, remembered
from app.web.writing import compose, copies
from config.default import Settings, load, unknown
from config.setting import SettingError

ROOT = Path(__file__).parents[2]
GET, POST, PUT, DELETE = ("GET",), ("POST",), ("PUT",), ("DELETE",)
NUMBER, LONG = "<int(max=2147483647):number>", "<int(max=9223372036854775807):number>"
ONE = "/mail/<mailbox:mailbox>/<int:uidvalidity>/<int:uid>"
LEVEL = "/admin/<any(site, global):level>"

# address, endpoint, view, methods
ROUTES: Sequence[tuple[str, str, Any, Sequence[str]]] = (
    ("/", "root", lambda: redirected(session.home(), 303), GET),
    ("/login", "login.sign_in", login.sign_in, GET + POST),
    ("/logout", "login.sign_out", login.sign_out, POST),
    ("/mail/<mailbox:mailbox>/", "mailbox.show", mailbox.show, GET),
    ("/mail/<mailbox:mailbox>/actions", "mailbox.act", mailbox.act, POST),
    ("/mail/<mailbox:mailbox>/undo", "mailbox.undo", mailbox.undo, POST),
    ("/changes", "mailbox.changes", mailbox.changes, GET),
    (ONE, "message.show", message.show, GET),
    (f"{ONE}/frame", "message.frame", message.frame, GET),
    (f"{ONE}/part/<section>", "message.part", message.part, GET),
    (f"{ONE}/raw", "message.raw", message.raw, GET),
    (f"{ONE}/eml", "message.download", message.download, GET),
    (f"{ONE}/zip", "message.archive_zip", message.archive_zip, GET),
    (f"{ONE}/headers", "message.headers", message.headers, GET),
    (f"{ONE}/remote", "message.remote", message.remote, POST),
    (f"{ONE}/redirect", "redirect.show", redirect.show, GET),
    (f"{ONE}/redirect", "redirect.send", redirect.send, POST),
    ("/compose", "compose.new", compose.new, GET),
    ("/compose", "compose.post", compose.post, POST),
    ("/compose/check", "compose.check", people.check, POST),
    ("/compose/files", "compose.attach", uploads.put, PUT),
    ("/compose/files", "compose.detach", uploads.remove, DELETE),
    ("/compose/copies", "compose.copies", copies.show, GET),
    ("/drafts/<int:uidvalidity>/<int:uid>", "compose.stored", compose.stored, GET),
    ("/outbox", "outbox.show", underway.show, GET),
    ("/outbox/<number>", "outbox.decide", underway.decide, POST),
    ("/contacts", "contacts.show", contacts.show, GET),
    ("/contacts/suggest", "contacts.suggestions", people.suggest, GET),
    ("/contacts/new", "contacts.new", contacts.new, GET),
    ("/contacts/new", "contacts.add", contacts.add, POST),
    ("/contacts/recent", "contacts.recent", contacts.recent, GET),
    ("/contacts/recent", "contacts.forget", contacts.forget, POST),
    ("/contacts/groups", "contacts.regroup", groups.change, POST),
    ("/contacts/duplicates", "contacts.duplicates", groups.same, GET),
    ("/contacts/import", "contacts.choose", files.choose, GET),
    ("/contacts/import", "contacts.read", files.read, POST),
    ("/contacts/export.vcf", "contacts.export_vcf", files.export_vcf, GET),
    ("/contacts/export.csv", "contacts.export_csv", files.export_csv, GET),
    ("/contacts/<number>", "contacts.edit", contacts.edit, GET),
    ("/contacts/<number>", "contacts.save", contacts.save, POST),
    ("/contacts/<number>/delete", "contacts.delete", contacts.delete, POST),
    ("/contacts/<number>/merge", "contacts.merge", contacts.merge, POST),
    ("/settings/identities", "identities.show", identities.show, GET),
    ("/settings/identities/new", "identities.new", identities.new, GET),
    ("/settings/identities/new", "identities.add", identities.add, POST),
    ("/settings/identities/<number>", "identities.edit", identities.edit, GET),
    ("/settings/identities/<number>", "identities.save", identities.save, POST),
    ("/settings/identities/<number>/remove", "identities.remove", identities.remove, POST),
    ("/settings/writing", "preferences.edit", preferences.edit, GET),
    ("/settings/writing", "preferences.save", preferences.save, POST),
    ("/settings/texts", "texts.show", texts.show, GET),
    ("/settings/texts/new", "texts.new", texts.new, GET),
    ("/settings/texts/new", "texts.add", texts.add, POST),
    ("/settings/texts/<number>", "texts.edit", texts.edit, GET),
    ("/settings/texts/<number>", "texts.save", texts.save, POST),
    ("/settings/texts/<number>/remove", "texts.remove", texts.remove, POST),
    ("/compose/texts/<number>", "compose.text", texts.told, GET),
    ("/filters", "filters.show", rules.show, GET),
    ("/filters", "filters.change", rules.change, POST),
    ("/filters/consent", "filters.consent", rules.consent, POST),
    ("/filters/text", "filters.text", text.edit, GET),
    ("/filters/text", "filters.save_text", text.save, POST),
    ("/filters/rules/new", "filters.new", editor.new, GET),
    ("/filters/rules/new", "filters.add", editor.add, POST),
    ("/filters/rules/<int(max=99999):number>", "filters.edit", editor.edit, GET),
    ("/filters/rules/<int(max=99999):number>", "filters.save", editor.save, POST),
    ("/vacation", "vacation.show", vacation.show, GET),
    ("/vacation", "vacation.save", vacation.save, POST),
    ("/forwarding", "forwarding.show", forwarding.show, GET),
    ("/forwarding", "forwarding.save", forwarding.save, POST),
    ("/blocked", "blocked.show", pages.show, GET),
    ("/blocked.csv", "blocked.export", export.blocked, GET),
    ("/blocked/<row>", "blocked.one", pages.one, GET),
    ("/blocked/<row>/remedy", "blocked.remedy", acting.act, POST),
    ("/blocked/<row>/tell", "blocked.tell", acting.tell, GET),
    ("/received", "received.show", pages.received, GET),
    ("/received.csv", "received.export", export.received, GET),
    ("/where", "blocked.where", where.where, GET),
    ("/expecting", "blocked.expect", expecting.expect, GET),
    ("/expecting/news", "blocked.news", expecting.news, GET),
    ("/folders", "folders.everything", folders.everything, GET),
    ("/settings/folders", "folders.edit", folders.edit, GET),
    ("/settings/folders", "folders.save", folders.save, POST),
    ("/settings/digest", "blocked.digest", digests.edit, GET),
    ("/settings/digest", "blocked.save_digest", digests.save, POST),
    ("/digest/<token>", "blocked.link", digests.ask, GET),
    ("/digest/<token>", "blocked.follow", digests.act, POST),
    ("/settings/actions", "blocked.actions", doings.show, GET),
    (f"/settings/actions/{LONG}/undo", "blocked.undo", doings.undo, POST),
    ("/settings/actions/unhide", "blocked.unhide", doings.unhide, POST),
    (f"/settings/actions/rules/{NUMBER}/remove", "blocked.remove_rule", doings.remove, POST),
    ("/settings/password", "password.show", password.show, GET),
    ("/settings/password", "password.save", password.save, POST),
    ("/settings/sessions", "settings.sessions", sessions.sessions, GET),
    ("/settings/sessions/revoke", "settings.revoke", sessions.revoke, POST),
    ("/settings/sessions/everywhere", "settings.sign_out_everywhere", sessions.sign_out_everywhere, POST),
    ("/healthz", "health.live", health.live, GET),
    ("/readyz", "health.ready", health.ready, GET),
    ("/metrics", "health.metrics", health.figures, GET),
    ("/admin", "admin.accounts", accounts.show, GET),
    ("/admin/accounts/<account_id>", "admin.account", account.show, GET),
    ("/admin/accounts/<account_id>/settings", "admin.settings", editing.show, GET),
    ("/admin/accounts/<account_id>/settings", "admin.save_account", editing.save, POST),
    ("/admin/accounts/<account_id>/aliases", "admin.add_alias", editing.add_alias, POST),
    (f"/admin/accounts/<account_id>/aliases/{NUMBER}/remove", "admin.remove_alias", editing.remove_alias, POST),
    (f"/admin/accounts/<account_id>/undo/{LONG}", "admin.undo_change", editing.undo, POST),
    ("/admin/accounts/<account_id>/password", "admin.set_password", passwords.save, POST),
    ("/admin/site", "admin.site", site.show, GET),
    ("/admin/site", "admin.save_site", site.save, POST),
    ("/admin/site/addresses", "admin.add_address", site.add_address, POST),
    (f"/admin/site/addresses/{NUMBER}/remove", "admin.remove_address", site.remove_address, POST),
    (f"/admin/site/undo/{LONG}", "admin.undo_site", site.undo, POST),
    ("/admin/site/accounts/new", "admin.new_account", adding.new, GET),
    ("/admin/site/accounts/new", "admin.add_account", adding.add, POST),
    ("/admin/site/accounts.csv", "admin.export", importing.export, GET),
    ("/admin/site/import", "admin.import", importing.choose, GET),
    ("/admin/site/import", "admin.read", importing.read, POST),
    ("/admin/totals", "admin.totals", totals.show, GET),
    ("/admin/unknown", "admin.unknown", totals.unknown, GET),
    ("/admin/senders", "admin.senders", totals.senders, GET),
    ("/admin/servers", "admin.servers", servers.show, GET),
    ("/admin/servers", "admin.shut_out", servers.shut_out, POST),
    ("/admin/servers/lengthen", "admin.lengthen", servers.lengthen, POST),
    ("/admin/servers/let-in", "admin.let_in", servers.let_in, POST),
    ("/admin/logs", "admin.logs", operation.logs, GET),
    ("/admin/intake", "admin.intake", operation.switches, GET),
    ("/admin/intake", "admin.turn", operation.turn, POST),
    ("/filters/senders", "filters.lists", senders.show, GET),
    ("/filters/senders", "filters.lists_add", senders.add, POST),
    (f"/filters/senders/{NUMBER}/remove", "filters.lists_remove", senders.remove, POST),
    ("/filters/senders/forget", "filters.lists_forget", forget.forget, POST),
    ("/filters/senders/import", "filters.lists_import", listfile.choose, GET),
    ("/filters/senders/import", "filters.lists_take", listfile.take, POST),
    ("/filters/senders/export.txt", "filters.lists_export", listfile.export, GET),
    ("/filters/spam", "filters.spam", spam.show, GET),
    ("/filters/spam", "filters.spam_save", spam.save, POST),
    (f"{LEVEL}/senders", "admin.lists", senders.show, GET),
    (f"{LEVEL}/senders", "admin.lists_add", senders.add, POST),
    (f"{LEVEL}/senders/{NUMBER}/remove", "admin.lists_remove", senders.remove, POST),
    (f"{LEVEL}/senders/import", "admin.lists_import", listfile.choose, GET),
    (f"{LEVEL}/senders/import", "admin.lists_take", listfile.take, POST),
    (f"{LEVEL}/senders/export.txt", "admin.lists_export", listfile.export, GET),
    (f"{LEVEL}/senders/undo/{LONG}", "admin.lists_undo", senders.undo, POST),
    (f"{LEVEL}/spam", "admin.spam", spam.show, GET),
    (f"{LEVEL}/spam", "admin.spam_save", spam.save, POST),
    ("/settings/looks", "looks.show", looks.show, GET),
    ("/brand/<brand>/<digest>/<filename>", "brand.picture", brand.picture, GET),
    ("/static/<digest>/<path:filename>", "static", static.static_file, GET),
)
QUIET = headers.LASTING | headers.PROBES
PUBLIC = frozenset({"login.sign_in", "brand.picture", "static", "blocked.link", "blocked.follow", *headers.PROBES})


def create_app(settings: Settings | None = None) -> Flask:
    """The application of a worker. What is wrong with settings, brands or the directory's query ends it in one line."""
    try:
        return _created(settings or _from_environment())
    except (SettingError, BrandError, DirectoryBroken) as error:
        raise SystemExit(f"postern cannot start: {error}") from None


def _from_environment() -> Settings:
    settings = load()
    set_up(settings.log_level)
    for name in unknown():
        logger.warning("no such setting", extra={"setting": name})
    return settings


def _created(chosen: Settings) -> Flask:
    set_up(chosen.log_level)
    app = Flask("app.web", root_path=str(ROOT / "app/web"), static_folder=None, template_folder=str(ROOT / "templates"))
    app.request_class = FormRequest
    app.jinja_environment = templates.Environment
    app.extensions["postern"] = held = open_resources(chosen)
    app.session_interface = CookieSessions(held.ring)
    app.config.update(
        MAX_CONTENT_LENGTH=chosen.request_bytes,
        MAX_FORM_MEMORY_SIZE=chosen.request_bytes,
        MAX_FORM_PARTS=chosen.form_parts,
        WTF_CSRF_TIME_LIMIT=None,  # the token ends with the cookie's secret that it comes from
        WTF_CSRF_SSL_STRICT=False,  # wants a Referer, which our policy withholds; headers.py asks Sec-Fetch-Site
        REMEMBER_COOKIE_NAME="=",  # Flask-Login's own cookie: a name that no cookie can have
    )
    _install(app, chosen)
    for why in shared_metrics.alone:
        logger.warning(why)
    tell_missing_migrations(chosen)
    return app


def _install(app: Flask, chosen: Settings) -> None:
    """The order of before_request is the order of the checks."""
    app.url_map.converters["mailbox"] = MailboxConverter
    for address, endpoint, view, methods in ROUTES:
        app.add_url_rule(address, endpoint, view, methods=list(methods), strict_slashes=False)
    static.install(app, ROOT / "static")
    icon.install(app)
    commands.install(app, chosen)
    app.before_request(_begin)
    app.before_request(headers.check_request)
    app.before_request(brand.refuse_switched_off)
    app.before_request(body.refuse_crowd)
    app.before_request(_allow_files)
    Protection(app, app.extensions["postern"].ring)
    app.before_request(_require_sign_in)
    app.after_request(_finish)
    session.install_login(LoginManager(), app)
    errors.install(app)
    app.context_processor(_context)
    app.jinja_env.filters.update(filters, **words.filters, **told.filters, each=rows.each, branches=branches.shown)
    app.jinja_env.globals.update(MANY=MANY, password_offered=backend.offered)
    app.jinja_env.globals.update(url_for=remembered(app), carry_token=carry.page_token)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    local = chosen.bind.startswith("unix:")
    counted = crowd.Crowd(app.wsgi_app, max(1, chosen.threads // 2))
    bodies = body.Bodies(counted, max(1, chosen.threads // 4))
    app.wsgi_app = proxies.Proxies(bodies, chosen.proxies, local=local)  # type: ignore[method-assign]
    health.watch_sigterm()


def _begin() -> None:
    timing.start()
    g.request_id = secrets.token_hex(8)


def _allow_files() -> None:
    """A message may be larger than other forms, also where its session has ended: then its fields ride over the
    sign-in, and its files are swallowed. Before Flask-WTF, which reads the form."""
    if request.endpoint == "compose.attach" and request.mimetype != uploads.RAW:
        raise UnsupportedMediaType  # what Flask would read as a form: all of it, before any view
    if request.endpoint == "compose.post":
        spool.read_on(resources().settings.message_bytes, keep=errors.account_or_none() is not None)
    elif request.endpoint == "compose.attach" and errors.account_or_none() is not None:
        request.max_content_length = resources().settings.message_bytes


def _require_sign_in() -> None:
    """Everything needs somebody signed in but the few endpoints that say so here; unknown addresses are 404 for all."""
    if request.endpoint is not None and request.endpoint not in PUBLIC:
        crowd.take_place(session.current().account.id)


def _context() -> dict[str, Any]:
    """What every template knows."""
    return {
        "brand": brand.brand(),
        "account": errors.account_or_none(),
        "request_id": g.get("request_id", ""),
        "outbox": g.get("outbox"),
        "stopped": g.get("stopped"),
        "answering": g.get("answering"),
        "csp_nonce": headers.nonce(),
        "notices": get_flashed_messages(with_categories=True),
    }


def _finish(response: Response) -> Response:
    """Headers, figures, and one line in the log."""
    headers.finish(response)
    if "current" in g and g.current is not None and response.mimetype == "text/html":
        response.headers["Server-Timing"] = timing.server_timing()  # never before: it would tell a refusal's reason
    metrics.request_done(request.endpoint, response.status_code, timing.elapsed())
    polled = request.endpoint == "mailbox.changes" and response.status_code == 204  # nothing is new: no line says so
    if request.endpoint not in QUIET and not polled:
        health.take_counts()
        logger.info(
            "answered",
            extra={
                "endpoint": request.endpoint,
                "method": request.method,
                "status": response.status_code,
                "ms": round(timing.elapsed() * 1000, 1),
            },
        )
    return pack.packed(response)
