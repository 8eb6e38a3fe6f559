"""Parts of a script that answer or send on are found by their commands, not by words in strings or comments."""

from app.sieve.script import Script
from app.web.away.foreign import parts

SCRIPT = Script.read(
    b'require ["vacation", "copy"];\n'
    b"# vacation\n"
    b'if header :contains "subject" "vacation" { /* redirect */ discard; }\n'
    b'if header :regex "subject" "x" { Vacation "Hi"; }\n'
    b'# rule:[Copy]\nif header :is "subject" "y"\n{\n\tredirect :copy "a@b.example";\n}\n'
)


def test_the_command_decides():
    (answer,) = parts(SCRIPT, b"vacation", besides=None)
    assert (answer.name, answer.line) == ("", 4) and answer.text.startswith("if header :regex")
    (copy,) = parts(SCRIPT, b"redirect", besides=None)
    assert copy.name == "Copy" and 'redirect :copy "a@b.example";' in copy.text


def test_one_that_is_shown_already_is_left_out():
    at = next(at for at in SCRIPT.shown if SCRIPT.blocks[at].name == "Copy")
    assert parts(SCRIPT, b"redirect", besides=at) == ()
