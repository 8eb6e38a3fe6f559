"""Settings: what a value may be, and the one line that a wrong one is answered with."""

import dataclasses
import ipaddress
import secrets
from pathlib import Path

import pytest

from app.mail.limits import USUAL
from config.default import Settings, load, unknown, variable
from config.document import page
from config.setting import SettingError

KEY = "0123456789abcdef0123456789abcdef"


def read(**settings: str) -> Settings:
    return load({"POSTERN_SECRET_KEY": KEY, **{f"POSTERN_{name.upper()}": value for name, value in settings.items()}})


def test_a_secret_key_is_enough_to_start() -> None:
    settings = load({"POSTERN_SECRET_KEY": KEY})
    assert settings.secret_key == KEY.encode()
    assert settings.cache_url == settings.redis_url
    assert settings.directory_database_url == settings.database_url
    assert settings.trusted_hosts == ("localhost", ".localhost", "127.0.0.1", "[::1]")
    assert (settings.limits.account_per_node, settings.limits.account_total, settings.limits.server_total) == (
        3,
        8,
        200,
    )


def test_there_is_no_default_secret() -> None:
    with pytest.raises(SettingError, match="^POSTERN_SECRET_KEY: got nothing, wants a value"):
        load({})


def test_what_seals_nothing_needs_no_secret_and_holds_none() -> None:
    assert load({}, sealing=False).secret_keys == ()
    assert load({"POSTERN_SECRET_KEY": KEY}, sealing=False).secret_keys == ()


@pytest.mark.parametrize("value", ["short", "a" * 64, KEY + ",short", ","])
def test_a_weak_secret_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(SettingError) as refused:
        load({"POSTERN_SECRET_KEY": value})
    assert str(refused.value).startswith("POSTERN_SECRET_KEY: got ")
    assert value not in str(refused.value) or value == ","
    assert "\n" not in str(refused.value)


def test_old_keys_follow_after_a_comma() -> None:
    other = KEY[::-1]
    settings = read(secret_key=f"{KEY}, {other}")
    assert settings.secret_keys == (KEY.encode(), other.encode())
    assert settings.secret_key == KEY.encode()


def test_a_query_may_take_several_lines_and_no_other_control_character(tmp_path: Path) -> None:
    lines = "SELECT a AS address\n\tFROM b\r\nWHERE a = :address"
    file = tmp_path / "directory.sql"
    file.write_bytes(f"{lines}\n".encode())
    found = load({"POSTERN_SECRET_KEY": KEY, "POSTERN_DIRECTORY_QUERY_FILE": str(file)}).directory_query
    assert found and found.splitlines() == lines.splitlines()
    with pytest.raises(SettingError, match="POSTERN_DIRECTORY_QUERY: .* SQL without control characters"):
        read(directory_query="SELECT\x00 1")


def test_a_setting_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    assert load({"POSTERN_SECRET_KEY_FILE": str(file)}).secret_key == KEY.encode()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="^POSTERN_SECRET_KEY_FILE: got .*nowhere.*, wants a readable text file"):
        load({"POSTERN_SECRET_KEY_FILE": str(tmp_path / "nowhere")})


