package resource_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/resource"
)

func TestTokensAndKeysAreNotShown(t *testing.T) {
	const secret = "a-secret-that-nobody-sees"
	request := resource.Request{Method: "GET", URL: "https://api.example/a?access_token=" + secret, Header: map[string][]string{"Authorization": {"Bearer " + secret}}}
	config := resource.Config{Resource: "https://api.example", NonceKey: []byte(secret)}
	for name, v := range map[string]any{"Request": request, "*Request": &request, "Config": config, "*Config": &config} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("asked", "value", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("asked", "value", v)
		for _, shown := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s %q %x %s", v, v, v, v, v, v, struct{ V any }{v})} {
			if strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s shows the secret: %s", name, shown)
			}
			if !strings.Contains(shown, "https://api.example") {
				t.Errorf("%s does not say which it is: %s", name, shown)
			}
		}
	}
}
