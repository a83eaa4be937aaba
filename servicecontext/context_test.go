package servicecontext_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

const issuer = "https://op.example"

func provider(change func(*message.ProviderMetadata)) *message.ProviderMetadata {
	p := &message.ProviderMetadata{
		Issuer: issuer, AuthorizationEndpoint: issuer + "/authorization", TokenEndpoint: issuer + "/token", JWKSURI: issuer + "/jwks",
		ResponseTypesSupported: []string{"code", "id_token token"}, SubjectTypesSupported: []string{"public"}, IDTokenSigningAlgs: []string{"RS256"},
	}
	if change != nil {
		change(p)
	}
	return p
}

func mustNew(t *testing.T, c servicecontext.Config) *servicecontext.ServiceContext {
	t.Helper()
	sc, err := servicecontext.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestNewDefaults(t *testing.T) {
	sc := mustNew(t, servicecontext.Config{})
	sn := sc.Snapshot()
	if sn.Leeway != 30*time.Second || sn.Profile != servicecontext.ProfileOpenID {
		t.Errorf("leeway %v, profile %q", sn.Leeway, sn.Profile)
	}
	if d := time.Since(sc.Now()); d < 0 || d > time.Minute {
		t.Errorf("the default clock is %v off", d)
	}
	if sc.Rand() != rand.Reader {
		t.Error("the default source of randomness is not crypto/rand")
	}
	if sc.Logger() == nil || sc.Logger().Enabled(t.Context(), slog.LevelError) {
		t.Error("the default logger is not silent")
	}
	if sn.ClientID() != "" || sn.ClientSecret() != "" || !sn.SecretExpiresAt().IsZero() || sn.ProviderKeys() != nil {
		t.Error("an empty context knows something")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		config servicecontext.Config
		rule   message.Rule
	}{
		"http issuer":            {servicecontext.Config{Issuer: "http://op.example"}, message.RuleMetadataIssuerSyntax},
		"issuer with query":      {servicecontext.Config{Issuer: "https://op.example?a=b"}, message.RuleMetadataIssuerSyntax},
		"issuer with fragment":   {servicecontext.Config{Issuer: "https://op.example#a"}, message.RuleMetadataIssuerSyntax},
		"issuer without host":    {servicecontext.Config{Issuer: "https:///path"}, message.RuleMetadataIssuerSyntax},
		"issuer with empty port": {servicecontext.Config{Issuer: "https://op.example:"}, message.RuleMetadataIssuerSyntax},
		"issuer with user":       {servicecontext.Config{Issuer: "https://a@op.example"}, message.RuleMetadataIssuerSyntax},
		"issuer with a space":    {servicecontext.Config{Issuer: "https://op.example/a b"}, message.RuleMetadataIssuerSyntax},
		"leeway too large":       {servicecontext.Config{Leeway: 61 * time.Second}, ""},
		"leeway negative":        {servicecontext.Config{Leeway: -1}, ""},
		"unknown profile":        {servicecontext.Config{Profile: "gold"}, ""},
		"secret without id":      {servicecontext.Config{ClientSecret: "s"}, ""},
		"two ids":                {servicecontext.Config{ClientID: "a", Client: &message.RegistrationResponse{ClientID: "b"}}, ""},
		"two secrets":            {servicecontext.Config{ClientSecret: "a", Client: &message.RegistrationResponse{ClientID: "b", ClientSecret: "c"}}, ""},
		"client without id":      {servicecontext.Config{Client: &message.RegistrationResponse{ClientSecret: "c"}}, ""},
		"metadata of another":    {servicecontext.Config{Issuer: issuer + "/", Provider: provider(nil)}, message.RuleMetadataIssuer},
		"keys of nobody":         {servicecontext.Config{ProviderKeys: keyjar.NewSet()}, ""},
		"short seal key":         {servicecontext.Config{SealKeys: [][]byte{make([]byte, 16)}}, ""},
		"excluded by provider":   {servicecontext.Config{Provider: provider(nil), Metadata: message.ClientMetadata{ResponseTypes: []string{"code token"}}}, message.RuleMetadataCapability},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := servicecontext.New(tc.config)
			if !errors.Is(err, servicecontext.ErrConfig) {
				t.Fatalf("got %v, want ErrConfig", err)
			}
			if tc.rule != "" && !errors.Is(err, tc.rule) {
				t.Fatalf("got %v, want %s", err, tc.rule)
			}
		})
	}
}

