// Package store opens the store that a URL names, for every verb that keeps something.
package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/state"
)

// Forms are the forms of a store's URL, for help texts.
const Forms = "memory, sqlite:FILE, redis://…, rediss://…, postgres://… or mysql://…"

// patience is how long opening a store may take.
const patience = 10 * time.Second

// A Store is a store that was opened.
type Store struct {
	// Entries holds the entries, sealed if there is a key.
	Entries state.Store
	// Shared says that it outlives the process, so that others can go on with what is in it.
	Shared bool
	// Remote says that it is reached over a network, so that others than the owner of this
	// process keep what is in it.
	Remote bool

	close []func()
}

// Close lets go of connections. What is stored stays.
func (s *Store) Close() {
	for _, f := range s.close {
		f()
	}
}

// A SettingError is a setting of the store that is wrong. Its text never holds the URL, which may
// have a password in it.
type SettingError struct {
	KeyFile bool // it is the file of the keys, otherwise the URL
	Text    string
}

// Error says what is wrong.
func (f *SettingError) Error() string { return f.Text }

func fault(format string, args ...any) error {
	return &SettingError{Text: fmt.Sprintf(format, args...)}
}

// An opener opens a kind of store. The address is that of the URL without its scheme, u the
// whole, nil for those that are no URL.
type opener struct {
	check func(address string, u *url.URL) error
	open  func(ctx context.Context, s *Store, address string, u *url.URL) error
}

var openers = map[string]opener{
	"memory":     {checkMemory, openMemory},
	"sqlite":     {checkSQLite, openSQLite},
	"redis":      {checkRedis, openRedis},
	"rediss":     {checkRedis, openRedis},
	"postgres":   {checkPostgres, openPostgres},
	"postgresql": {checkPostgres, openPostgres},
	"mysql":      {checkMySQL, openMySQL},
	"mariadb":    {checkMySQL, openMySQL},
}

// parse finds out what kind of store a URL names.
func parse(name string) (opener, string, *url.URL, error) {
	scheme, address, _ := strings.Cut(name, ":")
	if scheme == "" {
		scheme = "memory"
	}
	o, known := openers[scheme]
	if !known {
		return opener{}, "", nil, fault("unknown store %q; want %s", scheme, Forms)
	}
	var u *url.URL
	if strings.HasPrefix(address, "//") && scheme != "sqlite" {
		var err error
		if u, err = url.Parse(name); err != nil || u.Host == "" {
			return opener{}, "", nil, fault("not a %s URL; percent-encode what is special in user and password", scheme)
		}
	}
	return o, address, u, o.check(address, u)
}

// Check judges a URL and reads the keys without reaching for the store.
func Check(name, keyFile string) error {
	if _, _, _, err := parse(name); err != nil {
		return err
	}
	return checkKeyFile(name, keyFile)
}

func checkKeyFile(name, keyFile string) error {
	if keyFile == "" {
		return nil
	}
	if name == "" || name == "memory" {
		return &SettingError{KeyFile: true, Text: "a store in memory is not sealed"}
	}
	_, err := readKeys(keyFile)
	return err
}

// Open opens the store that name names and, with a file of keys, seals what goes into it.
// Tables are made if they are not there.
func Open(ctx context.Context, name, keyFile string) (*Store, error) {
	return OpenWith(ctx, name, keyFile, func(s state.Store) state.Store { return s })
}

// OpenWith is Open with something between the store and what seals it, such as an observer.
func OpenWith(ctx context.Context, name, keyFile string, between func(state.Store) state.Store) (*Store, error) {
	o, address, u, err := parse(name)
	if err != nil {
		return nil, err
	}
	if err := checkKeyFile(name, keyFile); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := &Store{Shared: true, Remote: u != nil}
	if err := o.open(limited, s, address, u); err != nil {
		s.Close()
		return nil, err
	}
	s.Entries = between(s.Entries)
	if keyFile == "" {
		return s, nil
	}
	keys, err := readKeys(keyFile)
	if err == nil {
		s.Entries, err = state.Sealed(s.Entries, keys...)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func checkMemory(address string, _ *url.URL) error {
	if address != "" {
		return fault("memory takes no argument")
	}
	return nil
}

func openMemory(_ context.Context, s *Store, _ string, _ *url.URL) error {
	s.Entries, s.Shared = new(state.Memory), false
	return nil
}

// unreachable is the fault of a server that does not answer or does not let us in. Drivers
// leave passwords out of their errors.
func unreachable(kind string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fault("the %s server does not answer within %s", kind, patience)
	}
	return fault("%s: %v", kind, err)
}

// take removes a parameter of ours from a URL, so that the driver does not see it.
func take(u *url.URL, name string) (string, *url.URL) {
	q := u.Query()
	value := q.Get(name)
	q.Del(name)
	rest := *u
	rest.RawQuery = q.Encode()
	return value, &rest
}
