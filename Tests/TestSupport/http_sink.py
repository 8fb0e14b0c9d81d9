"""An HTTP server for tests: answers as the path says, and tells what came, one JSON line each.

The first line is {"port": N}. Only Python's standard library.

    /…                       200                /status/503            that status
    /status/429?after=7      with Retry-After   /status/302?to=URL     with Location
    /hang                    no answer          /drop                  closes
    /big?bytes=N             200 and N bytes    /slow?seconds=S        200 after that time
"""

import argparse
import http.server
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

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


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        global connections
        super().setup()
        with output:
            connections += 1
            self.number = connections

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        say({
            "kind": "request", "connection": self.number, "method": self.command,
            "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()},
            "body": body.decode("utf-8", "replace"),
        })
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        status, content = 200, b"ok"
        if url.path.startswith("/status/"):
            status = int(url.path.split("/")[2])
        elif url.path == "/hang":
            time.sleep(600)
        elif url.path == "/drop":
            self.close_connection = True
            return
        elif url.path == "/big":
            content = b"x" * int(asked["bytes"])
        elif url.path == "/slow":
            time.sleep(float(asked["seconds"]))
        self.send_response(status)
        if "after" in asked:
            self.send_header("Retry-After", asked["after"])
        if "to" in asked:
            self.send_header("Location", asked["to"])
        if status == 204:
            content = b""
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request, address):
        pass  # a client that goes away is what some tests are about


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    server = Server(("127.0.0.1", options.port), Handler)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    say({"port": server.server_address[1]})
    server.serve_forever()
