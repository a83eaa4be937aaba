module github.com/oidcservice/oidc/cmd

go 1.26.0

require (
	github.com/oidcservice/oidc v0.0.0
	github.com/spf13/cobra v1.10.2 // commands, flags and shell completion
	go.yaml.in/yaml/v3 v3.0.6 // scripts; the maintained successor of gopkg.in/yaml.v3
	golang.org/x/net v0.62.0 // the HTML parser and public suffixes of the browser without a screen
	golang.org/x/term v0.47.0 // whether stdout is a terminal, and how wide
)

require (
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/lestrrat-go/blackmagic v1.0.4 // indirect
	github.com/lestrrat-go/httpcc v1.0.1 // indirect
	github.com/lestrrat-go/httprc v1.0.6 // indirect
	github.com/lestrrat-go/iter v1.0.2 // indirect
	github.com/lestrrat-go/jwx/v2 v2.1.7 // indirect
	github.com/lestrrat-go/option v1.0.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace github.com/oidcservice/oidc => ../
