package service

import (
	"context"
	"errors"
	"mime"

	"github.com/oidcservice/oidc/message"
)

// decodeInbound reads a message that somebody brought to one of our addresses.
// Each parameter may occur once.
func decodeInbound(s *Step, into any, rule message.Rule) error {
	if err := decodeFront(s.Response, into); err != nil {
		param := "parameters"
		var d *message.DecodeError
		if errors.As(err, &d) && d.Param != "" {
			param = d.Param
		}
		return s.Fail(rule, param, "", "each parameter once, strictly encoded", err)
	}
	return nil
}

// isFormPost reports whether an inbound message is a POST with a form body.
func isFormPost(in *Inbound) bool {
	media, _, _ := mime.ParseMediaType(in.ContentType)
	return in.Method == "POST" && media == "application/x-www-form-urlencoded"
}

// endAll ends the logins that a notification names, at the commit.
func endAll(ctx context.Context, s *Step) error {
	for _, name := range s.ended {
		if err := s.DB().End(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// LogoutReply is what to answer a logout notification with, once ParseResponse and
// UpdateServiceContext have returned err: 200 for done and 400 for refused, never
// to be cached (Back-Channel Logout 1.0, Section 2.8).
func LogoutReply(err error) (status int, header Header) {
	status = 200
	if err != nil {
		status = 400
	}
	return status, Header{"Cache-Control": {"no-store"}}
}
