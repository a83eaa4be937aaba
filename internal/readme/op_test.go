package readme

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/op/optest"
)

// opPage prints the endpoints of a provider that offers everything.
func opPage() ([]byte, error) {
	provider, err := optest.New()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`# Endpoints

<!-- Generated from the definitions of package endpoint by "make docs"; do not edit. -->

An endpoint is one step of the provider, in three parts: ParseRequest decodes, authenticates the client and
verifies, and changes nothing; ProcessRequest decides and commits; DoResponse says what to send. Package
` + "`endpoint`" + ` has no I/O; package ` + "`op`" + ` serves endpoints over net/http, with pages for login, consent and
logout; ` + "`op/optest`" + ` is a provider for tests, without a socket.

The endpoints of a provider whose issuer is ` + "`" + optest.Issuer + "`" + `:

| endpoint | address | methods | parameters | client authentication | any origin |
|---|---|---|---|---|---|
`)
	for _, d := range provider.Endpoints().All() {
		address := strings.TrimPrefix(d.URL, optest.Issuer)
		if d.Prefix {
			address = strings.TrimSuffix(address, "/") + "/…"
		}
		parameters := "query or form"
		switch {
		case d.Request == endpoint.JSON:
			parameters = "JSON"
		case d.Request == endpoint.Opaque:
			parameters = "read by the endpoint"
		case !slices.Contains(d.Methods, "GET"):
			parameters = "form"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s | %s |\n", d.Name, address, strings.Join(d.Methods, ", "), parameters,
			yes(d.Proof == endpoint.ClientProof), yes(d.CORS))
	}
	b.WriteString(`
"Any origin" means that scripts of other sites may read the answers, without credentials.

What a refusal looks like depends on who asks. A client gets an error object with its status; a browser gets
a page until its redirect URI is proven, and is sent back with the error after that. The rules are those of
the [provider](rules.md#provider).
`)
	return b.Bytes(), nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
