package browser

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Config says what a browser is to know of the sites that it will visit.
type Config struct {
	// Trust lists certificates whose keys are trusted, whatever names they are for.
	Trust []*x509.Certificate
	// Hosts are names that resolve to 127.0.0.1, with any port.
	Hosts []string
	// Ours tells the addresses whose errors and broken policies fail the test; nil for none.
	// An error without an address has the address "".
	Ours func(address string) bool
	// Flags are further flags of Chromium, by name: a string, or true.
	Flags map[string]any
}

// A Browser is a tab of Chromium.
type Browser struct {
	context.Context
	config     Config
	complaints *complaints
}

// Missing ends a test that lacks a program: a skip for people, a failure where the
// environment promises the program.
func Missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Start runs Chromium with an empty profile until the test ends.
func Start(t *testing.T, c Config) *Browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		Missing(t, "chromium is not installed")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless,
		chromedp.NoSandbox, // it cannot be had as root
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.WindowSize(1400, 1000),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("ignore-certificate-errors-spki-list", keyHashes(c.Trust)),
	}
	var rules []string
	for _, host := range c.Hosts {
		rules = append(rules, "MAP "+host+" 127.0.0.1")
	}
	if rules != nil {
		options = append(options, chromedp.Flag("host-resolver-rules", strings.Join(rules, ", ")))
	}
	for name, value := range c.Flags {
		options = append(options, chromedp.Flag(name, value))
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	b := &Browser{config: c, complaints: new(complaints)}
	var closeTab context.CancelFunc
	b.Context, closeTab = chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closeTab()
		b.complaints.report(t)
	})
	b.open(t)
	return b
}

// keyHashes are those of the certificates, as the browser wants them.
func keyHashes(trust []*x509.Certificate) string {
	var hashes []string
	for _, certificate := range trust {
		sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
		hashes = append(hashes, base64.StdEncoding.EncodeToString(sum[:]))
	}
	return strings.Join(hashes, ",")
}

// Tab opens another tab of the same browser.
func (b *Browser) Tab(t *testing.T) *Browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b)
	t.Cleanup(cancel)
	other := &Browser{ctx, b.config, b.complaints}
	other.open(t)
	return other
}

// open starts the tab, which lives as long as its context.
func (b *Browser) open(t *testing.T) {
	t.Helper()
	if b.config.Ours != nil {
		b.listen(t)
		return
	}
	if err := chromedp.Do(b); err != nil {
		t.Fatal(err)
	}
}

// Do runs actions, and shows the page on which one of them did not come to its end.
func (b *Browser) Do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatalf("%v at %s:\n%s", err, b.At(t), b.Read(t, chromedp.Evaluate[string]("document.body.innerText")))
	}
}

// Read returns the value of an action.
func (b *Browser) Read(t *testing.T, action chromedp.Action[string]) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, 10*time.Second)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Text is that of an element, as far as it can be seen. The page is asked in one go: a node
// that was looked up before can be gone.
func (b *Browser) Text(t *testing.T, element string) string {
	t.Helper()
	b.Do(t, chromedp.WaitReady(chromedp.CSS(element)))
	return strings.TrimSpace(b.Read(t, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).innerText", element))))
}

// At returns the address of the page.
func (b *Browser) At(t *testing.T) string {
	t.Helper()
	return b.Read(t, chromedp.Location())
}

// Visit opens an address and waits for an element of the page that it leads to.
func (b *Browser) Visit(t *testing.T, address, element string) {
	t.Helper()
	b.Do(t, chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS(element)))
}

// Press presses a button and waits for an element of the next page, which may look like
// this one.
func (b *Browser) Press(t *testing.T, button, element string) {
	t.Helper()
	b.Read(t, chromedp.Evaluate[string](`document.documentElement.className = "left"`))
	b.Do(t, chromedp.Click(chromedp.CSS(button)), chromedp.WaitReady(chromedp.CSS("html:not(.left) "+element)))
}

// Type writes into a field.
func (b *Browser) Type(t *testing.T, field, text string) {
	t.Helper()
	b.Do(t, chromedp.SendKeys(chromedp.CSS(field), text))
}

// WithoutScripts keeps the pages of the tab from running scripts of their own.
func (b *Browser) WithoutScripts(t *testing.T) {
	t.Helper()
	if _, err := chromedp.Call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
}

// Loaded waits until the page and its frames are loaded. It asks from outside: a page
// without scripts has no timers that could tell.
func (b *Browser) Loaded(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); b.Read(t, chromedp.Evaluate[string]("document.readyState")) != "complete"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not load", b.At(t))
		}
	}
}

// Photograph takes a picture of the page in light and in dark, into a folder.
func (b *Browser) Photograph(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		if _, err := chromedp.Call(b, emulation.SetEmulatedMedia, params); err != nil {
			t.Fatal(err)
		}
		picture, err := chromedp.Run(b, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s.png", name, scheme)), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
