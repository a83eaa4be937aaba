package op_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

const (
	notifyAt    = "https://till.example/notify"
	notifyToken = "8d67dc78-7faa-4d41-aabd-67707b374255"
)

var questionPattern = regexp.MustCompile(`name="question" value="([^"]*)"`)

// addTill registers a client that asks users on another device, in a delivery mode.
func addTill(t testing.TB, p *optest.Provider, mode string) {
	t.Helper()
	hash := sha256.Sum256([]byte(trySecret))
	metadata := message.ClientMetadata{
		ClientName: "The till", GrantTypes: []string{message.GrantTypeCIBA}, TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic,
		BackchannelTokenDeliveryMode: mode, BackchannelClientNotificationEndpoint: notifyAt,
	}
	if err := p.AddClient(t.Context(), &endpoint.Client{ID: tryID, SecretHash: hash[:], Metadata: metadata, Resources: []string{"https://api.example/"}}); err != nil {
		t.Fatal(err)
	}
}

// ask has the till ask diana, and returns the answer.
func ask(t testing.TB, p *optest.Provider, change ...string) answer {
	t.Helper()
	q := url.Values{
		"scope": {"openid email"}, "login_hint": {optest.Username}, "binding_message": {"W4SCT"}, "resource": {"https://api.example/"},
		"client_notification_token": {notifyToken},
	}
	for i := 0; i+1 < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	return do(t, p.Client(), "POST", optest.Issuer+"/bc-authorize", q.Encode(), "Content-Type", form, "Authorization", tryBasic)
}

// asked has the till ask diana, and returns the auth_req_id.
func asked(t testing.TB, p *optest.Provider, change ...string) string {
	t.Helper()
	a := ask(t, p, change...)
	var o struct {
		ID string `json:"auth_req_id"`
	}
	if err := json.Unmarshal([]byte(a.body), &o); err != nil || o.ID == "" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return o.ID
}

func fetch(t testing.TB, p *optest.Provider, id string) answer {
	t.Helper()
	q := url.Values{"grant_type": {message.GrantTypeCIBA}, "auth_req_id": {id}}
	return do(t, p.Client(), "POST", optest.Issuer+"/token", q.Encode(), "Content-Type", form, "Authorization", tryBasic)
}

// visit logs diana in at the page of approvals.
func visit(t testing.TB, p *optest.Provider) (*http.Client, answer) {
	t.Helper()
	c := p.Client()
	back := submit(t, c, do(t, c, "GET", optest.Issuer+"/approvals?ui_locales=de", "", "Accept-Language", "fr"), credentials())
	if back.StatusCode != http.StatusSeeOther || back.Header.Get("Location") != optest.Issuer+"/approvals?ui_locales=de" || back.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("%d %s %s", back.StatusCode, back.Header, back.body)
	}
	return c, do(t, c, "GET", optest.Issuer+"/approvals", "")
}

// The page tells what is asked, and the answer is that of the user and final.
func TestApprovals(t *testing.T) {
	t.Parallel()
	p := provider(t)
	addTill(t, p, message.DeliveryModePoll)
	first, second := asked(t, p), asked(t, p, "binding_message", "X5TDU", "requested_expiry", "120")
	c, page := visit(t, p)
	for _, want := range []string{"The till", "W4SCT", "X5TDU", "https://api.example/", "your e-mail address"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s:\n%s", want, page.body)
		}
	}
	questions := all(questionPattern, page.body)
	if len(questions) != 2 || strings.Index(page.body, "X5TDU") > strings.Index(page.body, "W4SCT") {
		t.Fatalf("the urgent one comes first, of two:\n%s", page.body)
	}
	again := do(t, c, "GET", optest.Issuer+"/approvals", "")
	if back := submit(t, c, page, url.Values{"action": {"allow"}, "question": {questions[0]}}); back.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", back.StatusCode, back.body)
	}
	if late := submit(t, c, again, url.Values{"action": {"deny"}, "question": {questions[0]}}); !strings.Contains(late.body, `id="failure"`) {
		t.Errorf("an answer to what was answered: %d %s", late.StatusCode, late.body)
	}
	page = do(t, c, "GET", optest.Issuer+"/approvals", "")
	if left := all(questionPattern, page.body); !slices.Equal(left, questions[1:]) {
		t.Errorf("left are %q", left)
	}
	if got := fetch(t, p, second); got.StatusCode != 200 || !strings.Contains(got.body, `"id_token"`) {
		t.Errorf("allowed: %d %s", got.StatusCode, got.body)
	}
	submit(t, c, page, url.Values{"action": {"deny"}, "question": {questions[1]}})
	if got := fetch(t, p, first); !strings.Contains(got.body, "access_denied") {
		t.Errorf("denied: %d %s", got.StatusCode, got.body)
	}
	if page = do(t, c, "GET", optest.Issuer+"/approvals", ""); !strings.Contains(page.body, `id="nothing"`) {
		t.Errorf("nothing waits: %s", page.body)
	}
}

