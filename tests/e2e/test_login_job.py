"""What waits for a client to be closed is applied at the next login: by the person, once, and at nobody else's cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from login_desk import JOB, LOGIN, PLACE, SHIFT, Desk, wish

pytestmark = pytest.mark.lab
OTHER = "joblog2"
PORTS = {"pc-bib-01": 22001 + SHIFT, "pc-lab-03": 22003 + SHIFT}


@pytest.fixture(params=PORTS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    found = Desk(request.param, tmp_path, PORTS[request.param])
    clean = "; ".join(f"pkill -KILL -u {who}; userdel -rf {who} 2>/dev/null" for who in (LOGIN, OTHER))
    found.sh(f"{clean}; rm -rf /usr/local/bin/joblog /root/joblog-* {PLACE}; mkdir /usr/local/bin/joblog")
    found.sh(
        f"useradd -ms /bin/bash {LOGIN}; useradd -ms /bin/bash {OTHER}; cp /bin/sleep /usr/local/bin/joblog/pidgin"
    )
    yield found
    found.pending("settle")
    found.sh(f"{clean}; rm -rf /usr/local/bin/joblog")


def test_what_waits_is_applied_by_the_person_at_the_login_after_the_client_is_gone(desk: Desk) -> None:
    desk.sh(f"su - {LOGIN} -c 'setsid /usr/local/bin/joblog/pidgin 300 >/dev/null 2>&1 </dev/null &'")
    before = desk.files()
    laid = desk.pending("settle", [wish()])
    assert laid["changed"] and laid["logins"][0]["pending"] == [f"{LOGIN}/pidgin"]
    assert not desk.pending("settle", [wish()])["changed"]
    places = f"/var/lib/im_client/pending {PLACE} {PLACE}/wishes.json {JOB} /etc/profile.d/im-client-login.sh"
    assert desk.sh(f"stat -c '%U %a' {places}").splitlines() == [
        "root 711",
        f"{LOGIN} 700",
        f"{LOGIN} 600",
        "root 644",
        "root 644",
    ]
    desk.log_in()
    assert desk.files() == before
    (told,) = desk.pending("look")["logins"]
    assert told["result"][f"{LOGIN}/pidgin"]["state"] == "deferred"
    assert desk.sh(f"pgrep -u {LOGIN} -x pidgin")

    desk.sh(f"pkill -u {LOGIN} -x pidgin")
    desk.log_in()
    after = desk.files()
    assert set(before.splitlines()) <= set(after.splitlines())
    assert ".purple/accounts.xml" in after and ".config/autostart/pidgin.desktop" in after
    assert "zoe.obrien@univ-lille.example" in desk.sh(f"cat ~{LOGIN}/.purple/accounts.xml")
    assert desk.sh(f"find ~{LOGIN} ! -user {LOGIN}") == ""
    assert desk.sh(f"stat -c %a ~{LOGIN}/.purple/accounts.xml") == "600"
    assert desk.sh(f"ls -A {PLACE}").split() == ["lock", "result.json"]

    stamps = desk.stamps()
    desk.log_in()
    assert desk.stamps() == stamps

    (told,) = desk.pending("settle")["logins"]
    noted = told["result"][f"{LOGIN}/pidgin"]
    assert (noted["state"], told["pending"]) == ("changed", [])
    assert {document["action"] for document in noted["documents"]} == {"created"}
    # Nothing waits anywhere any more: nothing of ours is left to run.
    gone = f"{PLACE} {JOB} /etc/profile.d/im-client-login.sh /etc/X11/Xsession.d/19im-client-login"
    assert desk.sh(f"ls -d {gone} /etc/systemd/user/*/im-client-login.service 2>/dev/null; true") == ""


def test_a_login_for_whom_nothing_waits_starts_not_one_process_more(desk: Desk) -> None:
    def processes(login: str) -> int:
        """Numbers of processes are given in their order; the least of some logins is free of what others started."""
        count = f"a=$(sh -c 'echo $$'); su - {login} -c true; b=$(sh -c 'echo $$'); echo $((b - a))"
        return min(int(number) for number in desk.sh(f"for i in 1 2 3 4 5; do {count}; done").split())

    without = processes(OTHER)
    desk.pending("settle", [wish()])
    assert processes(OTHER) == without
    desk.log_in()
    assert processes(LOGIN) == without


def test_who_edits_the_own_wishes_can_reach_only_the_own_files(desk: Desk) -> None:
    desk.sh(f"install -d -m 755 /srv/joblog; su - {OTHER} -c 'mkdir -p .purple; echo mine > .purple/accounts.xml'")
    before = desk.files(OTHER)
    made = wish()
    targets = ["/srv/joblog", f"~{OTHER}/.purple", f"~/../{OTHER}/.purple", "~/out", "/etc"]
    forged = []
    for number, target in enumerate(targets):
        about = {**made["group"], "key": f"forged {number}", "bases": {"profile": target, "autostart": target}}
        forged.append({**made, "key": about["key"], "group": {**about, "login": OTHER if number % 2 else None}})
    desk.pending("settle", forged)
    desk.sh(f"ln -s /srv/joblog ~{LOGIN}/out; chown -h {LOGIN}: ~{LOGIN}/out")
    desk.sh(f"echo x > {PLACE}/state; chown {LOGIN} {PLACE}/state")
    listing = "ls -lAR --time-style=full-iso /srv/joblog /etc /var/lib/im_client/backups 2>/dev/null | sha256sum"
    system = desk.sh(listing)
    for _ in range(4):
        desk.log_in()
    assert (desk.files(OTHER), desk.sh(listing)) == (before, system)
    assert desk.sh(f"cd ~{LOGIN} && find . -name '*.xml' -o -name '*.desktop'") == ""
    (told,) = desk.pending("settle")["logins"]
    assert {noted["state"] for noted in told["result"].values()} <= {"failed", "refused", "compliant"}
    desk.sh("rm -r /srv/joblog")


def test_links_and_lies_in_the_place_of_a_login_reach_nothing_of_the_host(desk: Desk) -> None:
    desk.pending("settle", [wish()])
    desk.sh("echo untouched > /root/joblog-victim")
    secret = desk.sh("head -n 1 /etc/shadow")
    as_person = f"su {LOGIN} -c 'cd {PLACE} && %s'"
    desk.sh(as_person % "rm wishes.json && ln -s /root/joblog-victim wishes.json && ln -s /etc/shadow result.json")
    told = desk.pending("settle", [wish("bruno.lefevre@univ-lille.example")])
    assert told["logins"][0]["pending"] == [f"{LOGIN}/pidgin"] and secret not in json.dumps(told)
    assert desk.sh("cat /root/joblog-victim; stat -c '%U %a' /etc/shadow").splitlines()[0] == "untouched"
    assert desk.sh(f"LC_ALL=C stat -c '%F %U' {PLACE}/wishes.json") == f"regular file {LOGIN}"

    # A directory in the place of a file, a FIFO, a result of lies, a deep tree: the answer is short and plain.
    desk.sh(as_person % "rm -f wishes.json; mkdir -p wishes.json/a/b && mkfifo result.json")
    assert desk.pending("settle", [wish()])["logins"][0]["error"]
    lies = json.dumps({"schema": 1, "groups": {"x\\n\\u001b[31m": {"state": "changed", "detail": "y" * 9999}}})
    desk.sh(as_person % f"rm -f result.json; cat > result.json <<EOF\n{lies}\nEOF\n")
    (told,) = desk.pending("look")["logins"]
    ((key, noted),) = told["result"].items()
    assert key.isprintable() and len(noted["detail"]) == 500
    # Neither the place itself nor its neighbours are the person's to change.
    tried = f"mv {PLACE} {PLACE}2; mkdir /var/lib/im_client/pending/x; ln -s /etc {PLACE}2; true"
    desk.sh(f"su {LOGIN} -c '({tried}) 2>/dev/null'")
    assert desk.sh("ls /var/lib/im_client/pending") == LOGIN
    desk.sh("ln -s /root ~joblog/link; mkdir /root/joblog-keep; touch /root/joblog-keep/x")
    desk.sh(
        as_person
        % "ln -s /root/joblog-keep kept && ln -s /root/joblog-keep wishes.json/a/kept && chmod 0 wishes.json/a ."
    )
    desk.pending("settle")
    assert (
        desk.sh(f"ls /root/joblog-keep; ls -d {PLACE} 2>/dev/null; rm -r /root/joblog-keep /root/joblog-victim") == "x"
    )


@pytest.mark.parametrize("desk", ["pc-lab-03"], indirect=True)
def test_a_job_that_hangs_lets_the_login_go_on(desk: Desk) -> None:
    desk.pending("settle", [wish()])
    # Nothing hangs more surely than a lock that somebody holds for ever.
    desk.sh(f"su {LOGIN} -c 'setsid flock {PLACE}/lock sleep 600 >/dev/null 2>&1 </dev/null &'")
    desk.log_in()
    assert desk.sh(f"pgrep -u {LOGIN} -x sleep") and desk.sh(f"ls {PLACE}/wishes.json")
    desk.sh(f"pkill -u {LOGIN} -x sleep")
    desk.log_in()
    assert "accounts.xml" in desk.files()


def test_purge_leaves_nothing_of_it_on_the_host(desk: Desk) -> None:
    desk.pending("settle", [wish()])
    assert desk.pending("purge")["changed"]
    everywhere = "/etc/profile.d /etc/X11 /etc/systemd /usr/local/lib/im_client /var/lib/im_client/pending"
    assert desk.sh(f"find {everywhere} -iname '*im*client*' 2>/dev/null; true") == ""
    assert not desk.pending("purge")["changed"]