def test_a_value_and_a_file_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="one of the two"):
        load({"POSTERN_SECRET_KEY": KEY, "POSTERN_SECRET_KEY_FILE": str(tmp_path / "key")})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_url", "http://127.0.0.1"),
        ("redis_url", "redis://127.0.0.1:port"),
        ("redis_url", "unix://"),
        ("redis_url", "redis://127.0.0.1/abc"),
        ("redis_url", "redis://127.0.0.1/-1"),
        ("redis_url", "redis://127.0.0.1/0?ssl_ca_certs=/ca.pem"),
        ("redis_url", "rediss://127.0.0.1/0?ssl_cert_reqs=perhaps"),
        ("threads", "16"),
        ("database_url", "oracle://host/name"),
        ("database_url", "nonsense"),
        ("imap_url", "pop3://mail.example"),
        ("imap_url", "imaps://user:secret@mail.example"),
        ("imap_url", "imap+plain://mail.example"),
        ("submission_url", "imaps://mail.example"),
        ("sieve_url", "sieves://mail.example"),
        ("ldap_filter", "(cn=*)"),
        ("ldap_filter", "cn={typed}*"),
        ("ldap_filter", "((cn={typed}*)"),
        ("ldap_mail", "mail)(x"),
        ("visible_recipients", "-1"),
        ("bind", "8000"),
        ("bind", "127.0.0.1:99999"),
        ("trusted_hosts", "mail.example:443"),
        ("trusted_hosts", "*"),
        ("trusted_hosts", ","),
        ("proxies", "10.0.0.0/33"),
        ("proxies", "balancer"),
        ("session_idle", "10"),
        ("session_idle", "0x700"),
        ("session_idle", "²"),
        ("session_keep", "1"),
        ("failure_seconds", "0.1"),
        ("failure_seconds", "nan"),
        ("per_page", "1000"),
        ("allow_plaintext", "perhaps"),
        ("log_level", "loud"),
        ("junk_pattern", "spam.%s"),
        ("ca_file", "/nowhere/ca.pem"),
        ("ca_file", "/nowhere/" + "x" * 300),
        ("ca_file", "README.md"),
        ("blocklog_patterns", "tests"),
        ("keeper_socket", "/" + "x" * 120),
        ("master_user", "master"),
        ("account_per_node", "9"),
        ("lease_timeout", "49"),
    ],
)
def test_a_wrong_value_stops_the_start_with_one_line_that_names_it(name: str, value: str) -> None:
    with pytest.raises(SettingError) as refused:
        read(**{name: value})
    line = str(refused.value)
    assert line.startswith(f"POSTERN_{name.upper()}: got ")
    assert ", wants " in line
    assert "\n" not in line
    assert "secret" not in line


def test_a_lease_outlasts_what_its_holder_may_wait_for_and_who_is_kept_stays_longer() -> None:
    for name in ("silence_seconds", "search_seconds"):
        with pytest.raises(SettingError, match="^POSTERN_LEASE_TIMEOUT: got 55, wants at least 60"):
            read(**{name: {"silence_seconds": "40", "search_seconds": "60"}[name], "lease_timeout": "55"})
    assert read(silence_seconds="300", lease_timeout="320").limits.lease_timeout == 320
    with pytest.raises(SettingError, match="^POSTERN_SESSION_KEEP: got 86400, wants at least .*604800"):
        read(session_keep="86400", session_absolute="604800")
    assert read(session_keep="0", session_absolute="604800").session_keep == 0


@pytest.mark.parametrize(
    "url", ["imap://ldap.example", "ldap+plain://ldap.example", "ldaps://cn=x:secret@ldap.example"]
)
def test_a_directory_of_people_is_asked_over_tls_and_below_an_entry(url: str) -> None:
    with pytest.raises(SettingError, match="^POSTERN_LDAP_URL: got ") as refused:
        read(ldap_url=url, ldap_base="dc=x")
    assert "secret" not in str(refused.value)
    with pytest.raises(SettingError, match="^POSTERN_LDAP_BASE: got nothing"):
        read(ldap_url="ldaps://ldap.example")
    assert read(ldap_url="ldaps://ldap.example", ldap_base="dc=x", ldap_bind_password="hidden").ldap_name == "cn"


@pytest.mark.parametrize("value", ["0", "86400", "1209600"])
def test_keeping_signed_in_may_be_switched_off(value: str) -> None:
    assert read(session_keep=value).session_keep == int(value)


