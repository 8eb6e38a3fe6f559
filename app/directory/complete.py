"""What of a record depends on several fields at once: filled in where it can be told, refused where it does not fit."""

from collections.abc import Mapping
from typing import Any

from app.directory.endpoint import Family, usual_port
from app.directory.fields import mailbox_login, server_name
from app.directory.names import REFERENCES
from app.directory.record import FORMS


def complete(record: str, whole: dict[str, Any], primary_domains: Mapping[int, str]) -> None:
    """Fill in and check what depends on several fields. Raises ValueError."""
    for name in FORMS[record].needs:
        if whole[REFERENCES.get(name, name)] is None:
            raise ValueError(f"{name}: must be given")
    if record == "account":
        _complete_account(whole, primary_domains)
    if record == "site" and whole["learning"] == "address" and not (whole["learn_spam_to"] and whole["learn_ham_to"]):
        raise ValueError("learning: by address needs both, learn_spam_to and learn_ham_to")
    if record == "server":
        _complete_server(whole)


def _complete_account(whole: dict[str, Any], primary_domains: Mapping[int, str]) -> None:
    if whole["kind"] == "forward":
        if whole["server_id"] is not None or whole["login"] is not None:
            raise ValueError("an account that only forwards has no server and no login")
        return
    if whole["server_id"] is None:
        raise ValueError(f"server: an account of kind {whole['kind']} needs one")
    if whole["login"] is None:
        whole["login"] = _usual_login(f"{whole['username']}@{primary_domains[whole['site_id']]}")


def _usual_login(address: str) -> str:
    try:
        return mailbox_login(address)
    except ValueError as error:
        raise ValueError(f"login: its main address {address} {error}; give it another") from None


def _complete_server(whole: dict[str, Any]) -> None:
    if whole["server_id"] is None:  # one that has another name already keeps it
        try:
            server_name(whole["name"])
        except ValueError as error:
            raise ValueError(f"name: {error}") from None
    services: dict[str, Family] = {"imap": "imap", "submission": "smtp", "sieve": "sieve"}
    for service, family in services.items():
        if whole[f"{service}_host"] is None:
            whole[f"{service}_port"] = whole[f"{service}_security"] = None
            continue
        whole[f"{service}_security"] = whole[f"{service}_security"] or "starttls"
        whole[f"{service}_port"] = whole[f"{service}_port"] or usual_port(family, whole[f"{service}_security"])
    if whole["vacation"] == "sql" and whole["sieve_host"] is not None:
        raise ValueError("vacation: where a server has ManageSieve its scripts answer, and nothing else")
