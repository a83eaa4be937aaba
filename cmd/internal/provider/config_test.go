package provider

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/password"
	"github.com/oidcservice/oidc/cmd/internal/settings"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// hashOf is a hash that costs little.
func hashOf(t *testing.T, text string) string {
	t.Helper()
	h, err := password.New(text, password.Params{Memory: 64, Time: 1, Threads: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

// write writes a configuration beside what it may name.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if !strings.Contains(text, "keys:") {
		text += "\nkeys: {algorithms: [ES256]}\n" // which are made soon
	}
	for name, content := range map[string]string{
		"op.yaml":    text,
		"store.key":  base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())),
		"empty":      "",
		"words.pem":  "no certificate",
		"users.yaml": "eve: {password: \"" + hashOf(t, "eve's") + "\"}\n",
		"bad.yaml":   "eve: {password: plain, age: 7}\n",
		"clients.json": `[{"client_id": "from-the-file", "client_secret": "a-secret-of-enough-characters", "redirect_uris": ["https://rp.example/cb"]},
 {"client_id": "broken", "redirect_uris": ["http://rp.example/cb"], "token_endpoint_auth_method": "none"}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "op.yaml")
}

func TestDemonstrationIsGood(t *testing.T) {
	s, err := Load("", Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) == 0 || !strings.Contains(s.Warnings[0], "demonstration") {
		t.Errorf("warnings %v", s.Warnings)
	}
	if _, ok, err := newAccounts(s.accounts).Authenticate(t.Context(), "diana", "krall"); !ok || err != nil {
		t.Errorf("the user that is told cannot log in: %v", err)
	}
}

const (
	jwtBearer = `policy: {grant_types: ["urn:ietf:params:oauth:grant-type:jwt-bearer"]}`
)

// Each fault names the file, the line, the member and what is expected.
func TestFaults(t *testing.T) {
	hash := hashOf(t, "krall")
	for _, tt := range []struct{ text, want string }{
		{"issuer: op.example", "op.yaml:1: issuer: want an https URL"},
		{"issuer: http://op.example", "op.yaml:1: issuer: want an https URL; http needs --insecure-allow-http"},
		{"issuer: https://op.example?x", "op.yaml:1: issuer: want"},
		{"\nlisten: 8443", "op.yaml:2: listen: want text, got a number"},
		{"listen: localhost", "listen: want HOST:PORT"},
		{"admin: {listen: localhost}", "admin.listen: want HOST:PORT"},
		{"isuer: x", "op.yaml:1: isuer: unknown; known are admin, clients"},
		{"stop_timeout: -1s", "stop_timeout: want a positive duration"},
		{"tls: {certificate: server.pem}", "tls: certificate and key go together"},
		{"tls: {certificate: none.pem, key: none.key}", "tls: open "},
		{"tls: {certificate: words.pem, key: words.pem}", "tls: tls: failed to find any PEM data"},
		{"mutual_tls: {listen: \"127.0.0.1:0\"}", "mutual_tls.base_url: want"},
		{"mutual_tls: {base_url: https://mtls.op.example}", "mutual_tls.listen: want"},
		{"mutual_tls: {listen: \"127.0.0.1:0\", base_url: http://mtls.op.example}", "MutualTLSBase"},
		{"mutual_tls: {client_ca: words.pem}", "mutual_tls.client_ca: there is no certificate in PEM in it"},
		{"mutual_tls: {}\nproxies: {trusted: [10.0.0.1], terminate_tls: true}", "proxies.certificate_header: behind proxies"},
		{"proxies: {trusted: [10.0.0.0/33]}", "proxies.trusted[0]: want an address"},
		{"proxies: {terminate_tls: true}", "proxies.trusted: want"},
		{"proxies: {trusted: [10.0.0.1], certificate_header: X}", "proxies.certificate_header: it needs"},
		{"store: {url: \"etcd://x\"}", "store.url: unknown store"},
		{"store: {url: sqlite:op.db, key_file: empty}", "store.key_file: "},
		{"store: {key_file: store.key}", "store.key_file: a store in memory is not sealed"},
		{"keys: {file: words.pem}", "keys.file: "},
		{"keys: {algorithms: [HS256]}", "keys.algorithms[0]: want one of"},
		{"keys: {algorithms: [ECDH-ES]}", "policy: endpoint: Keys"},
		{"keys: {rotate: 30d}", "keys.rotate: keys that are in no file"},
		{"keys: {rotate: 1h, file: k.json}", "keys.rotate: want more than keys.announce, which is 24h"},
		{"keys: {retain: -1h}", "keys.retain: want"},
		{"users: {diana: {password: krall}}", "users.diana.password: want an argon2id hash"},
		{"users: {diana: {}}", "users.diana.password: want an argon2id hash"},
		{"users: {diana: {password: \"" + hash + "\", sub: \"client:x\"}}", "users.diana.sub: want 1 to 255 ASCII"},
		{"users: {diana: {password: \"" + hash + "\", claims: {sub: x}}}", "users.diana.claims.sub: it is no claim"},
		{"users: {diana: {password: \"" + hash + "\"}, dora: {password: \"" + hash + "\", sub: diana}}", ".sub: another user has it"},
		{"users: {eve: {password: \"" + hash + "\", sub: x}}\nusers_file: users.yaml", "users.yaml:1: eve: stands in both"},
		{"users_file: bad.yaml", "bad.yaml:1: eve.age: unknown; known are acr, claims, password, sub, user_code"},
		{"users_file: none.yaml", "op.yaml:1: users_file: stat "},
		{"\nclients_file: none.yaml", "op.yaml:2: clients_file: stat "},
		{"clients: [{client_id: a}]", "clients[0].redirect_uris: "},
		{"clients: [{redirect_uris: [https://rp.example/cb]}]", "clients[0].client_id: there is none"},
		{"clients: [{client_id: a, redirect_uris: [https://rp.example/cb]}]", "clients[0].client_secret: there is none"},
		{"clients: [{client_id: a, redirect_uri: https://rp.example/cb}]", "clients[0].redirect_uri: unknown"},
		{"clients: [{client_id: a, redirect_uris: https://rp.example/cb}]", "clients[0].redirect_uris: "},
		{"clients: [{client_id: a, client_secret_sha256: 12ab, redirect_uris: [https://rp.example/cb]}]", "client_secret_sha256: want the SHA-256"},
		{"clients: [{client_id: a, client_secret: x, client_secret_sha256: " + `"` + strings.Repeat("0", 64) + `"` + ", redirect_uris: [https://rp.example/cb]}]", "not both"},
		{"clients: [{client_id: a, client_secret: x, token_endpoint_auth_method: none, redirect_uris: [https://rp.example/cb]}]", "clients[0].client_secret: nothing uses it"},
		{"clients: [{client_id: a, client_secret_sha256: " + `"` + strings.Repeat("0", 64) + `"` + ", token_endpoint_auth_method: client_secret_jwt, redirect_uris: [https://rp.example/cb]}]", "clients[0].client_secret: want the secret itself"},
		{"clients: [{client_id: a, token_endpoint_auth_method: none, redirect_uris: [https://rp.example/cb], grant_types: [password]}]", "clients[0].grant_types: "},
		{"clients: [{client_id: a, token_endpoint_auth_method: none, redirect_uris: [https://rp.example/cb], subject_type: pairwise}]", "clients[0].subject_type: "},
		{"clients: [{client_id: a, token_endpoint_auth_method: none, redirect_uris: [\"javascript:alert(1)\"]}]", "clients[0].redirect_uris: "},
		{"clients_file: clients.json", "clients.json:2: [1].redirect_uris: "},
		{"policy: {profile: fapi2, token_endpoint_auth_methods: [private_key_jwt, client_secret_basic]}", "policy.token_endpoint_auth_methods[1]: the profile fapi2 has private_key_jwt"},
		{"policy: {profile: fapi2, token_endpoint_auth_methods: []}", "policy: endpoint: Policy.AuthMethods: there is none"},
		{"policy: {profile: fapi2}\nlifetimes: {code: 61s}", "op.yaml:2: lifetimes.code: the profile fapi2 has at most 1m0s"},
		{"policy: {profile: fapi2-message-signing}\nlifetimes: {pushed_request: 10m}", "lifetimes.pushed_request: the profile fapi2-message-signing has at most 9m59s"},
		{"policy: {profile: fapi2}\ntrusted_issuers: [{issuer: \"https://x.example\", algorithms: [ES256, RS256]}]", "trusted_issuers[0].algorithms[1]: the profile fapi2 has PS256"},
		{"registration: {resources: [\"https://api.example.org\", api]}", "registration.resources[1]: want an absolute URI"},
		{"registration: {mode: maybe}", "registration.mode: want off, token, open"},
		{"registration: {mode: token}", "registration.initial_access_tokens: want"},
		{"registration: {initial_access_tokens: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]}", "registration.initial_access_tokens: they are for"},
		{"registration: {mode: token, initial_access_tokens: [short]}", "registration.initial_access_tokens[0]: want at least"},
		{"lifetimes: {code: 11m}", "lifetimes.code: want at most 10m"},
		{"lifetimes: {session: 0s}", "lifetimes.session: want at least 1s"},
		{"policy: {profile: strict}", "policy.profile: want openid, oauth2.1, fapi2, fapi2-message-signing"},
		{"policy: {profile: oauth2.1, response_types: [id_token]}", "policy.response_types[0]: the profile oauth2.1 has code alone"},
		{"policy: {response_types: [coda]}", "policy.response_types[0]: want code, id_token"},
		{"policy: {grant_types: [password]}", "policy.grant_types[0]: want refresh_token"},
		{"policy: {backchannel_token_delivery_modes: [ping]}", "policy.backchannel_token_delivery_modes: they are for policy.grant_types with urn:openid"},
		{"policy: {grant_types: [\"urn:openid:params:grant-type:ciba\"], backchannel_token_delivery_modes: [pull]}", "policy.backchannel_token_delivery_modes[0]: want poll, ping, push"},
		{"policy: {profile: fapi2, grant_types: [\"urn:openid:params:grant-type:ciba\"], backchannel_token_delivery_modes: [poll, push]}", "policy.backchannel_token_delivery_modes[1]: the profile fapi2 has poll and ping alone"},
		{"policy: {scopes: {\"two words\": []}}", "op.yaml:1: policy.scopes: want words"},
		{"policy: {op_policy_uri: privacy}", "op.yaml:1: policy.op_policy_uri: want the URL"},
		{"policy: {op_tos_uri: \"javascript:alert(1)\"}", "policy.op_tos_uri: want the URL"},
		{"policy: {service_documentation: \"ftp://op.example/\"}", "policy.service_documentation: want the URL"},
		{"policy: {password_acr: \"1\"}", "policy.password_acr: want one of policy.acr_values"},
		{"policy: {acr_values: [\"1\"]}\nusers: {diana: {password: \"" + hash + "\", acr: \"2\"}}", "users.diana.acr: want one of policy.acr_values"},
		{"users: {diana: {password: \"" + hash + "\", user_code: \"1234\"}}", "users.diana.user_code: want an argon2id hash"},
		{"policy: {authorization_details_types: {pay: {requird: [x]}}}", "policy.authorization_details_types.pay.requird: unknown"},
		{"tls: {hsts: -1s}", "tls.hsts: want a positive duration"},
		{jwtBearer, "trusted_issuers: want those whose assertions"},
		{"trusted_issuers: [{issuer: a, jwks: " + partnerJWKS + "}]", "trusted_issuers: they are for policy.grant_types"},
		{jwtBearer + "\ntrusted_issuers: [{jwks: " + partnerJWKS + "}]", "trusted_issuers[0].issuer: want the iss"},
		{jwtBearer + "\ntrusted_issuers: [{issuer: a, jwks: " + partnerJWKS + "}, {issuer: a, jwks: " + partnerJWKS + "}]", "trusted_issuers[1].issuer: stands twice"},
		{jwtBearer + "\ntrusted_issuers: [{issuer: a}]", "trusted_issuers[0]"},
		{jwtBearer + "\ntrusted_issuers: [{issuer: a, jwks: {keys: []}}]", "trusted_issuers[0].jwks: there is no key in it"},
		{jwtBearer + "\ntrusted_issuers: [{issuer: a, jwks_file: words.pem}]", "trusted_issuers[0].jwks_file: want a JWK Set"},
		{jwtBearer + "\ntrusted_issuers: [{issuer: a, jwks_file: none.json}]", "trusted_issuers[0].jwks_file: open"},
		{jwtBearer + "\ntrusted_issuers: [{issuer: a, jwks: " + partnerJWKS + ", algorithms: [HS256]}]", "trusted_issuers[0].algorithms[0]: want a signature algorithm"},
		{"policy: {token_endpoint_auth_methods: [secret]}", "policy.token_endpoint_auth_methods[0]: want client_secret_basic"},
		{"policy: {token_endpoint_auth_methods: [tls_client_auth]}\nmutual_tls: {}", "policy.token_endpoint_auth_methods[0]: want mutual_tls.client_ca"},
		{"policy: {token_endpoint_auth_methods: [self_signed_tls_client_auth]}", "policy.token_endpoint_auth_methods[0]: want the member mutual_tls"},
		{"policy: {access_tokens: saml}", "policy.access_tokens: want opaque, jwt"},
		{"policy: {bound_tokens: mutual_tls}", "policy.bound_tokens: mutual_tls needs"},
		{"policy: {pairwise_secret: short}", "policy.pairwise_secret: want at least 32"},
		{"policy: {outbound_ca: words.pem}", "policy.outbound_ca: there is no certificate in PEM in it"},
		{"policy: {outbound_allow: [all]}", "policy.outbound_allow[0]: want"},
	} {
		_, err := Load(write(t, tt.text), Overrides{})
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
		if Faults(err) == nil {
			t.Errorf("%s: no faults in %v", tt.text, err)
		}
	}
}

// All faults are told at once.
func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Load(write(t, "issuer: x\nlisten: y\npolicy: {profile: z}\n"), Overrides{})
	if f := Faults(err); len(f) != 3 {
		t.Errorf("got %v", err)
	}
}

// They are told from the first line to the last, and each time alike.
func TestFaultsAreInOrder(t *testing.T) {
	name := write(t, `lifetimes: {code: 1ms, session: 1ms, consent: 1ms}
policy: {scopes: {"c d": [], "a b": [], "e f": []}, op_tos_uri: x, op_policy_uri: x, service_documentation: x}
issuer: x
`)
	_, first := Load(name, Overrides{})
	faults := Faults(first)
	if len(faults) != 10 || !slices.IsSortedFunc(faults, func(a, b *settings.FaultError) int { return a.Line - b.Line }) {
		t.Fatalf("got %v", first)
	}
	for range 20 {
		if _, err := Load(name, Overrides{}); err.Error() != first.Error() {
			t.Fatalf("got %v\nand then %v", first, err)
		}
	}
}

func TestFlagsComeFirst(t *testing.T) {
	s, err := Load(write(t, "issuer: https://op.example\nlisten: 127.0.0.1:1\nstore: {url: sqlite:op.db}\n"),
		Overrides{Issuer: "http://127.0.0.1:2", Listen: "127.0.0.1:2", Store: "sqlite:here.db", InsecureAllowHTTP: true, AdminListen: "127.0.0.1:3"})
	if err != nil || s.Issuer != "http://127.0.0.1:2" || s.Listen != "127.0.0.1:2" || s.storeURL() != "sqlite:here.db" || s.Admin.Listen != "127.0.0.1:3" {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = Load(write(t, "store: {url: sqlite:op.db}\n"), Overrides{})
	if err != nil || s.storeURL() != "sqlite:"+s.file.Beside("op.db") {
		t.Errorf("a file is not beside the configuration: %s, %v", s.storeURL(), err)
	}
}

// What an operator should know, without anything being wrong.
func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"": "store.url is memory", "issuer: https://op.example": "keys.file names no file", "keys: {file: new.json}": "new.json is not there",
		"registration: {mode: open}": "registration.mode is open", "users: {}": "there are no users",
		"store: {url: sqlite:op.db}": "store.key_file names no file",
		"clients: [{client_id: a, client_secret: guess me, redirect_uris: [https://rp.example/cb]}]": `the secret of the client "a" has less than`,
	} {
		s, err := Load(write(t, text), Overrides{})
		if err != nil || !strings.Contains(strings.Join(s.Warnings, "\n"), want) {
			t.Errorf("%s: %v, %v, want %q", text, s, err, want)
		}
		if s != nil && strings.Contains(strings.Join(s.Warnings, "\n"), "guess me") {
			t.Errorf("a secret is shown: %v", s.Warnings)
		}
	}
}

// Judging a configuration writes nothing: not even keys that are to be made.
func TestLoadWritesNothing(t *testing.T) {
	name := write(t, "keys: {file: new.json}\nstore: {url: sqlite:op.db}\n")
	before, _ := os.ReadDir(filepath.Dir(name))
	if _, err := Load(name, Overrides{}); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadDir(filepath.Dir(name)); len(after) != len(before) {
		t.Errorf("there are new files: %v", after)
	}
}

func TestUsers(t *testing.T) {
	other := hashOf(t, "x") // the cost that most users have
	s, err := Load(write(t, `
users:
  diana: {password: "`+hashOf(t, "krall")+`", sub: id-1, claims: {email: diana@op.example}}
  bob: {password: "`+other+`"}
  old: {password: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}
users_file: users.yaml
`), Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	a := newAccounts(s.accounts)
	for _, tt := range []struct {
		name, password, user string
	}{
		{"diana", "krall", "id-1"}, {"diana", "Krall", ""}, {"diana", "", ""}, {"id-1", "krall", ""}, {"", "", ""}, {"nobody", "x", ""},
		{"bob", "x", "bob"}, {"old", "U*U", "old"}, {"eve", "eve's", "eve"},
	} {
		who, ok, err := a.Authenticate(t.Context(), tt.name, secretOf(tt.password))
		if err != nil || ok != (tt.user != "") || who.User != tt.user {
			t.Errorf("%s with %q: %+v, %v, %v", tt.name, tt.password, who, ok, err)
		}
	}
	if u, found, _ := a.User(t.Context(), "id-1"); !found || u.Claims["email"] != "diana@op.example" {
		t.Errorf("the user: %+v", u)
	}
	if _, found, _ := a.User(t.Context(), "diana"); found {
		t.Error("a name is taken for a subject")
	}
	if got := s.accounts.nobody.Cost(); got != "argon2id m=64,t=1,p=1" {
		t.Errorf("nobody costs %s", got)
	}
}

// A user that does not exist costs one hash, like one that does.
func TestNobodyCostsOneHash(t *testing.T) {
	hers, nobodys := &counting{}, &counting{}
	a := newAccounts(&accountList{byName: map[string]account{"diana": {id: "diana", hash: hers}}, nobody: nobodys})
	_, known, _ := a.Authenticate(t.Context(), "diana", "wrong")
	_, unknown, _ := a.Authenticate(t.Context(), "nobody", "wrong")
	if hers.n != 1 || nobodys.n != 1 || known || unknown {
		t.Errorf("%d and %d hashes were computed", hers.n, nobodys.n)
	}
}

type counting struct {
	password.Hash
	n int
}

func (c *counting) Verify(string) bool { c.n++; return false }

func TestKeysAreKept(t *testing.T) {
	name := write(t, "keys: {file: keys.json, algorithms: [ES256, ECDH-ES]}\n")
	s, err := Load(name, Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	if !s.keys.made || s.keys.save() != nil {
		t.Fatal("the keys are not made")
	}
	file := filepath.Join(filepath.Dir(name), "keys.json")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the keys can be read by others: %v, %v", info, err)
	}
	again, err := Load(name, Overrides{})
	if err != nil || again.keys.made {
		t.Fatalf("the keys are not read: %v", err)
	}
	if a, b := s.keys.rotation.String(), again.keys.rotation.String(); a != b {
		t.Errorf("other keys: %s, %s", a, b)
	}
}

// A key is announced, signs, is retired and goes, each in its time.
func TestKeysRotate(t *testing.T) {
	start := time.Unix(1517736988, 0)
	k := &keyring{algorithms: []string{"ES256"}, rotate: 30 * 24 * time.Hour, policy: keyjar.RotationPolicy{Announce: 24 * time.Hour, Retain: 7 * 24 * time.Hour}}
	if err := k.generate(start); err != nil {
		t.Fatal(err)
	}
	day := func(n int) time.Time { return start.Add(time.Duration(n) * 24 * time.Hour) }
	ids := func(now time.Time) (current, next, retired string) {
		c, n, r := k.sets(now)
		text := func(s *keyjar.Set) string {
			var all []string
			for _, key := range s.Keys() {
				all = append(all, key.ID())
			}
			return strings.Join(all, " ")
		}
		return text(c), text(n), text(r)
	}
	first, _, _ := ids(start)
	if algs := k.due(day(28)); algs != nil {
		t.Errorf("due too early: %v", algs)
	}
	if algs := k.due(day(29)); len(algs) != 1 {
		t.Fatalf("not due: %v", algs)
	}
	if err := k.next("ES256", day(29)); err != nil {
		t.Fatal(err)
	}
	if k.due(day(29)) != nil {
		t.Error("due although one is to follow")
	}
	current, next, _ := ids(day(29))
	if current != first || next == "" {
		t.Errorf("announced: current %s, next %s", current, next)
	}
	now, none, retired := ids(day(30))
	if now != next || none != "" || retired != first {
		t.Errorf("after the change: current %s, next %s, retired %s", now, none, retired)
	}
	if _, _, retired = ids(day(38)); retired != "" {
		t.Errorf("after its time: retired %s", retired)
	}
}

func secretOf(text string) message.Secret { return message.Secret(text) }
