"""Sealing: nothing opens with another key, for another owner, or when changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.seal import BrokenSeal, Keyring, derive, key_id, measured, seal, unseal

ONE, TWO = b"one" * 12, b"two" * 12
KEY = derive(ONE, "test")


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_what_was_sealed_opens_for_the_same_owner(plain: bytes, bound: bytes) -> None:
    assert unseal(KEY, seal(KEY, plain, bound), bound) == plain


def test_the_same_text_is_never_sealed_alike() -> None:
    assert len({seal(KEY, b"password", b"") for _ in range(20)}) == 20


@pytest.mark.parametrize("position", [0, 5, 12, 20, -1])
def test_a_changed_byte_is_noticed(position: int) -> None:
    sealed = bytearray(seal(KEY, b"password", b"alice"))
    sealed[position] ^= 1
    with pytest.raises(BrokenSeal):
        unseal(KEY, bytes(sealed), b"alice")


@pytest.mark.parametrize("sealed", [b"", b"x", b"x" * 12, b"x" * 28])
def test_nonsense_does_not_open(sealed: bytes) -> None:
    with pytest.raises(BrokenSeal):
        unseal(KEY, sealed, b"")


def test_another_owner_or_key_does_not_open() -> None:
    sealed = seal(KEY, b"password", b"alice")
    with pytest.raises(BrokenSeal):
        unseal(KEY, sealed, b"bob")
    with pytest.raises(BrokenSeal):
        unseal(derive(TWO, "test"), sealed, b"alice")


def test_keys_differ_by_secret_purpose_and_salt() -> None:
    keys = {
        derive(ONE, "a"),
        derive(TWO, "a"),
        derive(ONE, "b"),
        derive(ONE, "a", salt=b"s"),
        derive(ONE, "a", salt=b"t"),
    }
    assert len(keys) == 5


def test_parts_of_a_name_cannot_be_shifted() -> None:
    names = {
        measured("a", "bc"),
        measured("ab", "c"),
        measured("abc"),
        measured("a", "b", "c"),
        measured("1", 2),
    }
    assert len(names) == 5


def test_a_ring_seals_with_the_first_and_opens_with_all() -> None:
    ring = Keyring((ONE, TWO))
    assert ring.current == ONE
    assert ring.secret(key_id(ONE)) == ONE
    assert ring.secret(key_id(TWO)) == TWO
    with pytest.raises(BrokenSeal):
        ring.secret(key_id(b"three" * 8))


def test_the_id_of_a_key_does_not_tell_the_key() -> None:
    assert len(key_id(ONE)) == 8
    assert key_id(ONE) != key_id(TWO)
