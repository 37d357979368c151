"""A FAKE of WinRM on the loopback: where unmodified Ansible and pywinrm end, with a real PowerShell behind.

It speaks the part of WS-Management that Ansible's connections ``winrm`` (shells, commands, streams of bytes) and
``psrp`` (sessions of PowerShell, psrp_session.py) use, over TLS, and lets in one made-up account by basic
authentication. What it is told to run it runs: with ``pwsh`` of the PATH, in the place of a PC that windows_pc.py makes
of a directory.

What a test that passes through it proves: connection settings, what Ansible sends, Ansible's own wrappers, argument
specs, check mode, diff, warnings and errors of our .ps1 modules, their logic and the bytes that they lay down, and how
many processes of PowerShell a run costs each PC.

What it cannot prove: Windows PowerShell 5.1 itself, NTFS (rights, reparse points, locked files), the real registry,
CIM, logon sessions, winget and installers, and Microsoft's own WinRM (quotas, Kerberos, message encryption).

Protocol: MS-WSMV 3.1.4; DMTF DSP0226. The envelope is what pywinrm 0.5.0 and pypsrp 0.9.1 send
and read, and nothing else is served.
"""

from __future__ import annotations

import base64
import http.server
import ssl
import threading
import urllib.parse
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from psrp_session import POOL, Session

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
POWERSHELL = "http://schemas.microsoft.com/powershell/"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
OPERATION_TIMEOUT = 2150858793  # of MS-WSMV: nothing to receive yet, ask again
BEFORE_TIMEOUT = 10.0  # seconds; pywinrm offers to wait 20


class Machine(Protocol):
    """What stands behind the peer: runs one command and says what it printed."""

    def execute(self, line: str, given: bytes) -> tuple[bytes, bytes, int]:
        """Run a command line with this standard input; return (output, errors, exit code)."""

    def open_session(self) -> Session:
        """Start a PowerShell that serves its own remoting protocol."""


@dataclass
class Command:
    """One command of a shell, started when all of its input is there."""

    line: str
    given: bytearray = field(default_factory=bytearray)
    started: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    result: tuple[bytes, bytes, int] = (b"", b"", -1)

    def start(self, machine: Machine) -> None:
        self.started = True

        def run() -> None:
            try:
                self.result = machine.execute(self.line, bytes(self.given))
            finally:
                self.ended.set()

        threading.Thread(target=run, daemon=True).start()