// Nobody but the user who is asked sees a question, and nobody else answers it: not
// another user, not a page of another site, not a form without its ticket.
func TestApprovalsAreTheUsersOwn(t *testing.T) {
	t.Parallel()
	p := provider(t, func(c *op.Config) {
		c.Users = optest.Users{
			optest.Username: {Password: optest.Password, User: optest.Diana()},
			"mallory":       {Password: "m", User: endpoint.User{ID: "mallory"}},
		}
	})
	addTill(t, p, message.DeliveryModePoll)
	id := asked(t, p)
	diana, page := visit(t, p)
	question := all(questionPattern, page.body)[0]
	own := asked(t, p, "login_hint", "mallory")
	mallory := p.Client()
	submit(t, mallory, do(t, mallory, "GET", optest.Issuer+"/approvals", ""), url.Values{"username": {"mallory"}, "password": {"m"}, "action": {"login"}})
	for _, verb := range []string{"allow", "deny"} {
		hers := do(t, mallory, "GET", optest.Issuer+"/approvals", "")
		if strings.Contains(hers.body, question) || len(all(questionPattern, hers.body)) != 1 {
			t.Errorf("mallory sees %s", hers.body)
		}
		if a := submit(t, mallory, hers, url.Values{"action": {verb}, "question": {question}}); !strings.Contains(a.body, `id="failure"`) {
			t.Errorf("%s by mallory: %d %s", verb, a.StatusCode, a.body)
		}
	}
	answer := url.Values{"action": {"allow"}, "question": {question}}
	if a := submit(t, mallory, page, answer); a.StatusCode != http.StatusBadRequest {
		t.Errorf("diana's form in mallory's browser: %d", a.StatusCode)
	}
	if a := do(t, diana, "POST", optest.Issuer+"/interaction/approvals", answer.Encode(), "Content-Type", form); a.StatusCode != http.StatusBadRequest {
		t.Errorf("without a ticket: %d", a.StatusCode)
	}
	if a := do(t, diana, "POST", optest.Issuer+"/interaction/approvals", answer.Encode(), "Content-Type", form, "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("from another site: %d", a.StatusCode)
	}
	for _, question := range []string{id, own} {
		if got := fetch(t, p, question); !strings.Contains(got.body, "authorization_pending") {
			t.Errorf("the question is answered: %s", got.body)
		}
	}
}

// A flood of questions is stopped, and lets others through once it is answered.
func TestApprovalsAreBounded(t *testing.T) {
	t.Parallel()
	p := provider(t)
	addTill(t, p, message.DeliveryModePoll)
	for range 20 {
		asked(t, p)
	}
	if a := ask(t, p); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "access_denied") {
		t.Errorf("one too many: %d %s", a.StatusCode, a.body)
	}
	c, page := visit(t, p)
	submit(t, c, page, url.Values{"action": {"deny"}, "question": {all(questionPattern, page.body)[0]}})
	asked(t, p)
}

// notified notes what a client is sent.
type notified struct {
	mu   sync.Mutex
	sent []string
}

func (n *notified) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.String() != notifyAt || r.Header.Get("Authorization") != "Bearer "+notifyToken {
		return nil, errors.Join(err, errors.New("another request"))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = append(n.sent, string(body))
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
}

