package service

import (
	"context"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// Encoding says how a message travels.
type Encoding int

// The encodings.
const (
	Query  Encoding = iota // in the URL's query
	Form                   // as a form body
	JSON                   // as one JSON object
	JWT                    // as a JWT, or as JSON
	Params                 // through the browser: query, fragment or form post
	None                   // not at all: the URL says everything, or nothing is sent
	Text                   // as the message of an iframe
)

var encodingNames = [...]string{"query", "form", "JSON", "JWT or JSON", "front channel", "none", "text"}

// String names the encoding.
func (e Encoding) String() string { return encodingNames[e] }

// Proof says how a request shows who sends it.
type Proof int

// The proofs.
const (
	NoProof     Proof = iota
	ClientProof       // client authentication by the registered method
	TokenProof        // an access token
)

var proofNames = [...]string{"none", "client authentication", "access token"}

// String names the proof.
func (p Proof) String() string { return proofNames[p] }

// encode puts the request message, and the proof of who sends it, into out. The token is
// that of a TokenProof, "" for none.
func (x *route) encode(ctx context.Context, s *Step, req message.Message, token message.Secret, out *Request) error {
	if token != "" {
		if err := useToken(ctx, s, out, token); err != nil {
			return err
		}
	}
	if x.dpop && (s.Snapshot.DPoPKey != nil || s.Record.Kept(state.KeptDPoPThumbprint) != "") {
		proof, err := dpopProof(s, out.Method, out.URL, "")
		if err != nil {
			return err
		}
		out.Header["Dpop"] = []string{proof}
	}
	if x.proof == ClientProof {
		return authenticate(ctx, s, req, x.env.Settings.ClientAuth, out)
	}
	switch x.request {
	case Query:
		query, err := message.EncodeForm(req)
		if err != nil {
			return err
		}
		if query == "" {
			return nil
		}
		separator := "?"
		if strings.Contains(out.URL, separator) {
			// "Request and response parameters MUST NOT be included more than once"
			// (RFC 6749, Section 3.1).
			if name := sharedParameter(out.URL, query); name != "" {
				return s.Fail(message.RuleAuthzRequestDuplicate, name, "", "each parameter once, in the endpoint's own query and in ours", nil)
			}
			separator = "&" // the endpoint's own query is kept
		}
		if x.formAbove > 0 && len(out.URL)+len(separator)+len(query) > x.formAbove {
			out.Method = "POST"
			out.setForm(query)
			return nil
		}
		out.URL += separator + query
	case Form:
		body, err := message.EncodeForm(req)
		if err != nil {
			return err
		}
		out.setForm(body)
	case Text:
		if m, ok := req.(interface{ Text() string }); ok {
			out.Body = []byte(m.Text())
		}
	case JSON:
		body, err := message.EncodeJSON(req)
		if err != nil {
			return err
		}
		out.Body = body
		out.Header["Content-Type"] = []string{"application/json"}
	}
	return nil
}
