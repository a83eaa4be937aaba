module github.com/oidcservice/oidc/otel

go 1.26.0

require (
	github.com/oidcservice/oidc v0.0.0 // what is observed
	go.opentelemetry.io/otel v1.47.0 // attributes, propagation, the global providers
	go.opentelemetry.io/otel/metric v1.47.0 // histograms and counters
	go.opentelemetry.io/otel/sdk v1.47.0 // the tests' exporter of spans
	go.opentelemetry.io/otel/sdk/metric v1.47.0 // the tests' reader of metrics
	go.opentelemetry.io/otel/trace v1.47.0 // spans
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/decred/dcrd/dcrec/secp256k1/v4 v4.4.1 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/goccy/go-json v0.10.6 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/lestrrat-go/blackmagic v1.0.4 // indirect
	github.com/lestrrat-go/httpcc v1.0.1 // indirect
	github.com/lestrrat-go/httprc v1.0.6 // indirect
	github.com/lestrrat-go/iter v1.0.2 // indirect
	github.com/lestrrat-go/jwx/v2 v2.1.7 // indirect
	github.com/lestrrat-go/option v1.0.1 // indirect
	github.com/segmentio/asm v1.2.1 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/oidcservice/oidc => ..
