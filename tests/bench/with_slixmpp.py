"""The same job by slixmpp as it comes, with one TLS context for all and the TLS mode that the port has."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from xml.etree.ElementTree import fromstring

import slixmpp
from account_job import Job, serve
from slixmpp.exceptions import IqError

QUESTION = (
    "<command xmlns='http://jabber.org/protocol/commands' node='http://jabber.org/protocol/admin#user-stats' "
    "action='execute'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
    "<value>http://jabber.org/protocol/admin</value></field><field var='accountjid' type='jid-single'>"
    "<value>{}</value></field></x></command>"
)
FIGURES = "{http://jabber.org/protocol/commands}command/{jabber:x:data}x"


class Client(slixmpp.ClientXMPP):  # type: ignore[misc] # mypy skips slixmpp
    def __init__(self, job: Job, jid: str, password: str, context: ssl.SSLContext) -> None:
        super().__init__(jid, password, ssl_context=context)
        self.enable_direct_tls = False
        self.verdict: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.add_event_handler("session_start", lambda _: self._end("ok"))
        self.add_event_handler("failed_all_auth", lambda _: self._end("auth_failed"))
        self.add_event_handler("disconnected", lambda _: self._end("connection_lost"))
        self.connect(job.host, job.port)

    def _end(self, verdict: str) -> None:
        if not self.verdict.done():
            self.verdict.set_result(verdict)

    async def leave(self) -> None:
        await self.disconnect(wait=1)
        # Otherwise this task of its own lives for ever.
        self._run_out_filters.cancel()
        await asyncio.gather(self._run_out_filters, return_exceptions=True)


async def login(job: Job, context: ssl.SSLContext) -> list[str]:
    gate = asyncio.Semaphore(job.at_once)

    async def one(name: str) -> str:
        async with gate:
            client = Client(job, f"{name}@{job.domain}", job.password, context)
            verdict = await asyncio.wait_for(asyncio.shield(client.verdict), 60)
            await client.leave()
            return verdict

    return await asyncio.gather(*map(one, job.names()))


async def exists(job: Job, context: ssl.SSLContext) -> list[str]:
    gate = asyncio.Semaphore(job.at_once)
    client = Client(job, job.admin, job.admin_password, context)
    await asyncio.wait_for(asyncio.shield(client.verdict), 60)

    async def one(name: str) -> str:
        async with gate:
            question = client.make_iq_set(ito=job.domain)
            question.append(fromstring(QUESTION.format(f"{name}@{job.domain}")))
            try:
                answer = await question.send(timeout=60)
            except IqError:
                return "unknown"
            return "absent" if answer.xml.find(FIGURES) is None else "exists"

    verdicts = await asyncio.gather(*map(one, job.names()))
    await client.leave()
    return verdicts


def work(job: Job) -> Iterable[str]:
    context = ssl.create_default_context(cafile=job.ca_file)
    return asyncio.run((exists if job.kind == "exists" else login)(job, context))


if __name__ == "__main__":
    serve(work)
