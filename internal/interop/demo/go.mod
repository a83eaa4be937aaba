module github.com/oidcservice/oidc/internal/interop/demo

go 1.26.0

require (
	github.com/chromedp/cdproto v0.159.0 // what Chromium reports of its console and its policies
	github.com/chromedp/chromedp v0.22.1 // drives Chromium
)

require github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
