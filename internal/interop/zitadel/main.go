// Command zitadel runs the example server of github.com/zitadel/oidc/v3 for the tests
// of the folder above: a provider that nobody here wrote, with its own login page.
//
// It takes its settings as one JSON argument: the files of its certificate, the users,
// and the public key of the service account. It prints one JSON object a line, first
// {"ready": issuer}, and stops when its standard input ends.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

type settings struct {
	TLS        struct{ Cert, Key string }
	Users      string          // a file, in the example's format
	ServiceKey jose.JSONWebKey `json:"service_key"`
}

// A keyedStorage is the example's storage with a key of the run for its service
// account: the private half of the example's own is published.
type keyedStorage struct {
	*storage.Storage
	key jose.JSONWebKey
}

// GetKeyByIDAndClientID finds the key that an assertion is verified with.
func (s *keyedStorage) GetKeyByIDAndClientID(_ context.Context, keyID, clientID string) (*jose.JSONWebKey, error) {
	if clientID != storage.ServiceUserID || keyID != s.key.KeyID {
		return nil, fmt.Errorf("no key %q of %q", keyID, clientID)
	}
	return &s.key, nil
}

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(arguments []string) error {
	var s settings
	if len(arguments) != 1 {
		return fmt.Errorf("want one argument, got %d", len(arguments))
	}
	if err := json.Unmarshal([]byte(arguments[0]), &s); err != nil {
		return err
	}
	certificate, err := tls.LoadX509KeyPair(s.TLS.Cert, s.TLS.Key)
	if err != nil {
		return err
	}
	users, err := storage.StoreFromFile(s.Users)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "https://" + listener.Addr().String()
	const callback = "https://rp.example/callback"
	storage.RegisterClients(
		storage.WebClient("web", "web secret", callback),
		storage.NativeClient("native", callback),
		storage.DeviceClient("device", "device secret"),
	)
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store := &keyedStorage{Storage: storage.NewStorage(users), key: s.ServiceKey}
	server := &http.Server{
		Handler:           exampleop.SetupServer(issuer, store, logger, false),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 5 * time.Second,
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"ready": issuer}); err != nil {
		return err
	}
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