def test_what_gives_out_kept_mail_is_asked_over_tls_and_with_a_secret() -> None:
    for url in ("https://kept.example/x", "http://127.0.0.1:8025/x"):
        assert read(release_url=url, release_secret="s").release_url == url
    with pytest.raises(SettingError, match="^POSTERN_RELEASE_SECRET: got nothing"):
        read(release_url="https://kept.example/x")
    for url in ("http://kept.example/x", "http://127.0.0.1.evil.example/x", "http://localhost.evil.example/"):
        with pytest.raises(SettingError, match="^POSTERN_RELEASE_URL"):
            read(release_url=url, release_secret="s")


def test_digests_go_over_tls_and_have_both_a_login_and_a_password() -> None:
    with pytest.raises(SettingError, match="^POSTERN_NOTICE_URL"):
        read(notice_url="smtp+plain://mail.example")
    with pytest.raises(SettingError, match="^POSTERN_NOTICE_USER"):
        read(notice_user="webmail")
    assert read(public_url="https://mail.example/").public_url == "https://mail.example"
    for name, value in (("public_url", "mail.example"), ("public_url", "https://u:p@x/"), ("notice_from", "a b@c")):
        with pytest.raises(SettingError):
            read(**{name: value})


def test_plaintext_is_for_loopback_unless_allowed() -> None:
    assert read(imap_url="imap+plain://127.0.0.1:1143").imap_url
    assert read(imap_url="imap+plain://mail.example", allow_plaintext="1").allow_plaintext


def test_networks_and_hosts_are_lists() -> None:
    settings = read(proxies="10.0.0.1, 2001:db8::/32", trusted_hosts="Mail.Example, .campus.example")
    assert settings.proxies == (ipaddress.ip_network("10.0.0.1/32"), ipaddress.ip_network("2001:db8::/32"))
    assert settings.trusted_hosts == ("mail.example", ".campus.example")


def test_an_empty_value_is_the_default() -> None:
    assert read(per_page="").per_page == 50


def test_secrets_are_not_in_the_repr() -> None:
    settings = read(
        redis_url="redis://:red-password@127.0.0.1/0",
        database_url="postgresql+psycopg://u:sql-password@h/d",
        master_user="m",
        master_password="master-password",
    )
    for secret in (KEY, "red-password", "sql-password", "master-password"):
        assert secret not in repr(settings)


def test_a_wrong_secret_url_is_not_shown() -> None:
    with pytest.raises(SettingError) as refused:
        read(database_url="oracle://user:sql-password@host/name")
    assert "sql-password" not in str(refused.value)


def test_a_misspelt_name_is_noticed() -> None:
    assert unknown({"POSTERN_SECRET_KY": "x", "POSTERN_BIND_FILE": "x", "HOME": "/"}) == ("POSTERN_SECRET_KY",)


def test_every_setting_says_why_in_one_line() -> None:
    for item in dataclasses.fields(Settings):
        assert 10 < len(item.metadata["why"]) < 120, item.name
        assert "\n" not in item.metadata["why"]


def test_the_page_of_settings_is_current() -> None:
    written = (Path(__file__).parents[2] / "docs/settings.md").read_text()
    assert written == page(), "run: python -m config.document > docs/settings.md"
    assert all(f"`{variable(item)}`" in written for item in dataclasses.fields(Settings))


def test_the_limits_of_messages_are_what_is_usual_where_none_is_set() -> None:
    assert load({"POSTERN_SECRET_KEY": secrets.token_hex(32)}).parsing == USUAL


def test_the_policy_service_answers_this_machine_alone():
    for bind in ("127.0.0.1:10040", "[::1]:10040", "localhost:10040", "unix:/run/policy"):
        assert read(policy_bind=bind).policy_bind == bind
    for bind in ("0.0.0.0:10040", "192.0.2.1:10040", "[::]:10040"):
        with pytest.raises(SettingError, match="^POSTERN_POLICY_BIND"):
            read(policy_bind=bind)
    assert read(policy_bind="10.0.0.1:10040", allow_plaintext="1").allow_plaintext
