// Package demo holds the tests of "oidc demo" in a browser: Chromium, driven by chromedp,
// goes through the demonstration as a person would, with the provider inside it and with
// npm's oidc-provider. It exports nothing.
//
// DEMO_SCREENSHOTS names a folder for pictures of the pages.
package demo
