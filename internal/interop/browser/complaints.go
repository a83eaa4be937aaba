package browser

import (
	"fmt"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// complaints are what the browser has to say about the pages: it fails the test.
type complaints struct {
	mu  sync.Mutex
	all []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

func (c *complaints) report(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range c.all {
		t.Errorf("the browser complains: %s", text)
	}
}

// listen starts the tab and hears what it says of its console and its policies.
func (b *Browser) listen(t *testing.T) {
	t.Helper()
	err := chromedp.Listen(b, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.complaints.add("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
				b.complaints.add("console: %v", e.Args)
			}
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && b.config.Ours(e.Entry.URL) {
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
