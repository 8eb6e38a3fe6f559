"""A Dovecot whose passwords lie in a dict that doveadm's HTTP API writes: what its configuration needs for that."""

import json
from pathlib import Path

KEY = "the key of doveadm"


def dict_options(folder: Path, port: int, *, tls: bool = False) -> str:
    """Options for app.demo.dovecot.Dovecot, and the files beside."""
    (folder / "dict" / "passdb").mkdir(parents=True)
    (folder / "passdict.conf").write_text(f"""\
uri = fs:posix:prefix={folder}/dict/
key passdb {{
  key = passdb/%u
  format = json
}}
passdb_objects = passdb
""")
    return f"""\
doveadm_api_key = {KEY}
service doveadm {{
  inet_listener http {{
    address = 127.0.0.1
    port = {port}
    ssl = {"yes" if tls else "no"}
  }}
}}
passdb {{
  driver = dict
  args = {folder}/passdict.conf
}}
"""


def put(folder: Path, login: str, password: str) -> None:
    """A password, as Dovecot reads it."""
    (folder / "dict" / "passdb" / login).write_text(json.dumps({"password": f"{{PLAIN}}{password}"}))