// A client that does not poll is notified of the answer, once.
func TestApprovalsNotify(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{message.DeliveryModePing, message.DeliveryModePush} {
		to := new(notified)
		p := provider(t, func(c *op.Config) { c.Outbound = to })
		addTill(t, p, mode)
		id := asked(t, p)
		c, page := visit(t, p)
		again := do(t, c, "GET", optest.Issuer+"/approvals", "")
		answer := url.Values{"action": {"allow"}, "question": {all(questionPattern, page.body)[0]}}
		submit(t, c, page, answer)
		if late := submit(t, c, again, answer); !strings.Contains(late.body, `id="failure"`) {
			t.Errorf("%s: a second answer: %d %s", mode, late.StatusCode, late.body)
		}
		p.Wait()
		if len(to.sent) != 1 || !strings.Contains(to.sent[0], `"auth_req_id":"`+id+`"`) {
			t.Fatalf("%s: sent %q", mode, to.sent)
		}
		pushed := strings.Contains(to.sent[0], `"id_token"`)
		got := fetch(t, p, id)
		if mode == message.DeliveryModePush && (!pushed || !strings.Contains(got.body, "unauthorized_client")) ||
			mode == message.DeliveryModePing && (pushed || !strings.Contains(got.body, `"id_token"`)) {
			t.Errorf("%s: sent %q, then %d %s", mode, to.sent, got.StatusCode, got.body)
		}
	}
}

// A deployment that brings questions to users itself has the page if it says so.
func TestApprovalsAreOptional(t *testing.T) {
	t.Parallel()
	for _, both := range []bool{false, true} {
		told := make(chan endpoint.Decoupled, 1)
		p := provider(t, func(c *op.Config) {
			c.Policy.Approvals = both
			c.Decoupled = func(_ context.Context, q endpoint.Decoupled) { told <- q }
		})
		addTill(t, p, message.DeliveryModePoll)
		asked(t, p)
		if q := <-told; q.BindingMessage != "W4SCT" || q.User.ID != "diana" || !q.Until.After(time.Now()) {
			t.Errorf("told %+v", q)
		}
		waiting, err := p.Context().Questions(t.Context(), "diana")
		if a := do(t, p.Client(), "GET", optest.Issuer+"/approvals", ""); (a.StatusCode == 200) != both || (len(waiting) == 1) != both || err != nil {
			t.Errorf("%v: the page is %d, %d questions, %v", both, a.StatusCode, len(waiting), err)
		}
	}
}

// An answer that a deployment brings from the user's other device counts once, and the
// client is notified of it.
func TestDecide(t *testing.T) {
	t.Parallel()
	for _, allow := range []bool{true, false} {
		to, told := new(notified), make(chan endpoint.Decoupled, 1)
		p := provider(t, func(c *op.Config) {
			c.Outbound = to
			c.Decoupled = func(_ context.Context, q endpoint.Decoupled) { told <- q }
		})
		addTill(t, p, message.DeliveryModePing)
		id := asked(t, p)
		ticket := (<-told).Ticket
		if err := p.Decide(t.Context(), ticket, true, endpoint.Authentication{User: "mallory"}); !errors.Is(err, endpoint.ErrForeign) {
			t.Errorf("somebody else allows: %v", err)
		}
		if err := p.Decide(t.Context(), ticket, allow, endpoint.Authentication{User: optest.Diana().ID}); err != nil {
			t.Fatal(err)
		}
		if err := p.Decide(t.Context(), ticket, !allow, endpoint.Authentication{User: optest.Diana().ID}); !errors.Is(err, endpoint.ErrForeign) {
			t.Errorf("a second answer: %v", err)
		}
		p.Wait()
		if len(to.sent) != 1 || !strings.Contains(to.sent[0], `"auth_req_id":"`+id+`"`) {
			t.Errorf("sent %q", to.sent)
		}
		want := map[bool]string{true: `"id_token"`, false: "access_denied"}[allow]
		if got := fetch(t, p, id); !strings.Contains(got.body, want) {
			t.Errorf("allowed %v: %d %s", allow, got.StatusCode, got.body)
		}
	}
}
