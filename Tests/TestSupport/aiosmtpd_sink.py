"""A mail server by aiosmtpd (PyPI), so that not only our own sink judges what we say to servers.

Speaks smtp_sink.py's lines: {"port": N}, then {"kind": "mail", …}. STARTTLS and a login are
required.
"""

import argparse
import asyncio
import json
import ssl

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import AuthResult


def say(line):
    print(json.dumps(line), flush=True)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        say({
            "kind": "mail", "connection": id(session), "encrypted": session.ssl is not None,
            "login": session.auth_data and session.auth_data.decode(),
            "sender": envelope.mail_from, "recipients": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "replace"),
        })
        return "250 2.0.0 taken"


def authenticator(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (options.user.encode(), options.password.encode())
    return AuthResult(success=known, handled=known, auth_data=data.login)


parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--user")
parser.add_argument("--password")
options = parser.parse_args()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(options.cert, options.key)
loop = asyncio.new_event_loop()
controller = UnthreadedController(
    Handler(), loop=loop, hostname="127.0.0.1", port=options.port, tls_context=context,
    require_starttls=True, auth_required=True, authenticator=authenticator)
controller.begin()
say({"port": controller.server.sockets[0].getsockname()[1]})
loop.run_forever()
