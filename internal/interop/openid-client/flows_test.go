package openidclient

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// missing ends a test that lacks a tool: a skip for people, a failure where the
// environment promises the tool.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

var install = sync.OnceValues(func() ([]byte, error) {
	if _, err := os.Stat(filepath.Join("node_modules", "openid-client", "package.json")); err == nil {
		return nil, nil
	}
	// Lifecycle scripts of packages are not needed, so they are not run.
	return exec.Command("npm", "ci", "--ignore-scripts").CombinedOutput()
})

// node runs the script with arguments and returns what it prints.
func node(t *testing.T, env []string, arguments ...string) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "%s is not installed", tool)
		}
	}
	if out, err := install(); err != nil {
		missing(t, "openid-client could not be installed: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{"flows.mjs"}, arguments...)...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", arguments[:min(1, len(arguments))], err, stderr.String())
	}
	return stdout.String()
}

// A provider listens on a loopback socket and remembers what it answered well.
type provider struct {
	*optest.Provider
	server      *httptest.Server
	certificate certificate // of the client

	mu   sync.Mutex
	used map[string]bool // paths
}

func start(t *testing.T, knob optest.Knob) *provider {
	t.Helper()
	p := &provider{used: map[string]bool{}, certificate: newCertificate(t)}
	p.server = httptest.NewUnstartedServer(p)
	var err error
	p.Provider, err = optest.New(func(c *op.Config) {
		c.Issuer = "https://" + p.server.Listener.Addr().String()
		c.Policy.Scopes = []string{"api"}
		c.Lifetimes.Interval = time.Second
		// The user agrees on the other device after the first poll.
		c.Decoupled = func(_ context.Context, q endpoint.Decoupled) {
			time.AfterFunc(1500*time.Millisecond, func() {
				if err := p.Decide(context.Background(), q.Ticket, true, endpoint.Authentication{User: q.User.ID}); err != nil {
					t.Error(err)
				}
			})
		}
		if knob != nil {
			knob(c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	// A subject proves nothing unless the connection has verified the certificate.
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(p.certificate.cert)
	p.server.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	p.server.StartTLS()
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &status{ResponseWriter: w}
	p.Provider.ServeHTTP(answer, r)
	p.mu.Lock()
	defer p.mu.Unlock()
	if answer.code < 400 {
		p.used[r.URL.Path] = true
	}
}

// A status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// caFile writes the trust root of the provider's certificate.
func (p *provider) caFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A certificate is one of rp.example: in PEM with its key, and its public key as a JWK.
type certificate struct {
	cert, key []byte
	jwk       map[string]any
}

func newCertificate(t *testing.T) certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rp.example"}, DNSNames: []string{"rp.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return certificate{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		jwk: map[string]any{
			"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:]),
			"x5c": []string{base64.StdEncoding.EncodeToString(der)},
		},
	}
}

// run takes the client through a flow.
func (p *provider) run(t *testing.T, flow string) {
	t.Helper()
	setting, err := json.Marshal(map[string]any{
		"issuer": p.Issuer, "certificate": string(p.certificate.cert), "key": string(p.certificate.key), "certificateKey": p.certificate.jwk,
		"user": map[string]string{"username": optest.Username, "password": optest.Password},
	})
	if err != nil {
		t.Fatal(err)
	}
	node(t, []string{"NODE_EXTRA_CA_CERTS=" + p.caFile(t)}, flow, string(setting))
}

// A knob changes the provider for a flow.
func knob(set func(p *endpoint.Policy)) optest.Knob {
	return func(c *op.Config) { set(&c.Policy) }
}

var (
	nonces       = knob(func(p *endpoint.Policy) { p.DPoPNonce = true })
	certificates = knob(func(p *endpoint.Policy) { p.MutualTLS = true })
)

func profile(profile endpoint.Profile) optest.Knob {
	return knob(func(p *endpoint.Policy) { *p = endpoint.Policy{Profile: profile, Registration: p.Registration} })
}

// api makes access tokens JWTs and lets every client ask for the API.
func api(c *op.Config) {
	c.Policy.JWTAccessTokens = true
	c.Clients = clientsOfAPI{&endpoint.StoredClients{Store: c.Store}}
}

type clientsOfAPI struct{ endpoint.ClientRegistry }

func (c clientsOfAPI) Client(ctx context.Context, id string) (*endpoint.Client, bool, error) {
	client, found, err := c.ClientRegistry.Client(ctx, id)
	if found {
		client.Resources = []string{"https://api.example/"}
	}
	return client, found, err
}

// A flow of the script: how the provider is set for it, and which endpoints must have
// answered, beside those of its steps.
type flow struct {
	knob optest.Knob
	uses string
}

const (
	codeFlow  = "/authorize /token /jwks"
	loginFlow = codeFlow + " /userinfo"
)

var flows = map[string]flow{
	"client_secret_basic":              {uses: loginFlow},
	"client_secret_post":               {uses: loginFlow},
	"client_secret_jwt":                {uses: loginFlow},
	"private_key_jwt":                  {uses: loginFlow},
	"none":                             {uses: loginFlow},
	"tls_client_auth":                  {certificates, loginFlow},
	"self_signed_tls_client_auth":      {certificates, loginFlow},
	"certificate_bound_token":          {certificates, loginFlow + " /introspect"},
	"pushed_authorization":             {uses: loginFlow + " /par"},
	"request_object":                   {uses: loginFlow},
	"pushed_request_object":            {uses: loginFlow + " /par"},
	"jarm":                             {uses: loginFlow},
	"jarm_encrypted":                   {uses: loginFlow},
	"form_post":                        {uses: loginFlow},
	"code_id_token":                    {uses: loginFlow},
	"code_id_token_form_post":          {uses: loginFlow},
	"code_id_token_detached_signature": {uses: loginFlow},
	"id_token":                         {uses: "/authorize /jwks"},
	"id_token_form_post":               {uses: "/authorize /jwks"},
	"dpop":                             {uses: loginFlow},
	"dpop_nonce":                       {nonces, loginFlow},
	"dpop_pushed_authorization":        {uses: loginFlow + " /par"},
	"dpop_pushed_authorization_nonce":  {nonces, loginFlow + " /par"},
	"dpop_client_credentials":          {uses: "/token"},
	"fapi2":                            {profile(endpoint.ProfileFAPI2), loginFlow + " /par"},
	"fapi2_message_signing":            {profile(endpoint.ProfileFAPI2MessageSigning), loginFlow + " /par /introspect"},
	"id_token_rs256":                   {uses: codeFlow},
	"id_token_eddsa":                   {uses: codeFlow},
	"id_token_encrypted":               {uses: loginFlow},
	"userinfo_signed":                  {uses: loginFlow},
	"userinfo_encrypted":               {uses: loginFlow},
	"max_age":                          {uses: codeFlow},
	"claims_parameter":                 {uses: loginFlow},
	"prompt_none":                      {uses: codeFlow},
	"access_denied":                    {uses: "/authorize"},
	"refusals":                         {uses: codeFlow + " /revoke"},
	"oauth_metadata":                   {uses: loginFlow + " /.well-known/oauth-authorization-server"},
	"dynamic_registration":             {uses: loginFlow},
	"client_credentials":               {uses: "/token"},
	"resource_indicator":               {api, codeFlow},
	"introspection_and_revocation":     {uses: codeFlow + " /introspect /revoke"},
	"introspection_signed":             {uses: codeFlow + " /introspect"},
	"introspection_encrypted":          {uses: codeFlow + " /introspect"},
	"device":                           {uses: "/device_authorization /device /token /jwks /userinfo"},
	"device_denied":                    {uses: "/device_authorization /device"},
	"ciba_poll":                        {uses: "/bc-authorize /token /jwks /userinfo"},
	"token_exchange":                   {uses: codeFlow + " /introspect"},
	"end_session":                      {uses: codeFlow + " /end_session"},
}

func TestFlows(t *testing.T) {
	for name, f := range flows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, f.knob)
			p.run(t, name)
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, path := range append(strings.Fields(f.uses), "/register") {
				if !p.used[path] {
					t.Errorf("%s was not used", path)
				}
			}
		})
	}
}

// Each flow of the script is run by the test above.
func TestEveryFlowIsRun(t *testing.T) {
	written := strings.Fields(node(t, nil))
	slices.Sort(written)
	if run := slices.Sorted(maps.Keys(flows)); !slices.Equal(run, written) {
		t.Errorf("the script has %v, the test runs %v", written, run)
	}
}
