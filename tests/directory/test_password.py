"""Hashes as providers have them: the right password is accepted, everything else refused, and nothing raises."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.password import can_verify, hash_password, verify_password

PASSWORD = "pass wörd"

# made by Dovecot 2.3.19's `doveadm pw -s SCHEME -p 'pass wörd'`, the PBKDF2 forms with a dash by passlib 1.7.4
HASHES = {
    "sha512-crypt": "{SHA512-CRYPT}$6$u5cNe5BEUH4Voic0$"
    "TSQ3dqxdZtNuoEPnp3mWvSUCIUvq1kkZK6vDQTasCrKszDdJi6SSGZqBzAlcZIZqo.uv5IYi6ibIhL9OABUF31",
    "sha256-crypt": "{SHA256-CRYPT}$5$kYtKqzKDpkSQHach$wmGwuimlNUujhhAMluq7QVc/OKkbhcAkVUUM6Cdlxn2",
    "blf-crypt": "{BLF-CRYPT}$2y$05$gkOf0tNARWvPtfLpwLhYpO9HeIUkux9xJMseoSgAlixn33hZhvXy.",
    "argon2id": "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$OybwubJ6DkDW6/kvOD3YTA$"
    "Y9YGjo5lKPWyhlJuw+IGcRGy4ouiXB8JDlMYkt1lWNI",
    "argon2i": "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$pdFRf02qygGPDjIXvKX2cQ$"
    "g/rU93HNXS7iMschJ6szt0DZFb3Onw5mr/G5N8xtTAI",
    "ssha": "{SSHA}JHB7X5GuOu3fcnYeIMcnvxZRwKB18nN5",
    "ssha256": "{SSHA256}i/MkjlR/nSzsH6nZApl99XE+LNpfdiY3BdurGFaf62VMfhEb",
    "ssha512": "{SSHA512}lqfrbV64KOJ6Ba4kqzU+7gR6Mo4m9s8IPX9NuOtbynaJKm9gNKi9QXMufTFJ7y6oLQTqEOs82JTb4Gm8OMGh5uz4cBI=",
    "pbkdf2": "{PBKDF2}$1$mUaxiq/UU51LB5j5$5000$2fea3dbf5d1073abab3f85e9424505e7c272b45b",
    "md5-crypt": "{MD5-CRYPT}$1$k2MUioOL$GkeXKw3TxOza2ip/3n1xq0",
    "crypt": "{CRYPT}$2y$05$2yctxKUlIYAe1PRtZwUqu.duqtt2eq7WUh1541pAyYm72VwWUNN9W",
}


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES)
@pytest.mark.slow
def test_only_the_right_password_fits_its_hash(stored: str) -> None:
    assert can_verify(stored)
    assert verify_password(stored, PASSWORD)
    costly = "ARGON2" in stored  # 64 MB and 60 ms each
    for wrong in ("pass word", "") if costly else ("", "pass word", PASSWORD + "x", PASSWORD[:-1], PASSWORD.upper()):
        assert not verify_password(stored, wrong)


def test_a_password_is_not_cut_at_a_nul() -> None:
    """crypt reads up to the first NUL: what follows would be anything."""
    for stored in HASHES.values():
        assert not verify_password(stored, PASSWORD + "\0") and not verify_password(stored, PASSWORD + "\0x")


@pytest.mark.parametrize("name", ["sha512-crypt", "sha256-crypt", "blf-crypt", "argon2id", "md5-crypt"])
def test_the_scheme_s_name_may_be_missing_where_the_hash_names_it(name: str) -> None:
    assert verify_password(HASHES[name].partition("}")[2], PASSWORD)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_pbkdf2_in_the_form_of_modular_crypt(algorithm: str) -> None:
    digest = hashlib.pbkdf2_hmac(algorithm, PASSWORD.encode(), b"saltsalt\xff\xfe", 1000)
    salt, hashed = (
        base64.b64encode(each).decode().rstrip("=").replace("+", ".") for each in (b"saltsalt\xff\xfe", digest)
    )
    names = ["pbkdf2-" + algorithm, *(["pbkdf2"] if algorithm == "sha1" else [])]
    for name in names:
        for stored in (f"${name}$1000${salt}${hashed}", f"{{{name.upper()}}}1000${salt}${hashed}"):
            assert verify_password(stored, PASSWORD) and not verify_password(stored, "pass word")


def test_the_salted_forms_are_known_in_base64_and_hex() -> None:
    raw = base64.b64decode(HASHES["ssha256"].partition("}")[2])
    assert verify_password("{SSHA256.HEX}" + raw.hex(), PASSWORD)
    assert verify_password("{SSHA256.b64}" + base64.b64encode(raw).decode(), PASSWORD)
    assert not verify_password("{SSHA256.HEX}" + raw.hex(), "pass word")


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "pass wörd",
        "{PLAIN}pass wörd",
        "{CLEARTEXT}pass wörd",
        "{UNKNOWN}pass wörd",
        "{}pass wörd",
        "*",
        "!",
        "*0",
    ]
    + [
        "{CRYPT}ab.CDEFGHIJKL",
        "{CRYPT}",
        "{CRYPT}*0",
        "{CRYPT}$6$",
        "{SHA512-CRYPT}$6$salt$",
        "$6$salt",
        "$2y$05$short",
    ]
    + ["{SSHA}", "{SSHA}!!", "{SSHA}" + base64.b64encode(hashlib.sha1(b"pass w\xc3\xb6rd").digest()).decode()]
    + ["{SHA256}" + base64.b64encode(hashlib.sha256(b"pass w\xc3\xb6rd").digest()).decode()]
    + [
        "{PBKDF2}$1$salt$x$00",
        "{PBKDF2}$1$salt$5000$",
        "{PBKDF2}$1$salt",
        "$pbkdf2-sha256$0$c2FsdA$",
        "$pbkdf2-md5$1$YQ$YQ",
    ]
    + [
        "{ARGON2ID}$argon2id$broken",
        "$argon2id$v=19$m=65536,t=3,p=1$$",
        "{BLF-CRYPT}$argon2id$x",
        "{SCRAM-SHA-256}4096,a,b,c",
    ],
)
def test_what_is_no_good_hash_fits_no_password(stored: str | None) -> None:
    for password in (PASSWORD, "", "*0", "x"):
        assert not verify_password(stored, password)


@given(st.text(max_size=60), st.text(max_size=20))
def test_no_text_in_the_place_of_a_hash_raises_or_fits(stored: str, password: str) -> None:
    assert not verify_password(stored, password)


@pytest.mark.slow
def test_a_new_hash_fits_its_password_and_is_salted() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first.startswith("{ARGON2ID}$argon2id$") and first != second
    assert verify_password(first, PASSWORD) and not verify_password(first, "other")


def test_an_endless_password_is_refused_before_any_work() -> None:
    assert verify_password(salted("x" * 1024), "x" * 1024)
    assert not verify_password(salted("x" * 1025), "x" * 1025)


def salted(password: str) -> str:
    return "{SSHA256}" + base64.b64encode(hashlib.sha256(password.encode() + b"salt").digest() + b"salt").decode()


def test_a_lone_surrogate_in_a_password_is_just_wrong() -> None:
    assert not verify_password(HASHES["ssha256"], "\ud800")


@pytest.mark.parametrize(
    ("scheme", "begins"),
    [("argon2id", "{ARGON2ID}$argon2id$"), ("bcrypt", "{BLF-CRYPT}$2y$12$"), ("sha512-crypt", "{SHA512-CRYPT}$6$")],
)
@pytest.mark.slow
def test_each_scheme_makes_salted_hashes_that_fit(scheme: str, begins: str) -> None:
    one, other = hash_password("pässword", scheme), hash_password("pässword", scheme)
    assert one.startswith(begins) and one != other
    assert verify_password(one, "pässword") and not verify_password(one, "password")


def test_a_password_that_crypt_would_cut_is_refused() -> None:
    for long in ("x" * 73, "ö" * 37, "a\0b"):
        with pytest.raises(ValueError, match="cut"):
            hash_password(long, "bcrypt")
    with pytest.raises(ValueError, match="cut"):
        hash_password("a\0b", "sha512-crypt")
    assert verify_password(hash_password("ö" * 37, "sha512-crypt"), "ö" * 37)
