"""What proves who is who in the lab: SSH keys, the certificate authority, the accounts' passwords."""

import json
import secrets
import string
from pathlib import Path

from .engine import run
from .settings import Server, Settings

CA_DAYS = 3650
CERTIFICATE_DAYS = 365
RENEW_SECONDS = 30 * 24 * 3600
# Long enough to resist, and without signs that a simulated keyboard may mistype under another layout.
PASSWORD_LENGTH = 24
PASSWORD_ALPHABET = string.ascii_letters + string.digits


def private_directory(path: Path) -> Path:
    """A directory for this user alone."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, from its first byte on."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def ensure_ssh_key(path: Path, comment: str) -> str:
    """Make an Ed25519 key pair unless it is there; return the public line without its comment."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])
    kind, key = public_half(path).read_text(encoding="utf-8").split()[:2]
    return f"{kind} {key}"


def public_half(key: Path) -> Path:
    """The file beside a private SSH key that may be shown."""
    return key.with_name(key.name + ".pub")


def write_known_hosts(settings: Settings, ports: dict[str, int]) -> None:
    """Make a host key for each host and note which of them answers on which port of 127.0.0.1.

    The keys are kept, so that a new container of the same name is no stranger. The hosts of the fleet share one key.
    """
    fleet = settings.table["fleet"]
    owners = {port: host for host, port in ports.items()} | dict.fromkeys(settings.fleet_ports, fleet["name"])
    keys = {host: ensure_ssh_key(settings.host_key(host), host) for host in owners.values()}
    lines = [f"[127.0.0.1]:{port} {keys[host]}\n" for port, host in owners.items()]
    settings.known_hosts.write_text("".join(lines), encoding="utf-8")


def write_ssh_config(settings: Settings, ports: dict[str, int]) -> None:
    """An OpenSSH configuration for people: `ssh -F .lab/ssh_config pc-bib-01`."""
    common = (
        "Host *\n  HostName 127.0.0.1\n  User root\n  StrictHostKeyChecking yes\n  IdentitiesOnly yes\n"
        f'  IdentityFile "{settings.key}"\n  UserKnownHostsFile "{settings.known_hosts}"\n'
    )
    hosts = "".join(f"Host {name}\n  Port {port}\n" for name, port in ports.items())
    (settings.state / "ssh_config").write_text(hosts + common, encoding="utf-8")


def ensure_authority(settings: Settings) -> Path:
    """The lab's own certificate authority; return the directory of its key and certificate."""
    authority = private_directory(settings.state / "ca")
    ca_key, ca_crt = authority / "ca.key", authority / "ca.crt"
    if not ca_crt.exists():
        usage = ["-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"]
        usage += ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=im-lab/CN=Lab authority"]
        run([*request, *usage, "-days", str(CA_DAYS), "-keyout", str(ca_key), "-out", str(ca_crt)])
        ca_key.chmod(0o600)
    return authority


def ensure_certificate(settings: Settings, server: Server) -> None:
    """A certificate by the lab's authority for a server's domain and its conference service."""
    authority = ensure_authority(settings)
    certificates = server.state / "certs"
    certificates.mkdir(parents=True, exist_ok=True)
    key, crt, csr = (certificates / f"{server.domain}.{end}" for end in ("key", "crt", "csr"))
    still_good = (
        crt.exists()
        and not run(
            ["openssl", "x509", "-checkend", str(RENEW_SECONDS), "-noout", "-in", str(crt)], check=False
        ).returncode
    )
    if still_good:
        return
    extensions = (
        f"subjectAltName=DNS:{server.domain},DNS:{server.conference}\nbasicConstraints=CA:FALSE\n"
        "keyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\n"
    )
    request = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={server.domain}"]
    run([*request, "-keyout", str(key), "-out", str(csr)])
    key.chmod(0o600)
    sign = ["openssl", "x509", "-req", "-CA", str(authority / "ca.crt"), "-CAkey", str(authority / "ca.key")]
    sign += ["-CAcreateserial", "-extfile", "/dev/stdin", "-days", str(CERTIFICATE_DAYS)]
    run([*sign, "-in", str(csr), "-out", str(crt)], stdin=extensions)
    csr.unlink()


def ensure_passwords(settings: Settings) -> Path:
    """A random password for each account of each server that has none yet; return the file of them all."""
    known: dict[str, str] = (
        json.loads(settings.secrets.read_text(encoding="utf-8")) if settings.secrets.exists() else {}
    )
    names = [*settings.table["people"], settings.table["admin"], settings.table["provisioner"]]
    wanted = [f"{name}@{server.domain}" for server in settings.servers.values() for name in names]
    new = {jid: new_password() for jid in wanted if jid not in known}
    if new:
        write_private(settings.secrets, json.dumps(known | new, indent=2) + "\n")
    return settings.secrets


def new_password() -> str:
    """A random password."""
    return "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(PASSWORD_LENGTH))
