// Package site is an API that takes access tokens, with gRPC.
package site

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/rp"
)

// NewInterceptor makes an interceptor that takes the JWT access tokens of one provider. The
// methods behind it find the token with rp.AccessTokenOf.
func NewInterceptor(options rp.ClientOptions) (grpc.UnaryServerInterceptor, error) {
	api, err := rp.NewAPI(rp.APIConfig{
		Config: resource.Config{
			Resource: "https://api.example",
			Issuers:  []resource.Issuer{{Issuer: "https://op.example"}},
		},
		HTTP: options,
	})
	if err != nil {
		return nil, err
	}
	read := resource.Demand{Scope: message.List{"read"}}
	return func(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		token, err := api.Verify(request(ctx, info), read)
		if err != nil {
			return nil, refused(ctx, err)
		}
		return next(rp.WithAccessToken(ctx, token), in)
	}, nil
}

// request is the call as HTTP/2 carries it: a POST to the method's path, whose header is the
// metadata.
func request(ctx context.Context, info *grpc.UnaryServerInfo) *http.Request {
	header := http.Header{}
	sent, _ := metadata.FromIncomingContext(ctx)
	for name, values := range sent {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: info.FullMethod}, Header: header}
	return r.WithContext(ctx)
}

// refused is the status of a call, with the challenge in the metadata.
func refused(ctx context.Context, err error) error {
	var refusal *resource.Refusal
	if !errors.As(err, &refusal) {
		return status.Error(codes.Unavailable, "the access token cannot be verified now")
	}
	challenge := metadata.MD{}
	for name, values := range refusal.Header() {
		challenge.Append(name, values...)
	}
	if err := grpc.SetHeader(ctx, challenge); err != nil {
		return status.Error(codes.Internal, "the challenge cannot be sent")
	}
	if refusal.Status == http.StatusForbidden {
		return status.Error(codes.PermissionDenied, "insufficient_scope")
	}
	return status.Error(codes.Unauthenticated, "a valid access token is needed")
}
