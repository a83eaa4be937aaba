package endpoint

import (
	"context"
	"errors"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// A Step is one request on its way through an endpoint. It freezes one clock reading and
// one snapshot of our keys.
type Step struct {
	Context *Context  // what the endpoints share
	Now     time.Time // the clock reading
	Request *Request  // what came
	// Params are the decoded parameters of a Form request, without doubled, malformed and
	// empty ones.
	Params url.Values
	// Client is who authenticated, nil without ClientProof unless Verify sets it.
	Client *Client
	// Value is for Verify to leave to Process what it found out.
	Value any

	endpoint    string
	keys        *keys
	message     message.Message // stands for the request if Verify chose its type
	malformed   *Refusal        // the parameters could not all be read
	spending    []spending
	authReqID   string   // of a CIBA request whose tokens are pushed
	jkt         string   // thumbprint of the key of a verified DPoP proof
	certificate string   // x5t#S256 of the client's certificate
	cookies     []Cookie // to be set with whatever is answered
}

// clockAhead is how far ahead the clock of a client may be. FAPI 2.0, Section 5.3.2.1: up
// to 10 s ahead is always accepted, 60 s ahead never.
const clockAhead = 30 * time.Second

// spending is a one-time value that ProcessRequest takes before anything else.
type spending struct {
	kind, value string
	until       time.Time
	refusal     *Refusal
}

// checkMethod refuses other methods. RFC 9110, Section 15.5.6: "The origin server MUST
// generate an Allow header field in a 405 response".
func checkMethod(req *Request, methods []string) error {
	if slices.Contains(methods, req.Method) {
		return nil
	}
	return Refuse(405, message.InvalidRequest, message.RuleOPRequestMethod, "").
		Because(known(strings.ToLower(req.Method)), strings.Join(methods, " or "), nil).
		With("Allow", strings.Join(methods, ", "))
}

// decode reads the parameters of a Form request into Params and checks the media type of
// a JSON one. RFC 6749, Section 3.2: parameters of a POST are in the body, never in the URL.
func (s *Step) decode(as Encoding) *Refusal {
	req := s.Request
	s.Params = url.Values{}
	if as == Opaque {
		return nil
	}
	query := req.query()
	if req.Method == "GET" || req.Method == "HEAD" || req.Method == "DELETE" {
		if as == Form || as == Params {
			var refusal *Refusal
			s.Params, refusal = parseParams(query)
			return refusal
		}
		return nil
	}
	want := "application/x-www-form-urlencoded"
	if as == JSON {
		want = "application/json"
	}
	header, one := req.Header.Get("Content-Type")
	media, err := header, error(nil)
	if header != want { // with parameters, or in another case
		media, _, err = mime.ParseMediaType(header)
	}
	// "The authorization server responds with an HTTP 400 (Bad Request) status code
	// (unless specified otherwise)" (RFC 6749, Section 5.2), and nothing specifies 415.
	if !one || err != nil || media != want {
		return Refuse(400, message.InvalidRequest, message.RuleOPRequestBody, "").Because("another content type", want, nil)
	}
	if as == JSON {
		return nil
	}
	if query != "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPRequestBody, "").Because("parameters in the URL", "them in the body", nil)
	}
	var refusal *Refusal
	s.Params, refusal = parseParams(string(req.Body))
	return refusal
}

// undecodable is the refusal of a message that could not be decoded.
func undecodable(err error, rule message.Rule) *Refusal {
	var d *message.DecodeError
	param := ""
	if errors.As(err, &d) {
		// The error names the path into a value of JSON; the parameter is its beginning.
		name, _, _ := strings.Cut(d.Param, ".")
		name, _, _ = strings.Cut(name, "[")
		param = known(name)
		if d.Kind == message.Duplicate && name == d.Param {
			rule = message.RuleOPParamDuplicate
		}
	}
	return refuseParameter(rule, param).Because("", "", err)
}

// spend takes the one-time values of a request, in their order. A value that is used
// again is refused, and so is everything when the store fails.
func (s *Step) spend(ctx context.Context) error {
	for _, v := range s.spending {
		added, err := s.Context.store.add(ctx, v.kind, v.value, true, v.until.Sub(s.Now)+time.Second)
		if err != nil {
			return err
		}
		if !added {
			return v.refusal
		}
	}
	return nil
}
