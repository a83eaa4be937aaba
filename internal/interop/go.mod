module github.com/oidcservice/oidc/internal/interop

go 1.26
