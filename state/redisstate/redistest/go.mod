module github.com/oidcservice/oidc/state/redisstate/redistest

go 1.26.0

require (
	github.com/oidcservice/oidc v0.0.0 // state, and statetest for its rules
	github.com/oidcservice/oidc/state/internal/outage v0.0.0 // servers that are killed, and what goes on meanwhile
	github.com/oidcservice/oidc/state/redisstate v0.0.0 // what is tested
	github.com/redis/go-redis/v9 v9.23.0 // what the benchmarks compare with
	github.com/redis/rueidis v1.0.79 // the client
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace (
	github.com/oidcservice/oidc => ../../..
	github.com/oidcservice/oidc/state/internal/outage => ../../internal/outage
	github.com/oidcservice/oidc/state/redisstate => ..
)
