package readme

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// An EntitlementsRequest has no parameters of its own.
type EntitlementsRequest struct {
	Extra message.Extra `json:"-" url:"-"`
}

// LogValue and Format redact secrets.
func (m EntitlementsRequest) LogValue() slog.Value          { return message.LogValue(m) }
func (m EntitlementsRequest) Format(s fmt.State, verb rune) { message.Format(s, verb, m) }

// An EntitlementsResponse says what a user may do.
type EntitlementsResponse struct {
	Subject      string        `json:"sub,omitempty"`
	Entitlements []string      `json:"entitlements,omitempty"`
	Extra        message.Extra `json:"-" url:"-"`
}

// LogValue and Format redact secrets.
func (m EntitlementsResponse) LogValue() slog.Value          { return message.LogValue(m) }
func (m EntitlementsResponse) Format(s fmt.State, verb rune) { message.Format(s, verb, m) }

// The rules of the step. Reports print them, and errors.Is finds them.
const (
	RuleEntitlementsAnswer message.Rule = "entitlements_answer"
	RuleEntitlementsSub    message.Rule = "entitlements_sub"
)

// NewEntitlements makes the service "entitlements".
func NewEntitlements(env service.Env) (service.Service, error) {
	return service.Definition[EntitlementsRequest, EntitlementsResponse]{
		Name:     "entitlements",
		Request:  service.None,       // the URL says everything
		Response: service.JSON,       // one JSON object, read strictly
		Proof:    service.TokenProof, // shows an access token
		Login:    true,               // belongs to a login
		Answer:   service.Answer{StatusRule: RuleEntitlementsAnswer},

		Endpoint: func(s *service.Step, _ *EntitlementsRequest) string {
			// Provider metadata that the toolkit does not know is kept, too.
			return s.Snapshot.Provider.Extra.Text("entitlements_endpoint")
		},
		Token: func(s *service.Step, _ *EntitlementsRequest) message.Secret {
			var token string
			_ = json.Unmarshal(s.Record.Latest("access_token"), &token) // no token, no proof
			return message.Secret(token)
		},
		Verify: func(_ context.Context, s *service.Step, resp *EntitlementsResponse) error {
			var verified message.IDToken
			if err := message.DecodeClaims([]byte(s.Record.Kept(state.KeptIDTokenClaims)), &verified); err != nil {
				return err
			}
			return s.Require(resp.Subject == verified.Subject, RuleEntitlementsSub, "sub",
				resp.Subject, "the sub of the ID Token")
		},
		Update: func(ctx context.Context, s *service.Step, resp *EntitlementsResponse) error {
			encoded, err := message.EncodeJSON(*resp)
			if err != nil {
				return err
			}
			_, err = s.DB().Update(ctx, s.State, func(r *state.Record) error {
				r.Set("entitlements", encoded)
				return nil
			})
			return err
		},
	}.New(env), nil
}

// loggedIn returns a service context and a database as a finished login leaves them.
func loggedIn(ctx context.Context) (*servicecontext.ServiceContext, *state.DB) {
	sc, err := servicecontext.New(servicecontext.Config{
		Issuer: "https://op.example",
		Provider: &message.ProviderMetadata{
			Issuer: "https://op.example",
			Extra:  message.Extra{{Name: "entitlements_endpoint", Value: json.RawMessage(`"https://op.example/entitlements"`)}},
		},
		ClientID: "s6BhdRkqt3",
	})
	if err != nil {
		panic(err)
	}
	db := new(state.DB)
	login := state.NewRecord("af0ifjsldkj", "https://op.example")
	if err := db.Begin(ctx, login); err != nil {
		panic(err)
	}
	if login, err = db.Claim(ctx, "af0ifjsldkj"); err != nil {
		panic(err)
	}
	login.Set(state.ItemTokenResponse, []byte(`{"access_token":"SlAV32hkKG","token_type":"Bearer"}`))
	login.Keep(state.KeptIDTokenClaims, `{"iss":"https://op.example","sub":"248289761001"}`)
	if err := db.Save(ctx, login); err != nil {
		panic(err)
	}
	return sc, db
}

// answering returns a function that sends nothing and answers every request with a body.
func answering(body string) service.SendFunc {
	return func(_ context.Context, r *service.Request) (*service.Response, error) {
		header := map[string][]string{"Content-Type": {"application/json"}}
		return r.Answer(200, header, []byte(body)), nil
	}
}

func Example_customService() {
	ctx := context.Background()
	sc, db := loggedIn(ctx)

	f := factory.Standard()
	f.Register("entitlements", NewEntitlements)
	services, err := f.Build(factory.Spec{"entitlements": {}}, sc, db)
	if err != nil {
		panic(err)
	}
	entitlements := services.Get("entitlements")
	args := service.Args{State: "af0ifjsldkj"}

	req, err := entitlements.GetRequestParameters(ctx, args)
	if err != nil {
		panic(err)
	}
	fmt.Println(req.Method, req.URL)

	res, err := service.Run(ctx, entitlements, args, answering(`{"sub":"248289761001","entitlements":["read","write"]}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(service.MessageOf[EntitlementsResponse](res).Entitlements)

	_, err = service.Run(ctx, entitlements, args, answering(`{"sub":"somebody else"}`))
	fmt.Println(errors.Is(err, RuleEntitlementsSub))
	// Output:
	// GET https://op.example/entitlements
	// [read write]
	// true
}
