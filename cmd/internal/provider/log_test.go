package provider

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// written is a writer that tells what it was given.
type written struct {
	mu    sync.Mutex
	calls []string
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, string(bytes.Clone(b)))
	return len(b), nil
}

func (w *written) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

func (w *written) text() string { return strings.Join(w.list(), "") }

func logInto(to io.Writer) (*Log, *slog.Logger) {
	log := NewLog(to)
	return log, slog.New(log.Handler(slog.NewTextHandler(log, nil))).With("a", 1).WithGroup("g")
}

func TestLogHoldsLinesBack(t *testing.T) {
	var w written
	log, logger := logInto(&w)
	logger.Info("one")
	logger.Info("two")
	if got := w.list(); len(got) != 0 {
		t.Errorf("written at once: %q", got)
	}
	logger.Warn("three")
	if got := w.list(); len(got) != 1 || strings.Count(got[0], "\n") != 3 || !strings.Contains(got[0], "msg=three a=1") {
		t.Errorf("with a warning: %q", got)
	}
	logger.Info("four")
	for began := time.Now(); !strings.Contains(w.text(), "four"); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("a line is held back for ever")
		}
	}
	logger.Info("five")
	if err := log.Flush(); err != nil || !strings.Contains(w.text(), "five") {
		t.Errorf("flushed: %q, %v", w.text(), err)
	}
}

func TestLogIsBounded(t *testing.T) {
	var w written
	log, logger := logInto(&w)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 1000 {
				logger.Info(strings.Repeat("x", 100))
			}
		})
	}
	group.Wait()
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, call := range w.list() {
		if len(call) > logRoom+200 {
			t.Errorf("%d bytes were held back", len(call))
		}
	}
	if n := strings.Count(w.text(), "\n"); n != 4000 {
		t.Errorf("%d lines, not 4000", n)
	}
}
