package clientauth_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/clientauth"
)

func TestWhatProvesIsNotShown(t *testing.T) {
	const secret = "a-secret-that-nobody-sees"
	credentials := clientauth.Credentials{ClientID: "s6BhdRkqt3", ClientSecret: secret}
	draft := clientauth.Draft{URL: "https://op.example/token?secret=" + secret, Header: map[string][]string{"Authorization": {"Basic " + secret}}, Form: url.Values{"client_secret": {secret}}}
	for name, v := range map[string]any{"Credentials": credentials, "*Credentials": &credentials, "Draft": draft, "*Draft": &draft} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("sent", "value", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "value", v)
		for _, shown := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s %q %x %s", v, v, v, v, v, v, struct{ V any }{v})} {
			if strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s shows the secret: %s", name, shown)
			}
			if !strings.Contains(shown, "clientauth.") {
				t.Errorf("%s does not say what it is: %s", name, shown)
			}
		}
	}
}
