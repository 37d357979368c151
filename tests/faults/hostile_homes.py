"""The hostile homes: how each is made, and what the report has to say of it."""

from __future__ import annotations

from dataclasses import dataclass

CANARY = "/srv/im-canary"
VICTIM = "fautevictim"
OUT = r"a link that leads out of the home"
GOOD = ("changed", "")


@dataclass(frozen=True)
class Case:
    """One home.

    name: what is hostile.  make: shell commands, as root, in the home: $U the login, $H the home, $C a directory
    outside that everybody may write in, $V the home of another person; `u COMMAND` does it as the login.
    state, detail: of the report's row; detail is a pattern that names the path and the cause.
    """

    name: str
    make: str
    state: str
    detail: str
    client: str = "pidgin"


def _at_accounts(cause: str) -> str:
    return rf"~/\.purple/accounts\.xml: {cause}"


CASES = (
    # The home itself
    Case("home is a link to the person's own directory", "cd /; mv $H $H.real; ln -s $H.real $H", *GOOD),
    Case(
        "home is a link to another home", "cd /; rm -r $H; ln -s $V $H", "failed", r"home /home/\w+ does not belong to"
    ),
    Case("home is a dangling link", "cd /; rm -r $H; ln -s /nowhere $H", "failed", r"home /home/\w+ .*does not exist"),
    Case("home is a link to itself", "cd /; rm -r $H; ln -s $H $H", "failed", r"/home/\w+: too many links"),
    Case("home is missing", "cd /; rm -r $H", "failed", r"home /home/\w+ .*does not exist"),
    Case("home is a file", "cd /; rm -r $H; touch $H; chown $U $H", "failed", r"home /home/\w+ .*does not exist"),
    Case("home is a device", "usermod -d /dev/null $U", "failed", r"home /dev/null .*does not exist"),
    Case("home is the root directory", "usermod -d / $U", "failed", r"home / does not belong to"),
    Case("home is not absolute", "sed -i s,:$H:,:home/$U:, /etc/passwd", "failed", r"home home/\w+ .*does not exist"),
    Case("home belongs to root", "chown root $H; chmod 755 $H", "failed", r"home /home/\w+ does not belong to"),
    Case("home without any right", "chmod 000 $H", "failed", r"/home/\w+: permission denied"),
    Case("home is sticky and everybody's", "chmod 1777 $H", *GOOD),
    # Links in place of directories
    Case("profile links out", "u ln -s $C .purple", "refused", rf"~/\.purple: {OUT}"),
    Case("profile links out, relative", "u ln -s ../..$C .purple", "refused", OUT),
    Case("profile links out through /proc", "u ln -s /proc/self/root$C .purple", "refused", rf"~/\.purple: {OUT}"),
    Case("profile links to another home", "u ln -s $V/.purple .purple", "refused", rf"~/\.purple: {OUT}"),
    Case("profile links to /etc", "u ln -s /etc .purple", "refused", rf"~/\.purple: {OUT}"),
    Case("profile links to itself", "u ln -s .purple .purple", "refused", r"~/\.purple/accounts\.xml: too many links"),
    Case(
        "profile links to nothing", "u ln -s nothing .purple", "refused", _at_accounts("a link that leads to nothing")
    ),
    Case("profile leaves the home and comes back", "u mkdir p; u ln -s ../$U/p .purple", "refused", OUT),
    Case(
        "a chain of links ends outside",
        "u ln -s a .purple; u ln -s b a; u ln -s c b; u ln -s $C c",
        "refused",
        rf"~/c: {OUT}",
    ),
    Case("a link inside the home", "u mkdir -m 700 real; u ln -s $H/real .purple", *GOOD),
    Case(".config links out", "u ln -s $C .config", "refused", rf"~/\.config: {OUT}", "gajim"),
    Case(
        "Gajim's directory links out",
        "u mkdir .config; u ln -s $C .config/gajim",
        "refused",
        rf"~/\.config/gajim: {OUT}",
        "gajim",
    ),
    Case(
        "autostart links out",
        "u mkdir .config; u ln -s $C .config/autostart",
        "refused",
        rf"~/\.config/autostart: {OUT}",
    ),
    # Links in place of files
    Case("file links to /etc/passwd", "p; u ln -s /etc/passwd .purple/accounts.xml", "refused", _at_accounts(OUT)),
    Case("file links to another person's", "p; u ln -s $V/.purple/accounts.xml .purple/", "refused", _at_accounts(OUT)),
    Case("file links to everybody's", "p; u ln -s $C/accounts.xml .purple/", "refused", _at_accounts(OUT)),
    Case("file links to /dev/zero", "p; u ln -s /dev/zero .purple/accounts.xml", "refused", _at_accounts(OUT)),
    Case(
        "file links to a directory",
        "p; u mkdir d; u ln -s ../d .purple/accounts.xml",
        "refused",
        r"a directory, not a regular file",
    ),
    Case(
        "file links to nothing",
        "p; u ln -s nothing .purple/accounts.xml",
        "refused",
        _at_accounts("a link that leads to nothing"),
    ),
    Case(
        "files link to each other",
        "p; u ln -s b .purple/accounts.xml; u ln -s accounts.xml .purple/b",
        "refused",
        _at_accounts("too many links"),
    ),
    # Other things in place of files and directories
    Case("FIFO", "p; u mkfifo .purple/accounts.xml", "refused", _at_accounts("a FIFO")),
    Case(
        "device",
        "p; mknod .purple/accounts.xml c 1 5; chown $U .purple/accounts.xml",
        "refused",
        _at_accounts("a device"),
    ),
    Case("socket", "p; s .purple/accounts.xml", "refused", _at_accounts("a socket")),
    Case("directory in place of a file", "p; u mkdir .purple/accounts.xml", "refused", _at_accounts("a directory")),
    Case("file in place of a directory", "u touch .purple", "refused", r"~/\.purple: not a directory"),
    Case(
        "FIFO in place of a lock",
        "u mkdir -p .thunderbird/x; u mkfifo .thunderbird/x/.parentlock",
        "failed",
        r"\.parentlock: a FIFO",
        "thunderbird",
    ),
    # Owners and rights
    Case(
        "hard link to another person's file",
        "p; ln $V/.purple/accounts.xml .purple/",
        "refused",
        _at_accounts(r"belongs to uid \d+, not to"),
    ),
    Case(
        "hard link to a file of one's own",
        'p; u sh -c \'echo "<account version=\\"1.0\\"/>" > own\'; u ln own .purple/accounts.xml',
        *GOOD,
    ),
    Case("file belongs to root", "p; touch .purple/accounts.xml", "refused", _at_accounts(r"belongs to uid 0, not to")),
    Case("directory belongs to root", "mkdir .purple", "refused", r"~/\.purple: \w+ may not write in this directory"),
    Case(
        "file without any right",
        "p; u sh -c 'echo x > .purple/accounts.xml'; chmod 000 .purple/accounts.xml",
        "refused",
        _at_accounts("permission denied"),
    ),
    Case("directory without any right", "p; chmod 000 .purple", "refused", r"~/\.purple.*: permission denied"),
    Case(
        "directory is sticky and everybody's, with another's temporary file",
        "p; chmod 1777 .purple; t .purple/.im-client-0123456789abcdef; chown $VICTIM .purple/.im-*",
        *GOOD,
    ),
    Case("huge file", "p; u truncate -s 65M .purple/accounts.xml", "refused", _at_accounts("larger than")),
    # The names that we use
    Case("temporary name is a link out", "p; u ln -s $C/file .purple/.im-client-0123456789abcdef", *GOOD),
    Case("temporary name is a FIFO", "p; u mkfifo .purple/.im-client-0123456789abcdef", *GOOD),
    Case("temporary name is a directory", "p; u mkdir .purple/.im-client-0123456789abcdef", *GOOD),
    Case(
        "temporary name is another's file", "p; ln $V/.purple/accounts.xml .purple/.im-client-0123456789abcdef", *GOOD
    ),
    Case(
        "names with a newline",
        'p; u touch ".purple/a${N}b"; u mkdir -p ".thunderbird/a${N}b"; u touch ".thunderbird/a${N}b/.parentlock"',
        *GOOD,
        "thunderbird",
    ),
)

