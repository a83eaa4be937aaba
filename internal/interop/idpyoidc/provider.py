"""A third-party OpenID Provider for the tests of the folder above: idpyoidc's, behind
the HTTP server of the standard library, which it leaves to its host.

It takes its settings as one JSON argument, the files of its certificate and of the trust
root, and whether faults are mended that keep a flow from being tested at all:
{"tls": {"cert": file, "key": file, "ca": file}, "mended": bool}. It prints one JSON object a line:
first {"ready": issuer}, then what happened. It stops when its standard input ends.

The user is diana; nobody is asked for a password.
"""

import json
import ssl
import sys
import tempfile
import threading
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from idpyoidc.message.oauth2 import ResponseMessage
from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.exception import UnAuthorizedClient
from idpyoidc.server.oidc.session import Session
from idpyoidc.server.user_authn.authn_context import INTERNETPROTOCOLPASSWORD

SETTINGS = json.loads(sys.argv[1])
OIDC = "idpyoidc.server.oidc"


class EndSession(Session):
    """The end session endpoint without its fault.

    As it is, it takes "no client authentication" for a method that brought a token, and
    ends in a KeyError at every request of a browser.
    """

    def client_authentication(self, *args, **kwargs):
        return {}


def tell(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def configuration(issuer):
    """The endpoints and the user; everything else is idpyoidc's default."""
    secret = {"kwargs": {"keys": {"key_defs": [
        {"type": "OCT", "use": ["enc"], "kid": "password"}, {"type": "OCT", "use": ["enc"], "kid": "salt"},
    ]}}}
    return {
        "issuer": issuer,
        "httpc_params": {"verify": SETTINGS["tls"]["ca"], "timeout": 4},
        "key_conf": {
            "uri_path": "jwks.json",
            "key_defs": [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}],
        },
        "cookie_handler": {
            "class": "idpyoidc.server.cookie_handler.CookieHandler",
            "kwargs": {
                "keys": {"key_defs": [{"type": "OCT", "use": ["enc"], "kid": "enc"}, {"type": "OCT", "use": ["sig"], "kid": "sig"}]},
                "name": {"session": "oidc_op", "register": "oidc_op_rp", "session_management": "sman"},
                "flags": {"samesite": "None", "httponly": True, "secure": True},
            },
        },
        "session_params": {"encrypter": secret},
        "token_handler_args": {
            "key_conf": {"key_defs": [{"type": "OCT", "use": ["enc"], "kid": kid} for kid in ("code", "token", "refresh")]},
            "code": {"lifetime": 600},
            "token": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 3600, "aud": [issuer]}},
            "refresh": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 86400, "aud": [issuer]}},
            "id_token": {"class": "idpyoidc.server.token.id_token.IDToken", "kwargs": {}},
        },
        "endpoint": {
            "provider_info": {"path": ".well-known/openid-configuration", "class": f"{OIDC}.provider_config.ProviderConfiguration", "kwargs": {"client_authn_method": None}},
            "registration": {"path": "registration", "class": f"{OIDC}.registration.Registration", "kwargs": {"client_authn_method": None, "client_secret_expiration_time": 432000}},
            "authorization": {
                "path": "authorization", "class": f"{OIDC}.authorization.Authorization",
                "kwargs": {
                    "client_authn_method": None,
                    "response_types_supported": ["code", "id_token", "code id_token"],
                    "response_modes_supported": ["query", "fragment", "form_post"],
                },
            },
            "token": {"path": "token", "class": f"{OIDC}.token.Token", "kwargs": {"client_authn_method": ["client_secret_post", "client_secret_basic", "client_secret_jwt", "private_key_jwt"]}},
            "userinfo": {"path": "userinfo", "class": f"{OIDC}.userinfo.UserInfo", "kwargs": {"client_authn_method": ["bearer_header"]}},
            "session": {
                "path": "session", "class": EndSession if SETTINGS.get("mended") else Session,
                "kwargs": {"client_authn_method": None, "logout_verify_url": f"{issuer}/verify_logout", "post_logout_uri_path": "post_logout", "signing_alg": "ES256"},
            },
        },
        "preference": {"grant_types_supported": ["authorization_code", "implicit", "refresh_token"], "subject_types_supported": ["public", "pairwise"]},
        "add_on": {"pkce": {"function": "idpyoidc.server.oauth2.add_on.pkce.add_support", "kwargs": {"essential": True}}},
        "authentication": {"nobody": {"acr": INTERNETPROTOCOLPASSWORD, "class": "idpyoidc.server.user_authn.user.NoAuthn", "kwargs": {"user": "diana"}}},
        "userinfo": {"class": "idpyoidc.server.user_info.UserInfo", "kwargs": {"db": {"diana": {"sub": "diana", "name": "Diana Krall", "email": "diana@example.org", "email_verified": True}}}},
    }


