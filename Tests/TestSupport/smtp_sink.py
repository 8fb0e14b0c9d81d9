"""A mail server for tests: takes everything, and says what it took, one JSON line each.

The first line is {"port": N}. Then, for each mail, {"kind": "mail", …}, and when a connection
ends {"kind": "closed", "commands": […]}. Only Python's standard library. What it refuses is
scripted by the recipient's name, so that one server serves a whole table of tests:

    reject-550@… later-450@…   that code at RCPT          data-451@…   at DATA
    body-552@…                 after the mail             hang@…       no answer at RCPT
    drop@…                     closes at RCPT
"""

import argparse
import base64
import json
import os
import re
import socketserver
import ssl
import sys
import threading
import time

options = None
output = threading.Lock()
connections = 0


def end_with(parent):
    """A test that crashes leaves no server behind."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def say(line):
    with output:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def scripted(recipient, *words):
    match = re.match(r"([a-z]+)-(\d{3})@", recipient)
    return match.group(2) if match and match.group(1) in words else None


class Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        global connections
        with output:
            connections += 1
            self.number = connections
        self.commands, self.login, self.encrypted = [], None, False
        self.sender, self.recipients, self.mails = None, [], 0
        try:
            if options.tls == "implicit":
                self.encrypt()
            if options.hang_at == "greeting":
                time.sleep(600)
            self.reply(options.greeting)
            if not options.greeting.startswith("2"):
                return
            while self.command():
                pass
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            say({"kind": "closed", "connection": self.number, "commands": self.commands})

    def encrypt(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        self.connection = context.wrap_socket(self.request, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.encrypted = True

    def reply(self, text):
        self.connection.sendall((text + "\r\n").encode())

    def line(self):
        line = self.rfile.readline(4096)
        if not line:
            raise ValueError("closed")
        return line.decode("utf-8", "replace").rstrip("\r\n")

    def command(self):
        line = self.line()
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        self.commands.append(verb)
        if options.hang_at == verb.lower():
            time.sleep(600)
        if verb == "EHLO":
            offers = ["sink", "PIPELINING", "SIZE 1000000", "ENHANCEDSTATUSCODES"]
            if options.tls == "starttls" and not self.encrypted:
                offers.append("STARTTLS")
            if options.user and (self.encrypted or options.tls == "none"):
                offers.append("AUTH PLAIN LOGIN")
            for offer in offers[:-1]:
                self.reply("250-" + offer)
            self.reply("250 " + offers[-1])
        elif verb == "STARTTLS" and options.tls == "starttls":
            self.reply("220 2.0.0 go ahead")
            self.encrypt()
        elif verb == "AUTH":
            self.authenticate(rest)
        elif verb == "MAIL":
            if options.close_after and self.mails >= options.close_after:
                self.reply("421 4.7.0 too many mails on this connection")
                return False
            if options.user and not self.login:
                self.reply("530 5.7.0 authentication required")
            else:
                self.sender, self.recipients = rest, []
                self.reply(options.mail)
        elif verb == "RCPT":
            return self.recipient(re.search(r"<(.*)>", rest).group(1))
        elif verb == "DATA":
            return self.data()
        elif verb == "QUIT":
            self.reply("221 2.0.0 bye")
            return False
        elif verb in ("RSET", "NOOP", "HELO"):
            self.reply("250 2.0.0 ok")
        else:
            self.reply("502 5.5.1 not here")
        return True

    def authenticate(self, rest):
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            if not initial:
                self.reply("334 ")
                initial = self.line()
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            self.reply("334 VXNlcm5hbWU6")
            user = base64.b64decode(self.line()).decode()
            self.reply("334 UGFzc3dvcmQ6")
            password = base64.b64decode(self.line()).decode()
        if (user, password) == (options.user, options.password):
            self.login = user
            self.reply("235 2.7.0 welcome")
        else:
            self.reply("535 5.7.8 no such login: %s" % user)

    def recipient(self, address):
        code = scripted(address, "reject", "later")
        if address.startswith("hang@"):
            time.sleep(600)
        if address.startswith("drop@"):
            return False
        if code:
            self.reply("%s %s.1.1 <%s>: not now or never" % (code, code[0], address))
        else:
            self.recipients.append(address)
            self.reply("250 2.1.5 ok")
        return code != "421"

    def data(self):
        for address in self.recipients:
            code = scripted(address, "data")
            if code:
                self.reply("%s %s.3.0 <%s>: not now or never" % (code, code[0], address))
                return True
        self.reply("354 go on")
        lines = []
        while True:
            line = self.rfile.readline()
            if not line:
                raise ValueError("closed")
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        for address in self.recipients:
            code = scripted(address, "body")
            if code:
                self.reply("%s %s.3.4 <%s>: not now or never" % (code, code[0], address))
                return True
        self.mails += 1
        say({
            "kind": "mail", "connection": self.number, "encrypted": self.encrypted,
            "login": self.login, "sender": self.sender, "recipients": self.recipients,
            "data": b"".join(lines).decode("utf-8", "replace"),
        })
        self.reply("250 2.0.0 taken")
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--greeting", default="220 sink ESMTP")
    parser.add_argument("--mail", default="250 2.1.0 ok", help="the reply to MAIL FROM")
    parser.add_argument("--hang-at", help="a command that is not answered, or `greeting`")
    parser.add_argument("--close-after", type=int, help="421 after so many mails")
    options = parser.parse_args()
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    with Server(("127.0.0.1", options.port), Conversation) as server:
        say({"port": server.server_address[1]})
        server.serve_forever()
