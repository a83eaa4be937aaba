package site

import (
	"context"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/oidcservice/oidc/docs/recipes/internal/sitetest"
	"github.com/oidcservice/oidc/rp"
)

// things is a service that says whose token it was called with.
type things struct {
	health.UnimplementedHealthServer
	subject string
}

func (s *things) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	s.subject = rp.AccessTokenOf(ctx).Subject
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
}

func TestCalls(t *testing.T) {
	provider := sitetest.TokenProvider(t)
	protect, err := NewInterceptor(rp.ClientOptions{Transport: provider.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 16)
	server, service := grpc.NewServer(grpc.UnaryInterceptor(protect)), new(things)
	health.RegisterHealthServer(server, service)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///api.example", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	good := sitetest.Token(t, provider, "read", sitetest.API)
	for _, call := range []struct {
		name          string
		authorization []string
		want          codes.Code
		challenge     string
	}{
		{"no token", nil, codes.Unauthenticated, "Bearer "},
		{"no such token", []string{"Bearer x"}, codes.Unauthenticated, "invalid_token"},
		{"the token of another API", []string{"Bearer " + sitetest.Token(t, provider, "read", "https://other.example")}, codes.Unauthenticated, "invalid_token"},
		{"too small a scope", []string{"Bearer " + sitetest.Token(t, provider, "write", sitetest.API)}, codes.PermissionDenied, `scope="read"`},
		{"two tokens", []string{"Bearer " + good, "Bearer " + good}, codes.Unauthenticated, "invalid_request"},
		{"a good token", []string{"Bearer " + good}, codes.OK, ""},
	} {
		service.subject = ""
		ctx := t.Context()
		for _, value := range call.authorization {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
		}
		var header metadata.MD
		_, err := health.NewHealthClient(conn).Check(ctx, &health.HealthCheckRequest{}, grpc.Header(&header))
		if status.Code(err) != call.want || !strings.Contains(strings.Join(header["www-authenticate"], ", "), call.challenge) {
			t.Errorf("%s: %v %v", call.name, err, header)
		}
		if called := service.subject == "client:machine"; called != (call.want == codes.OK) {
			t.Errorf("%s: the service was called by %q", call.name, service.subject)
		}
	}
}

// While the provider's keys cannot be had, a call may be tried again.
func TestProviderIsDown(t *testing.T) {
	protect, err := NewInterceptor(rp.ClientOptions{Transport: sitetest.Down})
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+sitetest.Token(t, sitetest.TokenProvider(t), "read", sitetest.API)))
	_, err = protect(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/a/b"}, func(context.Context, any) (any, error) { return nil, nil })
	if status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
}
