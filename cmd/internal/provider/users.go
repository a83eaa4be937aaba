package provider

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/oidcservice/oidc/cmd/internal/password"
	"github.com/oidcservice/oidc/cmd/internal/settings"
	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

// An accountList is the users of one reading of the configuration.
type accountList struct {
	byName map[string]account
	byID   map[string]endpoint.User
	codes  map[string]password.Hash // the user codes (CIBA) of those who have one, by ID
	// nobody stands for names that are not there, so that their logins take as long as those
	// of most users.
	nobody password.Hash
}

type account struct {
	id   string
	hash password.Hash
	acr  string // of its logins
}

// checkUsers reads the users of the configuration and of the file it names.
func (s *Setup) checkUsers() {
	list := &accountList{byName: map[string]account{}, byID: map[string]endpoint.User{}, codes: map[string]password.Hash{}}
	s.accounts = list
	list.add(s.file, "users", s.Users, &s.Policy)
	if s.UsersFile != "" {
		var more map[string]Account
		if file := s.more("users_file", s.UsersFile, &more); len(file.Faults) == 0 {
			list.add(file, "", more, &s.Policy)
		}
	}
	if len(list.byName) == 0 && s.faults() == nil {
		s.warn("there are no users: nobody can log in")
	}
	list.chooseNobody()
}

func (l *accountList) add(file *settings.File, path string, users map[string]Account, policy *Policy) {
	// In their order, so that the same file is told the same faults.
	for _, name := range slices.Sorted(maps.Keys(users)) {
		a, at := users[name], name
		if path != "" {
			at = path + "." + name
		}
		hash, err := password.Parse(a.Password)
		if err != nil {
			file.Add(at+".password", "%v", err)
		}
		id := a.Subject
		if id == "" {
			id = name
		}
		switch _, taken := l.byID[id]; {
		case taken:
			file.Add(at+".sub", "another user has it; want one that is never given to somebody else")
		case !goodSubject(id):
			file.Add(at+".sub", "want 1 to 255 ASCII characters, not beginning with \"client:\"")
		case l.byName[name].hash != nil:
			file.Add(at, "stands in both users and users_file")
		}
		if _, there := a.Claims["sub"]; there {
			file.Add(at+".claims.sub", "it is no claim here; want the member sub beside claims")
		}
		acr := a.ACR
		if acr == "" {
			acr = policy.PasswordACR
		} else if !slices.Contains(policy.ACRValues, acr) {
			file.Add(at+".acr", "want one of policy.acr_values")
		}
		if a.UserCode != "" {
			if l.codes[id], err = password.Parse(a.UserCode); err != nil {
				file.Add(at+".user_code", "%v", err)
			}
		}
		l.byName[name] = account{id: id, hash: hash, acr: acr}
		l.byID[id] = endpoint.User{ID: id, Claims: a.Claims}
	}
}

// outdated lists the subjects of those who have another password in a later reading, or
// are not in it, sorted.
func (l *accountList) outdated(later *accountList) []string {
	hashes := map[string]string{}
	for _, a := range later.byName {
		hashes[a.id] = a.hash.String()
	}
	var all []string
	for _, a := range l.byName {
		if hashes[a.id] != a.hash.String() {
			all = append(all, a.id)
		}
	}
	slices.Sort(all)
	return all
}

// goodSubject reports whether a name can be a subject (OpenID Connect Core 1.0, Section 2).
func goodSubject(id string) bool {
	outside := func(r rune) bool { return r < ' ' || r > '~' }
	return id != "" && len(id) <= 255 && !strings.HasPrefix(id, "client:") && !strings.ContainsFunc(id, outside)
}

// chooseNobody picks the cost that most users have.
func (l *accountList) chooseNobody() {
	count := map[string]int{}
	most := 0
	for _, a := range l.byName {
		if a.hash == nil {
			continue
		}
		cost := a.hash.Cost()
		if count[cost]++; count[cost] > most {
			most, l.nobody = count[cost], a.hash.Decoy()
		}
	}
}

// subjects lists the subjects of the users, sorted.
func (l *accountList) subjects() []string {
	var all []string
	for id := range l.byID {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// Accounts are the users. They are read again while the provider runs.
type Accounts struct {
	list atomic.Pointer[accountList]
	// slots bound the hashes that are computed at once: argon2id takes memory, and more at
	// once than there are processors are not sooner done.
	slots chan struct{}
}

func newAccounts(list *accountList) *Accounts {
	a := &Accounts{slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	a.list.Store(list)
	return a
}

// User implements endpoint.Users.
func (a *Accounts) User(_ context.Context, id string) (endpoint.User, bool, error) {
	user, found := a.list.Load().byID[id]
	return user, found, nil
}

// Authenticate implements endpoint.Users.
func (a *Accounts) Authenticate(ctx context.Context, username string, typed message.Secret) (endpoint.Authentication, bool, error) {
	list := a.list.Load()
	who, known := list.byName[username]
	hash := who.hash
	if !known {
		hash = list.nobody
	}
	if hash == nil {
		return endpoint.Authentication{}, false, nil // there are no users at all
	}
	right, err := a.verify(ctx, hash, typed)
	if err != nil || !right || !known {
		return endpoint.Authentication{}, false, err
	}
	return endpoint.Authentication{User: who.id, ACR: who.acr, AMR: []string{"pwd"}}, true, nil
}

// verify computes a hash as soon as there is a processor for it.
func (a *Accounts) verify(ctx context.Context, hash password.Hash, typed message.Secret) (bool, error) {
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-a.slots }()
	return hash.Verify(typed.Reveal()), nil
}

// UserByHint implements endpoint.HintResolver: the name that the user types, or the subject.
func (a *Accounts) UserByHint(_ context.Context, hint string) (endpoint.User, bool, error) {
	list := a.list.Load()
	if who, known := list.byName[hint]; known {
		hint = who.id
	}
	user, found := list.byID[hint]
	return user, found, nil
}

// CheckUserCode implements endpoint.HintResolver.
func (a *Accounts) CheckUserCode(ctx context.Context, user string, typed message.Secret) (ok, required bool, err error) {
	hash, required := a.list.Load().codes[user]
	if !required || typed == "" {
		return !required, required, nil
	}
	ok, err = a.verify(ctx, hash, typed)
	return ok, true, err
}
