package demo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/message"
)

// How much is remembered. A conversation is for somebody who looks at it.
const (
	maxConversations = 64
	maxSteps         = 200
	maxKnown         = 1000
	maxNotices       = 4
)

// A hub has the conversations, one a browser, and finds them by what the messages of others
// hold: a login that a logout token names, an access token that an API is shown.
type hub struct {
	mu      sync.Mutex
	all     map[string]*dialogue
	order   []string // the ones used last at the end
	logins  known[string]
	tokens  known[[32]byte]
	hosting *dialogue // whose request object the provider will fetch: there is one address
	// sessions are those of the provider (sid), for notifications.
	sessions known[string]
}

func newHub() *hub {
	return &hub{all: map[string]*dialogue{}, logins: newKnown[string](), tokens: newKnown[[32]byte](), sessions: newKnown[string]()}
}

// known maps what was seen to a conversation and forgets the oldest.
type known[K comparable] struct {
	of    map[K]*dialogue
	order []K
}

func newKnown[K comparable]() known[K] { return known[K]{of: map[K]*dialogue{}} }

func (k *known[K]) put(key K, c *dialogue) {
	if _, there := k.of[key]; !there {
		k.order = append(k.order, key)
	}
	k.of[key] = c
	for len(k.order) > maxKnown {
		delete(k.of, k.order[0])
		k.order = k.order[1:]
	}
}

// conversation returns the one of a browser, by the value of its cookie.
func (h *hub) conversation(id string) *dialogue {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.all[id]
	if c == nil {
		return nil
	}
	h.order = append(slices.DeleteFunc(h.order, func(s string) bool { return s == id }), id)
	return c
}

// begin makes a conversation and returns the value of its cookie.
func (h *hub) begin() (string, *dialogue, error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", nil, err
	}
	id, c := base64.RawURLEncoding.EncodeToString(b[:]), newDialogue()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all[id] = c
	h.order = append(h.order, id)
	for len(h.order) > maxConversations {
		delete(h.all, h.order[0])
		h.order = h.order[1:]
	}
	return id, c, nil
}

// knowLogin notes whose login it is.
func (h *hub) knowLogin(login string, c *dialogue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logins.put(login, c)
}

func (h *hub) ofLogin(login string) *dialogue {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.logins.of[login]
}

// host notes for whom a request object is served.
func (h *hub) host(c *dialogue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hosting = c
}

// takeHosted returns for whom a request object is served, once.
func (h *hub) takeHosted() *dialogue {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.hosting
	h.hosting = nil
	return c
}

// knowSession notes whose session at the provider it is.
func (h *hub) knowSession(sid string, c *dialogue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if sid != "" {
		h.sessions.put(sid, c)
	}
}

func (h *hub) ofSession(sid string) *dialogue {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions.of[sid]
}

// knowToken notes that an access token belongs to a login.
func (h *hub) knowToken(login string, token message.Secret) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.logins.of[login]; c != nil && token != "" {
		h.tokens.put(sha256.Sum256([]byte(token.Reveal())), c)
	}
}

func (h *hub) ofToken(token string) *dialogue {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tokens.of[sha256.Sum256([]byte(token))]
}

// A scene is where a request belongs: it travels in the context from the browser's request
// to all that follows from it.
type scene struct {
	conversation *dialogue
	actor        lane   // who sends what this request sends
	breaking     *fault // what is done to its messages
	arrived      *shown // the message that came in, for the step that judges it
	state        string // that it had when it was sent
	taken        bool   // whether a step has it

	notice *report.Request // that came by itself, such as one about a logout
	from   lane            // who sent it
	noted  *step           // that has it
}

type sceneKey struct{}

func withScene(ctx context.Context, s *scene) context.Context {
	return context.WithValue(ctx, sceneKey{}, s)
}

// sceneOf returns the scene of a context; an empty one outside of any.
func sceneOf(ctx context.Context) *scene {
	if s, ok := ctx.Value(sceneKey{}).(*scene); ok {
		return s
	}
	return &scene{actor: application}
}

// dialogueOf is nil where there is none, such as in the background.
func dialogueOf(ctx context.Context) *dialogue { return sceneOf(ctx).conversation }

func (d *Demo) cookieName() string {
	if d.secure() {
		return "__Host-oidc-demo"
	}
	return "insecure-oidc-demo"
}

// remember gives each browser a conversation.
func (d *Demo) remember(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c *dialogue
		if cookies := r.CookiesNamed(d.cookieName()); len(cookies) == 1 {
			c = d.hub.conversation(cookies[0].Value)
		}
		if c == nil && r.Method == http.MethodPost && r.URL.Path == d.callback {
			// A form from the provider's site may bring no cookie of ours but the login's own.
			c = newDialogue()
		}
		if c == nil {
			id, begun, err := d.hub.begin()
			if err != nil {
				http.Error(w, "there is no randomness", http.StatusInternalServerError)
				return
			}
			c = begun
			//nolint:gosec // plain http has no Secure cookies
			http.SetCookie(w, &http.Cookie{Name: d.cookieName(), Value: id, Path: "/", Secure: d.secure(), HttpOnly: true, SameSite: d.sameSite()})
		}
		next.ServeHTTP(w, r.WithContext(withScene(r.Context(), &scene{conversation: c, actor: application})))
	})
}

// sameSite is None where that can be had: a response that is posted comes from the provider's site.
func (d *Demo) sameSite() http.SameSite {
	if d.secure() {
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}

// A notice is something that the page says once.
type notice struct{ Kind, Title, Text string }

// A dialogue is what happened for one browser.
type dialogue struct {
	mu      sync.Mutex
	version int
	steps   []*step
	dropped int // steps that were too many
	items   map[string][]string
	faults  map[string]*fault // by state
	checks  map[string][]check
	silent  map[string]bool // by state: logins that ask the user nothing
	form    *loginForm
	notices []notice
	outcome *outcome
	problem *problem
	secrets bool
	now     func() time.Time
}

func newDialogue() *dialogue {
	return &dialogue{items: map[string][]string{}, faults: map[string]*fault{}, checks: map[string][]check{}, silent: map[string]bool{}, now: time.Now}
}

// change changes the conversation, so that pages that show it are shown again.
func (c *dialogue) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.version++
}

func (c *dialogue) notify(n notice) {
	c.change(func() {
		c.notices = append(c.notices, n)
		if len(c.notices) > maxNotices {
			c.notices = c.notices[1:]
		}
	})
}

// settle clears what the page said about what was done before.
func (c *dialogue) settle() {
	c.change(func() { c.notices, c.outcome, c.problem = nil, nil, nil })
}
