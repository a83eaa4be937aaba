package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/state"
)

// What the client of the load is.
const (
	clientID     = "load"
	clientSecret = "ZJYCqe3GGRvdrudKyZS0XhGv_Z45DuKhCUk0gBR1vZk0ZJYCqe3GGRvdrudKyZS0"
	redirectURI  = "https://rp.example/callback"
	password     = "load"
)

// A usage is what a server has used so far.
type usage struct {
	CPU  time.Duration `json:"cpu"`  // user and system
	Heap uint64        `json:"heap"` // bytes in use, after a collection
	RSS  uint64        `json:"rss"`  // bytes, 0 where the system does not tell
}

// serve is the child process: it writes its address, then a usage for every line that it
// reads, and ends with its input.
func serve(s settings, in io.Reader, out io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := "http://" + listener.Addr().String()
	handler := floor()
	if s.serve == "op" {
		if handler, err = provider(address, s.lifetime); err != nil {
			return err
		}
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if s.profile != "" {
		file, err := os.Create(s.profile)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Fprintln(out, address)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if lines.Text() == "heap" {
			runtime.GC()
		}
		u, err := used()
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(u); err != nil {
			return err
		}
	}
	_ = server.Close()
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// accounts are users who need not be kept: everybody whose password is right.
type accounts struct{}

func (accounts) User(_ context.Context, id string) (endpoint.User, bool, error) {
	return endpoint.User{ID: id}, true, nil
}

func (accounts) Authenticate(_ context.Context, username string, typed message.Secret) (endpoint.Authentication, bool, error) {
	return endpoint.Authentication{User: username, AMR: []string{"pwd"}}, typed == password, nil
}

// provider is op.Provider as a deployment would have it, with one client.
func provider(issuer string, lifetime time.Duration) (http.Handler, error) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "ES256"})
	if err != nil {
		return nil, err
	}
	store := new(state.Memory)
	clients := &endpoint.StoredClients{Store: store}
	err = clients.PutClient(context.Background(), &endpoint.Client{ID: clientID, Secret: clientSecret, Trusted: true, Metadata: message.ClientMetadata{
		RedirectURIs: []string{redirectURI}, ResponseTypes: []string{message.ResponseTypeCode},
		GrantTypes:              []string{message.GrantTypeAuthorizationCode, message.GrantTypeClientCredentials},
		TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic, IDTokenSignedResponseAlg: "ES256",
	}})
	if err != nil {
		return nil, err
	}
	return op.New(op.Config{
		Issuer: issuer, InsecureAllowHTTP: true, Keys: keyjar.NewSet(key), Store: store, Clients: clients, Users: accounts{},
		Policy: endpoint.Policy{
			GrantTypes: []string{message.GrantTypeRefreshToken, message.GrantTypeClientCredentials}, Scopes: []string{"api"},
		},
		Lifetimes: endpoint.Lifetimes{AccessToken: lifetime, BoundToken: lifetime},
	})
}

// A child is a server in a process of its own.
type child struct {
	url     string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start starts a server from this binary.
func start(ctx context.Context, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{command: exec.CommandContext(ctx, self, args...)} //nolint:gosec // this binary, with our own words
	c.command.Stderr = os.Stderr
	if c.in, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return nil, errors.Join(errors.New("the server did not start"), c.command.Wait())
	}
	c.url = line[:len(line)-1]
	return c, nil
}

// usage asks the server what it has used: "cpu", or "heap" after a collection.
func (c *child) usage(what string) (usage, error) {
	var u usage
	if _, err := fmt.Fprintln(c.in, what); err != nil {
		return u, err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return u, err
	}
	return u, json.Unmarshal(line, &u)
}

// stop ends the server.
func (c *child) stop() error {
	return errors.Join(c.in.Close(), c.command.Wait())
}