func TestNewOutOfBand(t *testing.T) {
	keys := keyjar.NewSet()
	sc := mustNew(t, servicecontext.Config{
		Provider: provider(nil), ProviderKeys: keys, ClientID: "id", ClientSecret: "secret",
		Metadata:  message.ClientMetadata{RedirectURIs: []string{"https://rp.example/cb"}},
		Callbacks: servicecontext.Callbacks{Implicit: "https://rp.example/implicit", FormPost: "https://rp.example/post"},
	})
	sn := sc.Snapshot()
	if sn.Issuer != issuer || sn.ClientID() != "id" || sn.ClientSecret().Reveal() != "secret" || !sn.SecretExpiresAt().IsZero() {
		t.Errorf("got %v", sn)
	}
	if !sn.KeysFresh(issuer, time.Now()) || sn.KeysFresh("https://other.example", time.Now()) {
		t.Error("a configured key set is fresh, another is not")
	}
	for mode, want := range map[message.ResponseMode]string{
		message.ResponseModeQuery: "https://rp.example/cb", message.ResponseModeFragment: "https://rp.example/implicit", message.ResponseModeFormPost: "https://rp.example/post",
	} {
		if got := sn.RedirectURI(mode); got != want {
			t.Errorf("%s: got %q, want %q", mode, got, want)
		}
	}
	if got := sn.RedirectURIs(); len(got) != 3 {
		t.Errorf("redirect URIs: %q", got)
	}
	for service, want := range map[string]string{"accesstoken": issuer + "/token", "jwks": issuer + "/jwks", "userinfo": "", "nonsense": ""} {
		if got := sn.Endpoint(service); got != want {
			t.Errorf("%s: got %q, want %q", service, got, want)
		}
	}
	if _, err := servicecontext.New(servicecontext.Config{Issuer: "http://localhost:8080", InsecureAllowHTTP: true}); err != nil {
		t.Error("http was admitted by name:", err)
	}
}

func TestMTLSAlias(t *testing.T) {
	sn := mustNew(t, servicecontext.Config{Provider: provider(func(p *message.ProviderMetadata) {
		p.UserInfoEndpoint = issuer + "/me"
		p.MTLSEndpointAliases = map[string]string{"token_endpoint": "https://mtls.op.example/token"}
	})}).Snapshot()
	for endpoint, want := range map[string]string{issuer + "/token": "https://mtls.op.example/token", issuer + "/me": issuer + "/me", "": "", "https://x.example": "https://x.example"} {
		if got := sn.MTLSAlias(endpoint); got != want {
			t.Errorf("%q: got %q, want %q", endpoint, got, want)
		}
	}
	if got := mustNew(t, servicecontext.Config{}).Snapshot().MTLSAlias("x"); got != "x" {
		t.Errorf("without metadata: %q", got)
	}
}

func TestIssuerTemplate(t *testing.T) {
	const template = "https://login.example/{tenantid}/v2.0"
	sc := mustNew(t, servicecontext.Config{
		Issuer: "https://login.example/common/v2.0", Compat: servicecontext.Compat{InsecureIssuerTemplate: template},
		Provider: provider(func(p *message.ProviderMetadata) { p.Issuer = template }),
	})
	if got := sc.Snapshot().IssuerOf("acme"); got != "https://login.example/acme/v2.0" {
		t.Errorf("got %q", got)
	}
	if got := mustNew(t, servicecontext.Config{Issuer: issuer}).Snapshot().IssuerOf("acme"); got != issuer {
		t.Errorf("got %q", got)
	}
}

func TestUpdate(t *testing.T) {
	sc := mustNew(t, servicecontext.Config{Issuer: issuer})
	before := sc.Snapshot()
	if err := sc.Update(func(sn *servicecontext.Snapshot) error {
		sn.Provider = provider(nil)
		sn.DPoPNonces["https://op.example"] = "n"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if before.Provider != nil || before.DPoPNonces["https://op.example"] != "" {
		t.Error("a published snapshot changed")
	}
	after := sc.Snapshot()
	failed := errors.New("no")
	for name, change := range map[string]func(*servicecontext.Snapshot) error{
		"the change fails": func(sn *servicecontext.Snapshot) error { sn.Issuer = "x"; return failed },
		"no behaviour": func(sn *servicecontext.Snapshot) error {
			sn.Client = &message.RegistrationResponse{ClientID: "a", ClientMetadata: message.ClientMetadata{ResponseTypes: []string{"token"}}}
			sn.Metadata.ResponseTypes = []string{"code"}
			return nil
		},
	} {
		if err := sc.Update(change); err == nil {
			t.Errorf("%s: no error", name)
		}
		if sc.Snapshot() != after {
			t.Errorf("%s: something was published", name)
		}
	}
}

// TestConcurrentUpdate is for the race detector: readers never wait and no update is
// lost.
func TestConcurrentUpdate(t *testing.T) {
	sc := mustNew(t, servicecontext.Config{Issuer: issuer})
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			_ = sc.Update(func(sn *servicecontext.Snapshot) error {
				sn.DPoPNonces[fmt.Sprint(i)] = "n"
				return nil
			})
		})
		group.Go(func() {
			for range 50 {
				_ = sc.Snapshot().DPoPNonces["1"]
			}
		})
	}
	group.Wait()
	if n := len(sc.Snapshot().DPoPNonces); n != 20 {
		t.Errorf("%d updates are left of 20", n)
	}
}

