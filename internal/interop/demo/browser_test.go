package demo

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A browser is a tab of Chromium. What its console and its policies complain of fails the test.
type browser struct {
	context.Context
	site       *site
	complaints *complaints
}

// complaints are what the browser has to say about the pages.
type complaints struct {
	mu  sync.Mutex
	all []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

// startBrowser runs Chromium with an empty profile, which trusts the certificates of a site.
func startBrowser(t *testing.T, s *site) *browser {
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
		chromedp.WindowSize(1400, 1000),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("ignore-certificate-errors-spki-list", keyHashes(t, s.ca)),
	)
	t.Cleanup(cancel)
	b := &browser{site: s, complaints: new(complaints)}
	var closeTab context.CancelFunc
	b.Context, closeTab = chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closeTab()
		for _, text := range b.complaints.all {
			t.Errorf("the browser complains: %s", text)
		}
	})
	b.open(t)
	return b
}

// tab opens another tab of the same browser.
func (b *browser) tab(t *testing.T) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b)
	t.Cleanup(cancel)
	other := &browser{ctx, b.site, b.complaints}
	other.open(t)
	return other
}

// open starts the tab and listens to what it has to say.
func (b *browser) open(t *testing.T) {
	t.Helper()
	// The first call starts the tab, which lives as long as its context.
	err := chromedp.Listen(b, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.complaints.add("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
				b.complaints.add("console: %v", e.Args)
			}
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && b.site.serves(e.Entry.URL) {
				b.complaints.add("log: %s %v", e.Entry.Text, e.Entry.URL)
			}
		case *audits.EventIssueAdded:
			if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
				b.complaints.add("policy: %+v", e.Issue.Details.ContentSecurityPolicyIssueDetails)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{audits.Enable, log.Enable, runtime.Enable} {
		if _, err := chromedp.Call(b, enable, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
}

// keyHashes are those of the certificates in a file, as the browser wants them.
func keyHashes(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var hashes []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
		hashes = append(hashes, base64.StdEncoding.EncodeToString(sum[:]))
	}
	return strings.Join(hashes, ",")
}

// do runs actions and shows the page on which one of them did not come to its end.
func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatalf("%v at %s:\n%s", err, b.read(t, chromedp.Location()), b.read(t, chromedp.Text(chromedp.CSS("body"))))
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

// text is that of an element.
func (b *browser) text(t *testing.T, element string) string {
	t.Helper()
	return strings.TrimSpace(b.read(t, chromedp.Text(chromedp.CSS(element))))
}

// visit opens an address and waits for an element of the page that it leads to.
func (b *browser) visit(t *testing.T, address, element string) {
	t.Helper()
	b.do(t, chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS(element)))
}

// press presses a button and waits for an element of the next page, which may look like
// this one.
func (b *browser) press(t *testing.T, button, element string) {
	t.Helper()
	b.read(t, chromedp.Evaluate[string](`document.documentElement.className = "left"`))
	b.do(t, chromedp.Click(chromedp.CSS(button)), chromedp.WaitReady(chromedp.CSS("html:not(.left) "+element)))
}

// photograph takes a picture of the page in light and in dark, where a folder for pictures
// is named.
func (b *browser) photograph(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("DEMO_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
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
		if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
