"""A FAKE of WinRM on the loopback: where unmodified Ansible and pywinrm end, with a real PowerShell behind.

It speaks the part of WS-Management that Ansible's connection ``winrm`` uses (shells, commands, streams of bytes), over
TLS, and lets in one made-up account by basic authentication. What it is told to run it runs: with ``pwsh`` of the PATH,
in the place of a PC that windows_pc.py makes of a directory.

What a test that passes through it proves: connection settings, what Ansible sends, Ansible's own wrappers, argument
specs, check mode, diff, warnings and errors of our .ps1 modules, their logic and the bytes that they lay down, and how
many processes of PowerShell a run costs each PC.

What it cannot prove: Windows PowerShell 5.1 itself, NTFS (rights, reparse points, locked files), the real registry,
CIM, logon sessions, winget and installers, and Microsoft's own WinRM (quotas, Kerberos, message encryption).

Protocol: MS-WSMV 3.1.4; DMTF DSP0226. The envelope is what pywinrm 0.5.0 sends and reads, and nothing else is served.
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

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
OPERATION_TIMEOUT = 2150858793  # of MS-WSMV: nothing to receive yet, ask again
BEFORE_TIMEOUT = 10.0  # seconds; pywinrm offers to wait 20


class Machine(Protocol):
    """What stands behind the peer: runs one command and says what it printed."""

    def execute(self, line: str, given: bytes) -> tuple[bytes, bytes, int]:
        """Run a command line with this standard input; return (output, errors, exit code)."""


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
        relates = text_of(root, "MessageID")
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
