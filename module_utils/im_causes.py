"""Why a seat is not as it should be: a closed list of codes, and how they follow from what a run found. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .im_documents import WRITTEN
from .im_first_login import ANYBODY
from .im_provisioning import KINDS
from .xmpp.problems import GOOD, SERVICE

#: In the order in which they are told. Each has a sentence ``cause.<code>`` in the catalogues, and ``.remedy``.
CODES = (
    "unreachable",
    "malformed",
    "package_missing",
    "package_old",
    "first",
    "wish",
    "user",
    "client",
    "running",
    "foreign_account",
    "account",
    "certificate",
    "reach",
    "server",
    "clear_password",
)
#: Worth telling, but no drift: the clients offer to keep the password, and whoever accepts does nothing wrong.
_REMARKS = frozenset({"clear_password"})
#: Rules of xmpp_server_info about the certificate of the service, and verdicts that say the same of it.
_CERTIFICATE_RULES = "certificate_"
#: What a certificate may be that still serves every seat: no reason to call a whole fleet drifted.
_CERTIFICATE_SERVES = frozenset({"certificate_expires_soon", "certificate_weak"})
_CERTIFICATE_VERDICTS = frozenset(code for code in SERVICE if code.startswith("tls_")) - {"tls_error"}

Cause = dict[str, Any]


def cause(code: str, document: str = "", items: Sequence[str] = ()) -> Cause:
    """Make one cause: code, the document it is about ("" for none), and what in it or beside it."""
    return {"code": code, "document": document, "items": list(items)}


def causes_of(
    row: Mapping[str, Any],
    package: Mapping[str, Any],
    provisioned: Sequence[Mapping[str, Any]],
    service: Sequence[Mapping[str, Any]],
    enforced: bool,
) -> list[Cause]:
    """Say why a seat's client is not as it should be.

    Args:
        row: of im_report.rows_of().
        package: what im_host_info said of the client: ``lacking``, names of packages, and ``outdated``, None or
            {installed, least}.
        provisioned: rows of im_provisioning about the row's person.
        service: rules of xmpp_server_info that are findings.
        enforced: the run mended what it could; else it only looked.

    Returns:
        The causes in the order of CODES, those of documents once for each code and document.
    """
    found = [*_of_the_desk(row, package), *_of_the_profile(row)]
    if not row["retired"]:
        found += _of_the_server(row, provisioned, service, enforced)
    return sorted(found, key=lambda one: CODES.index(one["code"]))


def is_of_the_service(one: Mapping[str, Any]) -> bool:
    """Say whether a cause is a remark about the service, which all seats share: told once is enough."""
    return one["code"] == "certificate" and set(one["items"]) <= _CERTIFICATE_SERVES


def is_remark(one: Mapping[str, Any]) -> bool:
    """Say whether a cause is worth telling and no drift: nothing of the seat is other than wished."""
    return one["code"] in _REMARKS or is_of_the_service(one)


def mended(one: Mapping[str, Any], state: str) -> bool:
    """Say whether a cause is past: it is about a document that this run brought to the wish."""
    return state == "changed" and one["code"] in ("first", "wish", "user", "client")


def _of_the_desk(row: Mapping[str, Any], package: Mapping[str, Any]) -> Iterator[Cause]:
    if row["state"] == "unreachable":
        yield cause("unreachable")
    if package.get("lacking") and not row["retired"]:
        yield cause("package_missing", items=package["lacking"])
    if package.get("outdated") and not row["retired"]:
        yield cause("package_old", items=[f"{package['outdated']['installed']} < {package['outdated']['least']}"])
    if row["reach"] and row["reach"]["verdict"] != "ok" and not row["retired"]:
        yield cause("reach", items=[row["reach"]["verdict"]])


def _of_the_profile(row: Mapping[str, Any]) -> Iterator[Cause]:
    for document in row["documents"]:
        if document["action"] == "refused":
            yield cause("malformed", document["path"])
        elif document["action"] in WRITTEN:
            by_code: dict[str, list[str]] = {}
            for item, code in document["causes"].items():
                by_code.setdefault(code, []).append(item)
            # Nothing is asked of an item that goes: the wish is that it be gone.
            for code, items in (by_code or {"wish": []}).items():
                yield cause(code, document["path"], items)
    if row["state"] == "drift" and not any(document["action"] in WRITTEN for document in row["documents"]):
        # The documents are in place, but the machine never took the service's CA in.
        yield cause("first")
    if row["running"]:
        yield cause("running")
    for account in row["foreign_accounts"]:
        yield cause("foreign_account", account["path"], [account["jid"]])
    if row["findings"]:
        yield cause("clear_password", items=row["findings"])


def _of_the_server(
    row: Mapping[str, Any],
    provisioned: Sequence[Mapping[str, Any]],
    service: Sequence[Mapping[str, Any]],
    enforced: bool,
) -> Iterator[Cause]:
    # A certificate that is not accepted spoils every account alike: it is the certificate's fault, told once.
    if row["login"] != ANYBODY and row["verdict"] not in GOOD | _CERTIFICATE_VERDICTS:
        yield cause("account", items=[row["verdict"]])
    rules = [rule["id"] for rule in service if rule["id"].startswith(_CERTIFICATE_RULES)]
    verdicts = [row["verdict"]] if row["verdict"] in _CERTIFICATE_VERDICTS else []
    if rules or verdicts:
        yield cause("certificate", items=list(dict.fromkeys([*rules, *verdicts])))
    for kind in KINDS:
        about = [wish for wish in provisioned if wish["kind"] == kind]
        if any(wish["verdict"] != "in_place" or (wish["changed"] and not enforced) for wish in about):
            yield cause("server", items=[kind])
