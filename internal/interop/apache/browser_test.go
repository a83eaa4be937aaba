package apache

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/oidcservice/oidc/op/optest"
)

// A browser is Chromium with an empty profile.
type browser struct{ context.Context }

// startBrowser runs Chromium, which trusts the certificate whose key has this hash.
func startBrowser(t *testing.T, certificate string) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		missing(t, "chromium is not installed")
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(program),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless,
		chromedp.NoSandbox, // it cannot be had as root
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP "+partyHost+" 127.0.0.1"),
		chromedp.Flag("ignore-certificate-errors-spki-list", certificate),
	)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closeTab()
		cancel()
	})
	// The first run starts the process, which lives as long as its context.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return &browser{ctx}
}

// do runs actions and shows the page on which one of them did not come to its end.
func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatalf("%v at %s:\n%s", err, b.at(t), b.read(t, chromedp.OuterHTML(chromedp.CSS("html"))))
	}
}

// read returns the value of an action.
func (b *browser) read(t *testing.T, action chromedp.Action[string]) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, 10*time.Second)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// at returns the address of the page.
func (b *browser) at(t *testing.T) string {
	t.Helper()
	return b.read(t, chromedp.Location())
}

// visit opens an address and waits for an element of the page that it leads to.
func (b *browser) visit(t *testing.T, address, element string) {
	t.Helper()
	b.do(t, chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS(element)))
}

// press presses a button and waits for an element of the page that it leads to.
func (b *browser) press(t *testing.T, button, element string) {
	t.Helper()
	b.do(t, chromedp.Click(chromedp.CSS(button)), chromedp.WaitReady(chromedp.CSS(element)))
}

// loaded waits until the page and its frames are loaded.
func (b *browser) loaded(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, 30*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("document.readyState === 'complete'")); err != nil {
		t.Fatal(err)
	}
}

// logIn fills in the login page and the consent page.
func (b *browser) logIn(t *testing.T, then string) {
	t.Helper()
	b.do(t,
		chromedp.SendKeys(chromedp.CSS("#username"), optest.Username),
		chromedp.SendKeys(chromedp.CSS("#password"), optest.Password))
	b.press(t, "#login #submit", "#consent")
	b.press(t, "#consent #submit", then)
}