const (
	secret    = "a-secret-that-must-not-show"
	token     = "a-token-that-must-not-show"
	queryPart = "a-query-that-must-not-show"
)

func registered() *message.RegistrationResponse {
	never := int64(0)
	r := &message.RegistrationResponse{
		ClientID: "id", ClientSecret: secret, ClientSecretExpiresAt: &never, RegistrationAccessToken: token,
		RegistrationClientURI: issuer + "/registration?t=" + queryPart,
	}
	_ = r.Extra.Set("unknown", secret)
	return r
}

func learnt(t *testing.T, c servicecontext.Config) *servicecontext.ServiceContext {
	t.Helper()
	c.Issuer = issuer
	sc := mustNew(t, c)
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "k"})
	if err != nil {
		t.Fatal(err)
	}
	err = sc.Update(func(sn *servicecontext.Snapshot) error {
		sn.Provider, sn.Client = provider(nil), registered()
		_ = sn.Provider.Extra.Set("version", "3.0")
		sn.Jar = sn.Jar.With(issuer, keyjar.NewSet(key.Public()))
		sn.KeySets[issuer] = servicecontext.KeySet{URI: issuer + "/jwks", Fetched: time.Unix(1, 0).UTC(), FreshUntil: time.Unix(2, 0).UTC()}
		sn.DPoPNonces[issuer] = "nonce"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestContextSurvivesDumpLoad(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	for name, config := range map[string]servicecontext.Config{
		"plain":  {},
		"sealed": {SealKeys: [][]byte{key}},
	} {
		t.Run(name, func(t *testing.T) {
			sc := learnt(t, config)
			dump, err := sc.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if name == "sealed" && (bytes.Contains(dump, []byte(secret)) || bytes.Contains(dump, []byte("op.example"))) {
				t.Errorf("sealed data shows something: %s", dump)
			}
			again, err := servicecontext.Parse(dump, config)
			if err != nil {
				t.Fatal(err)
			}
			sn := again.Snapshot()
			if sn.Issuer != issuer || sn.ClientSecret() != secret || sn.Client.RegistrationAccessToken != token || sn.DPoPNonces[issuer] != "nonce" {
				t.Errorf("got %v", sn)
			}
			if sn.Provider.Extra.Text("version") != "3.0" || sn.Client.Extra.Text("unknown") != secret {
				t.Error("unknown members were lost")
			}
			if keys := sn.ProviderKeys().Keys(); len(keys) != 1 || keys[0].ID() != "k" {
				t.Errorf("keys: %v", keys)
			}
			if !sn.KeysFresh(issuer, time.Unix(1, 0)) || sn.KeysFresh(issuer, time.Unix(3, 0)) {
				t.Error("freshness was lost")
			}
			second, err := again.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if name == "plain" && !bytes.Equal(dump, second) {
				t.Errorf("a second dump differs:\n%s\n%s", dump, second)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	old, young := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	plain, err := learnt(t, servicecontext.Config{}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := learnt(t, servicecontext.Config{SealKeys: [][]byte{old}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := servicecontext.Parse(sealed, servicecontext.Config{SealKeys: [][]byte{young, old}}); err != nil {
		t.Error("an older key opens too:", err)
	}
	for name, tc := range map[string]struct {
		data   []byte
		config servicecontext.Config
		want   error
	}{
		"another key":         {sealed, servicecontext.Config{SealKeys: [][]byte{young}}, servicecontext.ErrSealed},
		"no key":              {sealed, servicecontext.Config{}, servicecontext.ErrSealed},
		"tampered":            {bytes.Replace(sealed, []byte(`"sealed":"`), []byte(`"sealed":"AAAA`), 1), servicecontext.Config{SealKeys: [][]byte{old}}, servicecontext.ErrSealed},
		"plain, but sealed":   {plain, servicecontext.Config{SealKeys: [][]byte{old}}, nil},
		"another issuer":      {plain, servicecontext.Config{Issuer: "https://other.example"}, servicecontext.ErrConfig},
		"unknown version":     {bytes.Replace(plain, []byte(`"version":1`), []byte(`"version":9`), 1), servicecontext.Config{}, nil},
		"unknown member":      {[]byte(`{"version":1,"x":2}`), servicecontext.Config{}, nil},
		"no JSON":             {[]byte(`version`), servicecontext.Config{}, nil},
		"an export":           {mustExport(t), servicecontext.Config{}, nil},
		"metadata of another": {bytes.Replace(plain, []byte(`{"issuer":"https://op.example"`), []byte(`{"issuer":"https://op.example/"`), 1), servicecontext.Config{}, message.RuleMetadataIssuer},
		"http issuer":         {[]byte(`{"version":1,"issuer":"http://op.example"}`), servicecontext.Config{}, message.RuleMetadataIssuerSyntax},
		"bad keys":            {[]byte(`{"version":1,"issuer":"https://op.example","jwks":{"https://op.example":{}}}`), servicecontext.Config{}, nil},
		"bad configuration":   {plain, servicecontext.Config{Leeway: time.Hour}, servicecontext.ErrConfig},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := servicecontext.Parse(tc.data, tc.config)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Error("the error tells a secret")
			}
		})
	}
}

func TestParseKeepsConfigured(t *testing.T) {
	dump, err := learnt(t, servicecontext.Config{}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	sc, err := servicecontext.Parse(dump, servicecontext.Config{ClientID: "static", Provider: provider(func(p *message.ProviderMetadata) { p.UserInfoEndpoint = issuer + "/me" })})
	if err != nil {
		t.Fatal(err)
	}
	if sn := sc.Snapshot(); sn.ClientID() != "static" || sn.Provider.UserInfoEndpoint == "" {
		t.Error("what is configured comes before what was kept")
	}
}

func mustExport(t *testing.T) []byte {
	t.Helper()
	out, err := learnt(t, servicecontext.Config{}).Export()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNoSecretInDump(t *testing.T) {
	sc := learnt(t, servicecontext.Config{InitialAccessToken: token})
	export := mustExport(t)
	if !json.Valid(export) || !bytes.Contains(export, []byte("registration_response")) {
		t.Fatalf("export: %s", export)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "context", sc, "snapshot", sc.Snapshot())
	shown := map[string]string{
		"Export": string(export), "%v": fmt.Sprintf("%v", sc), "%+v": fmt.Sprintf("%+v", sc), "%#v": fmt.Sprintf("%#v", sc), "%s": fmt.Sprintf("%s", sc),
		"snapshot %v": fmt.Sprintf("%v", sc.Snapshot()), "snapshot %+v": fmt.Sprintf("%+v", sc.Snapshot()), "snapshot %#v": fmt.Sprintf("%#v", sc.Snapshot()),
		"slog": log.String(),
	}
	config := servicecontext.Config{Issuer: "https://op.example", ClientID: "c", ClientSecret: secret, InitialAccessToken: token, SealKeys: [][]byte{bytes.Repeat([]byte{0xab}, 32)}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text := fmt.Sprintf(verb, config) + fmt.Sprintf(verb, &config) + fmt.Sprintf(verb, struct{ C servicecontext.Config }{config})
		if !strings.Contains(text, "https://op.example") || strings.Contains(text, "171 171") || strings.Contains(text, "0xab") || strings.Contains(text, "abab") {
			t.Errorf("config %s: %s", verb, text)
		}
		shown["config "+verb] = text
	}
	shown["config in slog"] = config.LogValue().String()
	for where, text := range shown {
		for _, hidden := range []string{secret, token, queryPart} {
			if strings.Contains(text, hidden) {
				t.Errorf("%s shows %q: %s", where, hidden, text)
			}
		}
	}
}

func TestSealNeedsRandomness(t *testing.T) {
	sc := learnt(t, servicecontext.Config{SealKeys: [][]byte{make([]byte, 32)}, Rand: io.LimitReader(rand.Reader, 0)})
	if _, err := sc.Marshal(); err == nil {
		t.Error("sealed without randomness")
	}
}

// TestStaticRegistrationNamesRedirectURIs: what was registered elsewhere need not be said
// twice, and what the settings say comes first.
func TestStaticRegistrationNamesRedirectURIs(t *testing.T) {
	registered := message.ClientMetadata{RedirectURIs: []string{"https://rp.example/a"}, PostLogoutRedirectURIs: []string{"https://rp.example/b"}}
	own := message.ClientMetadata{RedirectURIs: []string{"https://rp.example/c"}, PostLogoutRedirectURIs: []string{"https://rp.example/d"}}
	for _, test := range []struct{ settings, want message.ClientMetadata }{{message.ClientMetadata{}, registered}, {own, own}} {
		sc, err := servicecontext.New(servicecontext.Config{
			Issuer: "https://op.example", Metadata: test.settings,
			Client: &message.RegistrationResponse{ClientID: "a", ClientMetadata: registered},
		})
		if err != nil {
			t.Fatal(err)
		}
		got := sc.Snapshot().Metadata
		if !slices.Equal(got.RedirectURIs, test.want.RedirectURIs) || !slices.Equal(got.PostLogoutRedirectURIs, test.want.PostLogoutRedirectURIs) {
			t.Errorf("%v, %v", got.RedirectURIs, got.PostLogoutRedirectURIs)
		}
	}
}
