"""A third-party relying party for the tests of the folder above: idpyoidc's.

It takes its settings as one JSON argument: {"issuer": URL, "ca": file, "user": {"username":
…, "password": …}}. It prints one JSON object a line: first {"listening": address}, where
plain http finds what the provider knows under https://rp.example, and {"flows": names}.
Then it runs each flow that it reads a line of, and prints {"flow": name, "error": text or
null}. It stops when its standard input ends.
"""

import json
import logging
import os
import sys
import tempfile
import threading
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from cryptojwt.key_jar import build_keyjar
from idpyoidc.client.oauth2.stand_alone_client import backchannel_logout
from idpyoidc.client.rp_handler import RPHandler

SETTINGS = json.loads(sys.argv[1])
ISSUER = SETTINGS["issuer"]
BASE = "https://rp.example"
CALLBACK = BASE + "/cb"
AFTERWARD = BASE + "/bye"
CLIENT = "idpyoidc.client"
METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]

KEYS = build_keyjar([
    {"type": "RSA", "use": ["sig"]},
    {"type": "EC", "crv": "P-256", "use": ["sig"]},
    {"type": "RSA", "use": ["enc"]},
])
SERVICES = {name: {"class": f"{CLIENT}.{path}"} for name, path in {
    "discovery": "oidc.provider_info_discovery.ProviderInfoDiscovery",
    "registration": "oidc.registration.Registration",
    "registration_read": "oidc.read_registration.RegistrationRead",
    "authorization": "oidc.authorization.Authorization",
    "accesstoken": "oidc.access_token.AccessToken",
    "refresh_token": "oidc.refresh_access_token.RefreshAccessToken",
    "userinfo": "oidc.userinfo.UserInfo",
    "end_session": "oidc.end_session.EndSession",
    "introspection": "oauth2.introspection.Introspection",
    "token_revocation": "oauth2.token_revocation.TokenRevocation",
}.items()}
POSTED = Queue()  # what the provider posts to the back-channel logout endpoint
FLOWS = {}


