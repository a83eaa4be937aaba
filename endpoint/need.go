package endpoint

import (
	"time"

	"github.com/oidcservice/oidc/message"
)

// A Prompt is what a user is asked.
type Prompt string

// The prompts.
const (
	PromptLogin         Prompt = "login"          // who are you
	PromptSelectAccount Prompt = "select_account" // which of your accounts
	PromptConsent       Prompt = "consent"        // may the client have this
	PromptCreate        Prompt = "create"         // make an account
	PromptLogout        Prompt = "logout"         // do you want to log out
	PromptContinue      Prompt = "continue"       // something is wrong; go back to the client
	PromptUserCode      Prompt = "user_code"      // the code that the device shows
	PromptDevice        Prompt = "device"         // is this your device
	PromptApproval      Prompt = "approvals"      // may these clients have what they ask for
)

// A NeedUser reports that a user must do something first. It is not a verdict: show a
// page and give the answer to Resume.
type NeedUser struct {
	// Endpoint is the name of the endpoint whose Resume is to be called.
	Endpoint string
	Prompt   Prompt
	// Request is the verified request.
	Request message.Message
	// Ticket stands for the request. It serves once, for the browser that has Cookies.
	Ticket string
	// Cookies are to be set with the page.
	Cookies []Cookie

	// Client is the client that asks. Its name, addresses and contacts are its own
	// claims: show them escaped and fetch nothing.
	Client *Client
	// User is who is logged in, empty if nobody is.
	User User
	// LoginHint fills the name field in.
	LoginHint string
	// Scope and Claims are what the client wants to be consented to; Known is the part
	// of Scope that was consented to before.
	Scope  message.List
	Claims []string
	Known  message.List
	// Resource and Details (RFC 9396) are shown as well.
	Resource []string
	Details  message.RawJSON
	// UserCode is what the device shows.
	UserCode string
	// Questions are what waits for the user, for PromptApproval.
	Questions []Decoupled
	// Locales are the languages that were asked for, best first.
	Locales message.List
	// Display is how the client wants the page to look.
	Display string
	// Failure says why the last answer was not good.
	Failure Failure
	// Err is what is wrong with the request, for PromptContinue.
	Err *Refusal
}

// Error says what is needed.
func (n *NeedUser) Error() string { return "needs the user: " + string(n.Prompt) }

// A Failure says why an answer was not good.
type Failure string

// The failures.
const (
	FailureNone        Failure = ""
	FailureCredentials Failure = "credentials" // unknown user or wrong password, the same for both
	FailureAttempts    Failure = "attempts"    // too many tries, wait
	FailureUser        Failure = "user"        // another user is wanted
	FailureUserCode    Failure = "user_code"   // no such code
	FailureAccount     Failure = "account"     // there cannot be such an account
	FailureQuestion    Failure = "question"    // it was answered before, or its time is over
)

// An Action is what the user chose.
type Action string

// The actions.
const (
	ActionLogin    Action = "login"    // with Username and Password, or with Authentication
	ActionCreate   Action = "create"   // make an account, with the same
	ActionContinue Action = "continue" // as the user who is logged in
	ActionAllow    Action = "allow"
	ActionDeny     Action = "deny"
)

// An Answer is what the user answered to a NeedUser.
type Answer struct {
	Action Action // what the user chose
	// Username and Password are checked by Users.
	Username string
	Password message.Secret
	// Authentication, if not nil, is what the caller found out itself by other means.
	Authentication *Authentication
	// Scope is what the user allows; nil allows all that was asked.
	Scope message.List
	// UserCode is what the device shows.
	UserCode string
	// Question is the Ticket of the question that is allowed or denied.
	Question string
	// Cookies are those of the request that brought the answer; RemoteAddr its origin.
	Cookies    map[string]string
	RemoteAddr string
}

// FetchKind says what a NeedFetch is for.
type FetchKind string

// The kinds of documents that are fetched for a client.
const (
	FetchKeys          FetchKind = "jwks_uri"
	FetchSector        FetchKind = "sector_identifier_uri"
	FetchRequestObject FetchKind = "request_uri"
)

// A NeedFetch reports that a document of a client must be fetched first. It is not a
// verdict: GET the URL, give the answer to Context.Supply, and parse the request again.
//
// The URL was supplied by a client: use https only, follow no redirect, send no cookie
// and no credential, reach no special-use address, and read no more than MaxBody bytes.
type NeedFetch struct {
	Kind     FetchKind     // what for
	ClientID string        // whose document it is
	URL      string        // where it is
	Accept   []string      // the media types that are wanted
	MaxBody  int64         // the largest body in bytes, after decompression
	Timeout  time.Duration // how long it may take
	// Err is the verdict when the document cannot be had.
	Err error

	refetch bool // the document is there and seems to be out of date
}

// Error says what is needed.
func (n *NeedFetch) Error() string { return "needs the client's " + string(n.Kind) }

// Unwrap returns the verdict when the document cannot be had.
func (n *NeedFetch) Unwrap() error { return n.Err }
