module github.com/oidcservice/oidc/state/sqlstate

go 1.26.0
