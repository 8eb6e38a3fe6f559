"""Codes hold once, for a day, for one account and one address, and are not guessed."""

import pytest
from redis import Redis

from app.store import code
from app.store.code import TooOften, accepted, issue

pytestmark = pytest.mark.servers
OLD, NEW = b"o" * 32, b"n" * 32
ADDRESS = "bob@else.example"


def test_a_code_is_taken_once_by_its_account_for_its_address(redis: Redis):
    made = issue(redis, NEW, "1", ADDRESS)
    assert len(made) == 8 and made.isdecimal()
    assert not accepted(redis, [NEW], "2", ADDRESS, made)
    assert not accepted(redis, [NEW], "1", "eve@else.example", made)
    assert accepted(redis, [NEW], "1", ADDRESS, made)
    assert not accepted(redis, [NEW], "1", ADDRESS, made)


def test_a_new_code_takes_the_place_of_the_old_one_and_outlives_a_new_secret(redis: Redis):
    first, second = issue(redis, OLD, "1", ADDRESS), issue(redis, OLD, "1", ADDRESS)
    assert first == second or not accepted(redis, [NEW, OLD], "1", ADDRESS, first)
    assert accepted(redis, [NEW, OLD], "1", ADDRESS, second)


def test_five_wrong_ones_end_it(redis: Redis):
    made = issue(redis, NEW, "1", ADDRESS)
    for wrong in ("", "x", "\u0663" * 8, made + "0", made[:-1]):
        assert not accepted(redis, [NEW], "1", ADDRESS, wrong)
    assert not accepted(redis, [NEW], "1", ADDRESS, made)
    assert accepted(redis, [NEW], "1", ADDRESS, issue(redis, NEW, "1", ADDRESS))


def test_few_are_made_of_an_account_and_for_an_address(redis: Redis):
    for number in range(code.OF_ACCOUNT):
        issue(redis, NEW, "1", f"a{number}@else.example")
    with pytest.raises(TooOften):
        issue(redis, NEW, "1", ADDRESS)
    for number in range(code.OF_ADDRESS):
        issue(redis, NEW, f"n{number}", ADDRESS)
    with pytest.raises(TooOften):
        issue(redis, NEW, "other", ADDRESS)


def test_redis_knows_no_code_and_no_address_and_forgets_all_of_it(redis: Redis):
    made = issue(redis, NEW, "1", ADDRESS)
    accepted(redis, [NEW], "1", ADDRESS, "wrong")
    keys = redis.keys("*")
    assert keys and all(0 < redis.ttl(key) <= code.SECONDS for key in keys)
    values = b" ".join([*keys, *(redis.get(key) or b"" for key in keys)])
    assert made.encode() not in values and b"else" not in values


def test_typing_a_code_that_was_never_made_leaves_nothing_behind(redis: Redis):
    for number in range(5):
        assert not accepted(redis, [NEW, OLD], "1", f"a{number}@else.example", "12345678")
    assert not redis.keys("*")
