package rp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/oidcservice/oidc/service"
)

// The pages of this package load nothing from anywhere, cannot be framed, and run no
// script but the one that moves a fragment.

const pageStyle = `:root{color-scheme:light dark}body{font-family:system-ui,sans-serif;line-height:1.5;max-width:34rem;margin:3rem auto;padding:0 1rem}a,button{font:inherit}code{overflow-wrap:anywhere}dt{font-weight:600}`

// fragmentScript sends the fragment to the server, which never sees it otherwise. "the
// fragment ... is not sent to the server": what it held is first taken out of the
// history (RFC 9700, Section 4.3.2; OpenID Connect Core 1.0, Section 15.5.3).
const fragmentScript = `"use strict";(function(){` +
	`var f=location.hash.slice(1);history.replaceState(null,"",location.pathname);` +
	`if(!f){document.getElementById("none").hidden=false;return}` +
	`var i=document.getElementById("fragment");i.value=f;i.form.submit()})();`

// postScript submits the only form of its page.
const postScript = `"use strict";document.getElementById("post").submit();`

func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// A form goes to the address of its page, which is written nowhere: a path may begin with
// two slashes. form-action is left out: browsers apply it to the redirects that follow a form, and
// those may lead to the provider. The pages hold no text of others that is not escaped.
var (
	pagePolicy     = "default-src 'none'; style-src " + sourceHash(pageStyle) + "; base-uri 'none'; frame-ancestors 'none'"
	fragmentPolicy = pagePolicy + "; script-src " + sourceHash(fragmentScript)
	postPolicy     = pagePolicy + "; script-src " + sourceHash(postScript)
	// The session page is for frames of our own pages.
	sessionPolicy = "default-src 'none'; script-src " + sourceHash(sessionScript) + "; base-uri 'none'; frame-ancestors 'self'"
)

var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<title>{{.}}</title><style>` + pageStyle + `</style></head><body><main>
{{end}}
{{define "problem"}}{{template "head" .Title}}<h1>{{.Title}}</h1>
<p id="what">{{.What}}</p>
<p id="advice">{{.Advice}}</p>
{{with .Retry}}<p><a id="retry" href="{{.}}">Start again</a></p>
{{end}}<details><summary>For the operator</summary><dl>
{{with .Reference}}<dt>Reference</dt><dd id="reference"><code>{{.}}</code></dd>
{{end}}{{with .Rule}}<dt>Rule</dt><dd id="rule"><code>{{.}}</code></dd>
{{end}}{{with .Spec}}<dt>Specification</dt><dd id="spec">{{.}}</dd>
{{end}}{{with .Code}}<dt>The service declared</dt><dd id="code"><code>{{.}}</code></dd>
{{end}}{{with .Description}}<dt>and said</dt><dd id="description">“{{.}}”</dd>
{{end}}{{with .Step}}<dt>Step</dt><dd id="step"><code>{{.}}</code></dd>
{{end}}{{with .Issuer}}<dt>Sign-in service</dt><dd id="issuer"><code>{{.}}</code></dd>
{{end}}</dl></details></main></body></html>
{{end}}
{{define "fragment"}}{{template "head" "One moment"}}<form id="move" method="post" action=""><input type="hidden" id="fragment" name="fragment"></form>
<p>Signing you in…</p>
<p id="none" hidden>There is nothing to sign in with at this address. Go back to the application and start from there.</p>
<noscript><p>This way of signing in needs JavaScript. Allow it for this site and load the page again.</p></noscript>
<script>` + fragmentScript + `</script></main></body></html>
{{end}}
{{define "logout"}}{{template "head" "Sign out"}}<h1>Sign out?</h1>
<form id="logout" method="post" action=""><button>Sign out</button></form></main></body></html>
{{end}}
{{define "post"}}{{template "head" "One moment"}}<form id="post" method="post" action="{{.Address}}">
{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{end}}<button>Continue</button></form>
<script>` + postScript + `</script></main></body></html>
{{end}}
{{define "session"}}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Session</title></head><body>
<iframe id="provider" title="Session at the sign-in service" data-address="{{.Address}}" data-origin="{{.Origin}}" data-message="{{.Message}}" data-silent="{{.Silent}}"></iframe>
<form id="changed" method="post" action="" target="_top"><input type="hidden" name="status" value="changed"><input type="hidden" id="return_to" name="return_to" value=""></form>
<script>` + sessionScript + `</script></body></html>
{{end}}
{{define "choose"}}{{template "head" "Sign in"}}<h1>Sign in</h1>
{{if .Issuers}}<ul>
{{range .Issuers}}<li><a href="{{.Address}}">{{.Name}}</a></li>
{{end}}</ul>
{{end}}{{if .Named}}<form id="choose" method="get" action=""><label for="identifier">Your address at a sign-in service</label>
<input type="text" id="identifier" name="identifier" autocomplete="username" autocapitalize="none" spellcheck="false">
{{with .Target}}<input type="hidden" name="return_to" value="{{.}}">
{{end}}<button>Continue</button></form>
{{end}}</main></body></html>
{{end}}
`))

// secureHeader sets what every answer of this package has: it is not stored, tells no
// referrer, and is not guessed at.
func secureHeader(h http.Header) {
	h["Cache-Control"], h["Referrer-Policy"], h["X-Content-Type-Options"] = noStore, noReferrer, noSniff
}

// The values of secureHeader are shared by all answers: what is added goes into a copy.
var noStore, noReferrer, noSniff = []string{"no-store"}, []string{"no-referrer"}, []string{"nosniff"}

func showPage(w http.ResponseWriter, status int, policy, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	secureHeader(h)
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func showProblem(w http.ResponseWriter, q *Problem) {
	showPage(w, q.Status, pagePolicy, "problem", q)
}

// seeOther sends the browser on. Unlike http.Redirect it writes no body that repeats
// the address, which may hold what others should not read.
func seeOther(w http.ResponseWriter, target string) {
	h := w.Header()
	secureHeader(h)
	h.Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}

// sendOn sends the browser where a front-channel request goes: by a redirect, or with a
// form if that is too long for an address.
func sendOn(w http.ResponseWriter, req *service.Request) {
	if req.Method != http.MethodPost {
		seeOther(w, req.URL)
		return
	}
	type field struct{ Name, Value string }
	data := struct {
		Address string
		Fields  []field
	}{Address: req.URL}
	values, err := url.ParseQuery(string(req.Body))
	if err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			data.Fields = append(data.Fields, field{name, value})
		}
	}
	showPage(w, http.StatusOK, postPolicy, "post", data)
}

// loginAddress is where a login can be started again.
func loginAddress(path, issuer, target string, many bool) string {
	query := url.Values{}
	if many && issuer != "" {
		query.Set("iss", issuer)
	}
	if target != "" {
		query.Set("return_to", target)
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
