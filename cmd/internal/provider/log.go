package provider

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Limits of what a Log holds back.
const (
	logDelay = 100 * time.Millisecond
	logRoom  = 64 << 10 // bytes
)

// A Log holds lines back for a moment, and writes many at once: a line for each request is
// otherwise among the dearest things that a request has. What is a warning or worse is
// written at once, with all that came before it.
type Log struct {
	to io.Writer

	mu    sync.Mutex
	lines []byte
	due   bool // somebody will flush
}

// NewLog makes a Log that writes to a writer. Flush must be called at the end.
func NewLog(to io.Writer) *Log { return &Log{to: to} }

// Handler has a handler that writes into the Log write what matters at once.
func (l *Log) Handler(h slog.Handler) slog.Handler { return urgent{h, l} }

// Write implements io.Writer.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line...)
	if len(l.lines) >= logRoom {
		return len(line), l.flush()
	}
	if !l.due {
		l.due = true
		time.AfterFunc(logDelay, func() { _ = l.Flush() })
	}
	return len(line), nil
}

// Flush writes what was held back.
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = false
	return l.flush()
}

func (l *Log) flush() error {
	if len(l.lines) == 0 {
		return nil
	}
	_, err := l.to.Write(l.lines)
	l.lines = l.lines[:0]
	return err
}

// urgent is a slog.Handler that flushes what is a warning or worse.
type urgent struct {
	slog.Handler
	log *Log
}

// Handle implements slog.Handler.
func (u urgent) Handle(ctx context.Context, r slog.Record) error {
	err := u.Handler.Handle(ctx, r)
	if r.Level < slog.LevelWarn || err != nil {
		return err
	}
	return u.log.Flush()
}

// WithAttrs implements slog.Handler.
func (u urgent) WithAttrs(attrs []slog.Attr) slog.Handler {
	return urgent{u.Handler.WithAttrs(attrs), u.log}
}

// WithGroup implements slog.Handler.
func (u urgent) WithGroup(name string) slog.Handler { return urgent{u.Handler.WithGroup(name), u.log} }
