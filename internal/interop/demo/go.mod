module github.com/oidcservice/oidc/internal/interop/demo

go 1.26.0

require (
	github.com/chromedp/chromedp v0.22.1 // drives Chromium
	github.com/oidcservice/oidc/internal/interop/browser v0.0.0
)

require (
	github.com/chromedp/cdproto v0.159.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
)

replace (
	github.com/oidcservice/oidc => ../../..
	github.com/oidcservice/oidc/internal/interop/browser => ../browser
)
