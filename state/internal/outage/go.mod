module github.com/oidcservice/oidc/state/internal/outage

go 1.26.0

require github.com/oidcservice/oidc v0.0.0 // state, which the logins of a test are of

replace github.com/oidcservice/oidc => ../../..