class Peer:
    """The endpoint of one or several PCs: https://127.0.0.1:<port>/<name>/wsman."""

    def __init__(self, machines: Mapping[str, Machine], user: str, password: str, context: ssl.SSLContext) -> None:
        self.machines = machines
        self.allowed = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.requests = dict.fromkeys(machines, 0)
        self.bytes_in = dict.fromkeys(machines, 0)
        self._commands: dict[str, Command] = {}
        self._sessions: dict[str, Session] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]

    @contextmanager
    def serving(self) -> Iterator[Peer]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
            for session in self._sessions.values():
                session.close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Print nothing: the tests' output is theirs."""

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                name = urllib.parse.unquote(self.path).strip("/").removesuffix("/wsman")
                if name not in peer.machines:
                    self._answer(404, b"")
                elif self.headers.get("Authorization") != peer.allowed:
                    self._answer(401, b"")
                else:
                    peer.requests[name] += 1
                    peer.bytes_in[name] += len(data)
                    self._answer(*peer.serve(peer.machines[name], data))

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="WSMAN"')
                self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler

    def serve(self, machine: Machine, data: bytes) -> tuple[int, bytes]:
        """Answer one envelope: (HTTP status, envelope)."""
        root = ET.fromstring(data)
        action = text_of(root, "Action").rpartition("/")[2]
        of_powershell = text_of(root, "ResourceURI").startswith(POWERSHELL)
        answer = self._serve_session if of_powershell else self._serve_shell
        return answer(machine, root, action, text_of(root, "MessageID"))

    def _serve_shell(self, machine: Machine, root: ET.Element, action: str, relates: str) -> tuple[int, bytes]:
        """The same for a shell of commands."""
        if action == "Create":
            return 200, envelope(action, relates, selector("ShellId", new_id()))
        if action == "Command":
            return 200, envelope(action, relates, self._command(root))
        if action == "Send":
            stream = first(root, "Stream")
            command = self._commands[stream.attrib["CommandId"]]
            command.given += base64.b64decode(stream.text or "")
            if stream.get("End") == "true":
                command.start(machine)
            return 200, envelope(action, relates, "<rsp:SendResponse/>")
        if action == "Receive":
            return self._receive(machine, first(root, "DesiredStream").attrib["CommandId"], relates)
        if action == "Signal":
            self._commands.pop(first(root, "Signal").attrib["CommandId"], None)
            return 200, envelope(action, relates, "<rsp:SignalResponse/>")
        if action == "Delete":
            return 200, envelope(action, relates, "")
        raise ValueError(f"this peer does not know the WS-Management action {action}")

    def _serve_session(self, machine: Machine, root: ET.Element, action: str, relates: str) -> tuple[int, bytes]:
        """The same for a session of PowerShell, whose protocol is inside of ours."""
        if action == "Create":
            shell = first(root, "Shell").attrib["ShellId"]
            self._sessions[shell] = session = machine.open_session()
            session.send(base64.b64decode(text_of(root, "creationXml")))
            return 200, envelope(action, relates, created(shell, text_of(root, "ResourceURI")))
        shell = next(one.text or "" for one in every(root, "Selector") if one.attrib["Name"] == "ShellId")
        if action == "Delete":
            self._sessions.pop(shell).close()
            return 200, envelope(action, relates, "")
        session = self._sessions[shell]
        element = first(
            root, {"Command": "CommandLine", "Send": "Stream", "Receive": "DesiredStream"}.get(action, action)
        )
        identifier = element.get("CommandId", POOL)
        pipeline = identifier.lower()
        body = f"<rsp:{action}Response/>"
        if action == "Command":
            session.begin(pipeline, base64.b64decode(text_of(root, "Arguments")))
            body = f"<rsp:CommandResponse><rsp:CommandId>{identifier}</rsp:CommandId></rsp:CommandResponse>"
        elif action == "Send":
            session.send(base64.b64decode(element.text or ""), pipeline, element.attrib["Name"])
        elif action == "Signal":
            session.stop(pipeline)
        elif action == "Receive":
            data = session.receive(pipeline, BEFORE_TIMEOUT)
            if not data:
                return 500, fault(relates, OPERATION_TIMEOUT, "nothing to receive yet")
            stream = f'<rsp:Stream Name="stdout">{base64.b64encode(data).decode()}</rsp:Stream>'
            body = f"<rsp:ReceiveResponse>{stream}</rsp:ReceiveResponse>"
        else:
            raise ValueError(f"this peer does not know the WS-Management action {action} of PowerShell")
        return 200, envelope(action, relates, body)

    def _command(self, root: ET.Element) -> str:
        identifier = new_id()
        words = [element.text or "" for name in ("Command", "Arguments") for element in every(root, name)]
        self._commands[identifier] = Command(" ".join(words))
        return f"<rsp:CommandResponse><rsp:CommandId>{identifier}</rsp:CommandId></rsp:CommandResponse>"

    def _receive(self, machine: Machine, identifier: str, relates: str) -> tuple[int, bytes]:
        command = self._commands[identifier]
        if not command.started:  # nobody sends it any input
            command.start(machine)
        if not command.ended.wait(BEFORE_TIMEOUT):
            return 500, fault(relates, OPERATION_TIMEOUT, "nothing to receive yet")
        output, errors, code = command.result
        streams = "".join(
            f'<rsp:Stream Name="{name}" CommandId="{identifier}">{base64.b64encode(data).decode()}</rsp:Stream>'
            for name, data in (("stdout", output), ("stderr", errors))
            if data
        )
        done = (
            f'<rsp:CommandState CommandId="{identifier}" State="{SHELL}/CommandState/Done">'
            f"<rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>"
        )
        return 200, envelope("Receive", relates, f"<rsp:ReceiveResponse>{streams}{done}</rsp:ReceiveResponse>")


def every(root: ET.Element, tag: str) -> Iterator[ET.Element]:
    return (element for element in root.iter() if element.tag.endswith("}" + tag))


def first(root: ET.Element, tag: str) -> ET.Element:
    return next(every(root, tag))


def text_of(root: ET.Element, tag: str) -> str:
    return first(root, tag).text or ""


def new_id() -> str:
    return str(uuid.uuid4()).upper()


def selector(name: str, value: str) -> str:
    return (
        f'<rsp:Shell><w:SelectorSet><w:Selector Name="{name}">{value}</w:Selector></w:SelectorSet>'
        f"<rsp:ShellId>{value}</rsp:ShellId></rsp:Shell>"
    )


def created(shell: str, resource: str) -> str:
    """How a session is told to be there: what later requests name it by."""
    return (
        f'<t:ResourceCreated xmlns:t="{TRANSFER}"><a:ReferenceParameters><w:ResourceURI>{resource}</w:ResourceURI>'
        f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
        f"</t:ResourceCreated><rsp:Shell><rsp:ShellId>{shell}</rsp:ShellId></rsp:Shell>"
    )


def envelope(action: str, relates: str, body: str) -> bytes:
    return (
        f'<?xml version="1.0"?><s:Envelope xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}"'
        f' xmlns:w="{WSMAN}" xmlns:rsp="{SHELL}">'
        f"<s:Header><a:Action>{SHELL}/{action}Response</a:Action><a:MessageID>uuid:{new_id()}</a:MessageID>"
        f"<a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault(relates: str, code: int, reason: str) -> bytes:
    return envelope(
        "Fault",
        relates,
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text>{reason}</s:Text></s:Reason>"
        f'<s:Detail><f:WSManFault xmlns:f="{FAULT}" Code="{code}"><f:Message>{reason}</f:Message></f:WSManFault>'
        "</s:Detail></s:Fault>",
    )