def tell(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def flow(run):
    FLOWS[run.__name__] = run
    return run


class Endpoints(BaseHTTPRequestHandler):
    """What the provider asks the relying party for."""

    def log_message(self, *args):
        pass

    def answer(self, body=b""):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(KEYS.export_jwks_as_json().encode())

    def do_POST(self):
        POSTED.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer()


class Page(HTMLParser):
    """The first form of a page: where it goes, its fields and its buttons."""

    def __init__(self, text):
        super().__init__()
        self.action, self.id, self.fields, self.buttons = None, None, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and self.action is None:
            self.action, self.id = attrs["action"], attrs["id"]
        elif tag == "input" and (attrs.get("type") != "checkbox" or "checked" in attrs):
            self.fields.append((attrs["name"], attrs.get("value", "")))
        elif tag == "button" and "name" in attrs:
            self.buttons.append((attrs["name"], attrs["value"]))


class Browser(requests.Session):
    """A user agent without scripts that fills in the provider's pages."""

    def visit(self, url, deny=""):
        """Goes to where the provider sends the user in the end, and returns the answer.
        The user says no at the form with the id deny."""
        response = self.get(url, allow_redirects=False)
        for _ in range(10):
            if response.is_redirect:
                url = urljoin(url, response.headers["Location"])
                if not url.startswith(ISSUER):
                    return url
                response = self.get(url, allow_redirects=False)
                continue
            page = Page(response.text)
            assert page.action, f"the provider shows {response.status_code}: {response.text[-500:]}"
            body = [(name, SETTINGS["user"].get(name, value)) for name, value in page.fields]
            body += page.buttons[-1:] if page.id == deny else page.buttons[:1]
            url = urljoin(url, page.action)
            if not url.startswith(ISSUER):
                return url + "?" + requests.models.RequestEncodingMixin._encode_params(body)
            response = self.post(url, data=body, allow_redirects=False)
        raise AssertionError("the pages do not end")


def add_on(name, **kwargs):
    return {name: {"function": f"{CLIENT}.oauth2.add_on.{name}.add_support", "kwargs": kwargs}}


def party(registered=None, add_ons=None, method="client_secret_basic", **preference):
    """A relying party. It registers itself unless it is told what was registered."""
    config = {
        "issuer": ISSUER, "client_type": "oidc", "redirect_uris": [CALLBACK], "client_authn_methods": METHODS + ["bearer_header"],
        "preference": {
            "response_types_supported": ["code"], "token_endpoint_auth_methods_supported": [method],
            "token_endpoint_auth_method": method, **preference,
        },
        "add_ons": {**add_on("pkce", code_challenge_length=64, code_challenge_method="S256"), **(add_ons or {})},
        "services": SERVICES, **(registered or {}),
        "encrypt_userinfo_supported": "userinfo_encryption_alg_values_supported" in preference,
        "encrypt_id_token_supported": "id_token_encryption_alg_values_supported" in preference,
    }
    return RPHandler(
        base_url=BASE, client_configs={ISSUER: config}, services=SERVICES, keyjar=KEYS, jwks_path="jwks.json",
        httpc_params={"verify": SETTINGS["ca"], "timeout": 10},
    )


def register(**metadata):
    """Registers a client by hand: idpyoidc derives grant_types from response_types, so
    that what it registers itself is never given a refresh token."""
    answer = requests.post(ISSUER + "/register", timeout=10, json={
        "redirect_uris": [CALLBACK], "post_logout_redirect_uris": [AFTERWARD], "jwks_uri": BASE + "/jwks.json",
        "grant_types": ["authorization_code", "refresh_token"], **metadata,
    })
    assert answer.status_code == 201, answer.text
    return {name: value for name, value in answer.json().items() if name in ("client_id", "client_secret")}


def login(rp, browser=None, deny="", **request):
    """Runs a login and returns what the relying party makes of it."""
    begun = rp.begin(ISSUER, req_args={"scope": ["openid", "email", "offline_access"], **request})
    url = begun if isinstance(begun, str) else begun["url"]
    back = urlsplit((browser or Browser()).visit(url, deny))
    return rp.finalize(ISSUER, dict(parse_qsl(back.query or back.fragment)))


def use(rp, **request):
    """Runs a login that is to succeed, and returns it."""
    result = login(rp, **request)
    assert "error" not in result, result
    assert result["userinfo"]["sub"] == SETTINGS["user"]["username"], result
    assert result["userinfo"]["email_verified"] is True, result
    return result


def renew(rp, **request):
    result = use(rp, **request)
    renewed = rp.refresh_access_token(result["state"])
    assert renewed["access_token"] != result["token"], renewed
    assert rp.get_user_info(result["state"])["sub"] == result["userinfo"]["sub"]
    return result


def client(rp):
    return rp.issuer2rp[ISSUER]


@flow
def dynamic_registration():
    rp = party()
    result = use(rp)
    read = client(rp).do_request("registration_read", state=result["state"])
    assert read["redirect_uris"] == [CALLBACK], read
    assert "refresh_token" not in read["grant_types"], read  # see register


@flow
def dynamic_client_secret_post():
    use(party(method="client_secret_post"))


@flow
def client_secret_basic():
    renew(party(register()))


@flow
def client_secret_post():
    renew(party(register(token_endpoint_auth_method="client_secret_post"), method="client_secret_post"))


@flow
def client_secret_jwt():
    renew(party(
        register(token_endpoint_auth_method="client_secret_jwt"), method="client_secret_jwt",
        token_endpoint_auth_signing_alg_values_supported=["HS256"],
    ))


@flow
def private_key_jwt():
    renew(party(
        register(token_endpoint_auth_method="private_key_jwt"), method="private_key_jwt",
        token_endpoint_auth_signing_alg_values_supported=["ES256"],
    ))


@flow
def form_post():
    renew(party(register()), response_mode="form_post")


@flow
def code_id_token():
    use(party(response_types_supported=["code id_token"]), response_type="code id_token")


@flow
def id_token_es256():
    result = use(party(id_token_signing_alg_values_supported=["ES256"]))
    assert result["id_token"].jws_header["alg"] == "ES256", result["id_token"].jws_header


@flow
def id_token_encrypted():
    use(party(id_token_encryption_alg_values_supported=["RSA-OAEP"], id_token_encryption_enc_values_supported=["A128CBC-HS256"]))


@flow
def userinfo_signed():
    result = use(party(userinfo_signing_alg_values_supported=["ES256"]))
    assert result["userinfo"]["iss"] == ISSUER, result["userinfo"]


@flow
def userinfo_encrypted():
    result = use(party(
        userinfo_signing_alg_values_supported=["ES256"],
        userinfo_encryption_alg_values_supported=["RSA-OAEP-256"], userinfo_encryption_enc_values_supported=["A128CBC-HS256"],
    ))
    assert result["userinfo"]["iss"] == ISSUER, result["userinfo"]


@flow
def claims_parameter():
    result = use(party(), max_age=600, claims={"id_token": {"auth_time": {"essential": True}, "email": None}})
    assert result["id_token"]["email"] == result["userinfo"]["email"], result["id_token"]
    assert result["id_token"]["auth_time"], result["id_token"]


@flow
def prompt_none():
    rp, browser = party(), Browser()
    assert login(rp, browser, prompt="none")["error"] == "login_required"
    use(rp, browser=browser)
    # Consent was given; offline_access would ask for it again (Core, Section 11).
    use(rp, browser=browser, prompt="none", scope=["openid", "email"])


@flow
def access_denied():
    assert login(party(), deny="consent")["error"] == "access_denied"


@flow
def introspection():
    rp = party(register())
    result = use(rp)
    told = client(rp).do_request(
        "introspection", state=result["state"], request_args={"token": result["token"]}, authn_method="client_secret_basic",
    )
    assert told["active"] is True and told["sub"] == result["userinfo"]["sub"], told


@flow
def revocation():
    rp = party(register())
    result = use(rp)
    try:
        client(rp).do_request(
            "token_revocation", state=result["state"], request_args={"token": result["token"]}, authn_method="client_secret_basic",
        )
    finally:
        answer = requests.get(ISSUER + "/userinfo", timeout=10, headers={"Authorization": "Bearer " + result["token"]})
        assert answer.status_code == 401, "the token was not revoked"


@flow
def logout():
    rp, browser = party(register()), Browser()
    result = use(rp, browser=browser)
    back = browser.visit(rp.logout(result["state"], post_logout_redirect_uri=AFTERWARD)["url"])
    assert back.startswith(AFTERWARD + "?state="), back
    assert login(rp, browser, prompt="none")["error"] == "login_required"


@flow
def backchannel():
    rp, browser = party(register(backchannel_logout_uri=BASE + "/logout", backchannel_logout_session_required=True)), Browser()
    result = use(rp, browser=browser)
    browser.visit(rp.logout(result["state"], post_logout_redirect_uri=AFTERWARD)["url"])
    # It looks for the algorithm of the logout token in a registration response, which a
    # client has that registered itself.
    client(rp).get_context().registration_response = {"id_token_signed_response_alg": "RS256"}
    assert backchannel_logout(client(rp), request=POSTED.get(timeout=10)) == result["state"]


@flow
def dynamic_private_key_jwt():
    use(party(method="private_key_jwt", token_endpoint_auth_signing_alg_values_supported=["ES256"]))


@flow
def request_object():
    renew(party(register(request_object_signing_alg="RS256", require_signed_request_object=True), add_ons=add_on("jar")))


@flow
def request_parameter():
    use(party(register(request_object_signing_alg="RS256"), request_parameter="request"))


@flow
def pushed_authorization():
    rp = party(add_ons=add_on("par", authn_method="client_secret_basic"))
    # It looks for the keys that it signs with in a place where they are not.
    rp.client_setup(ISSUER).get_context().keyjar = KEYS
    use(rp)


@flow
def dpop():
    use(party(add_ons=add_on("dpop", dpop_signing_alg_values_supported=["ES256"])))


def main():
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoints)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tell(listening=f"127.0.0.1:{server.server_port}")
        tell(flows=list(FLOWS))
        for line in sys.stdin:
            name = line.strip()
            try:
                FLOWS[name]()
            except Exception as fault:  # pylint: disable=broad-except
                tell(flow=name, error=repr(fault))
            else:
                tell(flow=name, error=None)


if __name__ == "__main__":
    main()
