module github.com/oidcservice/oidc

go 1.26
