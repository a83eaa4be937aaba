module github.com/oidcservice/oidc/state/redisstate

go 1.26.0

require github.com/redis/rueidis v1.0.79 // the client

require golang.org/x/sys v0.47.0 // indirect