#: A case for hosts that can make a file immutable.
IMMUTABLE = Case(
    "immutable file",
    'p; u sh -c \'echo "<account version=\\"1.0\\"/>" > .purple/accounts.xml\'; chattr +i .purple/accounts.xml',
    "failed",
    _at_accounts("operation not permitted"),
)

#: login -> what is swapped in its home, and for what, as long as the runs go on.
RACES = {
    "fauterace1": (".purple", CANARY + "/open"),
    "fauterace2": (".purple/accounts.xml", CANARY + "/open/accounts.xml"),
    "fauterace3": (".config", CANARY + "/open"),
}

PRELUDE = r"""
set -eu
umask 022
N='
'
C=@CANARY@/open
VICTIM=@VICTIM@
V=/home/$VICTIM
useradd --create-home $VICTIM
su $VICTIM -c 'umask 077; mkdir ~/.purple; echo "<account version=\"1.0\"/>" > ~/.purple/accounts.xml'
mkdir -p $C/gajim $C/autostart @CANARY@/closed
chmod 1777 $C; chmod 0777 $C/gajim $C/autostart; chmod 0700 @CANARY@/closed
echo '<account version="1.0"/>' > $C/accounts.xml; chmod 666 $C/accounts.xml
echo canary > $C/file; echo canary > @CANARY@/closed/file
u() { setpriv --reuid "$U" --regid "$U" --clear-groups "$@"; }
p() { u mkdir -m 700 .purple; }
t() { echo canary > "$1"; }
s() { python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1"; chown "$U" "$1"; }
make_home() {
  U=$1; H=/home/$1
  useradd --home-dir "$H" --create-home --skel /nonexistent "$U"
  chmod 700 "$H"; cd "$H"
}
""".replace("@CANARY@", CANARY).replace("@VICTIM@", VICTIM)