class Provider(BaseHTTPRequestHandler):
    """Turns requests into calls of idpyoidc's endpoints."""

    protocol_version = "HTTP/1.1"
    op = None
    paths = {}

    def log_message(self, *args):
        pass

    def answer(self, status, body="", content_type="text/html", headers=()):
        text = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if text:
            self.send_header("Content-Type", content_type)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.serve(urlsplit(self.path).query)

    def do_POST(self):
        self.serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

    def serve(self, request):
        path = urlsplit(self.path).path
        try:
            if path == "/jwks.json":
                keys = self.op.keyjar.export_jwks()
                self.answer(200, json.dumps(keys), "application/json")
            elif path == "/verify_logout":
                # A person would be asked here; this one agrees.
                self.log_out(parse_qs(request)["sjwt"][0])
            elif path in self.paths:
                self.call(path, self.paths[path], request)
            else:
                self.answer(404)
        except UnAuthorizedClient as refusal:
            tell(event="refused", endpoint=path, error="invalid_client", description=repr(refusal))
            self.answer(401, json.dumps({"error": "invalid_client"}), "application/json")
        except Exception as fault:  # pylint: disable=broad-except
            tell(event="fault", endpoint=path, description=repr(fault))
            self.answer(500)

    def http_info(self):
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        return {
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "method": self.command,
            "url": self.op.issuer + self.path,
            "cookie": [{"name": name, "value": morsel.value} for name, morsel in cookies.items()],
        }

    def call(self, path, endpoint, request):
        info = self.http_info()
        if endpoint.request_format == "urlencoded" and not path.startswith("/.well-known/"):
            request = dict(parse_qsl(request))
        parsed = endpoint.parse_request(request, http_info=info)
        if isinstance(parsed, ResponseMessage) and "error" in parsed:
            tell(event="refused", endpoint=path, error=parsed["error"], description=parsed.get("error_description", ""))
            self.answer(400, parsed.to_json(), "application/json")
            return
        result = endpoint.process_request(parsed, http_info=info) or {}
        if isinstance(result, ResponseMessage) and "error" in result:
            tell(event="refused", endpoint=path, error=result["error"], description=result.get("error_description", ""))
            self.answer(400, result.to_json(), "application/json")
            return
        if "redirect_location" in result:
            self.answer(303, headers=[("Location", result["redirect_location"])])
            return
        done = endpoint.do_response(request=parsed, **result)
        headers = [pair for pair in done.get("http_headers", []) if pair[0].lower() != "content-type"]
        cookies = done.get("cookie") or []
        headers += [("Set-Cookie", self.cookie(c)) for c in (cookies if isinstance(cookies, list) else [cookies])]
        tell(event="answered", endpoint=path, client=parsed.get("client_id", "") if parsed else "")
        placement = done.get("response_placement", endpoint.response_placement)
        if placement == "url":
            self.answer(303, headers=headers + [("Location", done["response"])])
            return
        kind = dict((name.lower(), value) for name, value in done.get("http_headers", [])).get("content-type", "application/json")
        self.answer(done.get("response_code", 200), done["response"], kind, headers)

    @staticmethod
    def cookie(content):
        morsel = SimpleCookie()
        morsel[content["name"]] = content["value"]
        morsel[content["name"]]["path"] = "/"
        for name in ("max-age", "samesite", "httponly", "secure"):
            if name in content:
                morsel[content["name"]][name] = content[name]
        return morsel[content["name"]].OutputString()

    def log_out(self, token):
        session = self.op.get_endpoint("session")
        told = session.unpack_signed_jwt(token)
        session.do_verified_logout(told["sid"], alla=True)
        tell(event="logged_out")
        self.answer(303, headers=[("Location", told["redirect_uri"])] + [("Set-Cookie", self.cookie(c)) for c in session.kill_cookies()])


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SETTINGS["tls"]["cert"], SETTINGS["tls"]["key"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer = f"https://127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory() as folder:
        Provider.op = Server(OPConfiguration(configuration(issuer), base_path=folder), cwd=folder)
        Provider.op.context.set_preference("jwks_uri", f"{issuer}/jwks.json")
        Provider.paths = {"/" + endpoint.endpoint_path: endpoint for endpoint in Provider.op.endpoint.values()}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tell(ready=issuer)
        sys.stdin.read()


main()