#: Runs as the racing login: what stands at a name and a link to the target change places until the login is killed.
RACE = """
import ctypes, os, sys, time
os.chdir(os.path.expanduser("~"))
name, target = sys.argv[1:]
link = name + ".link"
if os.path.isdir(target):
    os.makedirs(name, exist_ok=True)
else:
    os.makedirs(os.path.dirname(name), exist_ok=True)
    open(name, "w").write('<account version="1.0"/>')
os.symlink(target, link)
libc = ctypes.CDLL(None, use_errno=True)
while True:
    try:
        if libc.renameat2(-100, name.encode(), -100, link.encode(), 2):  # AT_FDCWD, RENAME_EXCHANGE
            raise OSError(ctypes.get_errno(), "cannot swap")
    except FileNotFoundError:
        pass
    time.sleep(0.002)
"""

#: Prints {path: [mode, owner, group, size, time of change in ns, checksum or target]} of the trees given as JSON.
SNAPSHOT = r"""
import hashlib, json, os, stat, sys
found = {}
def look(path):
    about = os.lstat(path)
    what = ""
    if stat.S_ISLNK(about.st_mode):
        what = os.readlink(path)
    elif stat.S_ISREG(about.st_mode) and about.st_size < 50_000_000:
        what = hashlib.sha256(open(path, "rb").read()).hexdigest()
    found[path] = [about.st_mode, about.st_uid, about.st_gid, about.st_size, about.st_mtime_ns, what]
    if stat.S_ISDIR(about.st_mode):
        for name in os.listdir(path):
            look(os.path.join(path, name))
for path in json.load(sys.stdin):
    if os.path.lexists(path):
        look(path)
print(json.dumps(found))
"""
