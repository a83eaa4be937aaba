package conversation

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// A Script is a conversation in YAML: the settings of the command line, the steps
// to run, and what each must be like. With answers in it, nothing is sent: the
// answers are what comes back.
type Script struct {
	Title    string                   `yaml:"title"`
	About    string                   `yaml:"about"`
	Clock    int64                    `yaml:"clock"`  // seconds; 0 is the real clock
	Random   string                   `yaml:"random"` // a seed; "" is real randomness
	Settings map[string]yaml.Node     `yaml:"settings"`
	Steps    []ScriptStep             `yaml:"steps"`
	Expect   ScriptExpectation        `yaml:"expect"`
	decoded  map[string]ScriptSetting // of Settings
}

// A ScriptSetting is the values of one flag.
type ScriptSetting []string

// A ScriptStep is one step of a Script.
type ScriptStep struct {
	Service  string         `yaml:"service"`
	Request  *ScriptRequest `yaml:"request"`
	Answer   *ScriptAnswer  `yaml:"answer"`
	Callback *string        `yaml:"callback"` // what the browser brings, undecoded
	Mode     string         `yaml:"mode"`     // of the callback: query if empty
	Expect   *ScriptStepEnd `yaml:"expect"`
}

// A ScriptRequest is what a request must be like. URLs and forms are compared as
// sets of parameters, JSON by its values, and of the header only what is named.
type ScriptRequest struct {
	Method string            `yaml:"method"`
	URL    string            `yaml:"url"`
	Header map[string]string `yaml:"header"`
	Body   string            `yaml:"body"`
	Ignore []string          `yaml:"ignore"` // parameters that may be anything
}

// A ScriptAnswer is what comes back.
type ScriptAnswer struct {
	Status int               `yaml:"status"`
	Header map[string]string `yaml:"header"`
	Body   string            `yaml:"body"`
}

// A ScriptStepEnd is what a step must come to.
type ScriptStepEnd struct {
	Status  int               `yaml:"status"`
	Body    string            `yaml:"body"` // JSON members that the answer must have
	Changed []string          `yaml:"changed"`
	Checks  map[string]string `yaml:"checks"` // rule to verdict
}

// A ScriptExpectation is what the whole must come to: outcome ok if it says
// nothing.
type ScriptExpectation struct {
	Outcome     string   `yaml:"outcome"`
	FailedStep  string   `yaml:"failed_step"`
	Rule        string   `yaml:"rule"`
	Code        string   `yaml:"code"`
	StateRecord []string `yaml:"state_record"`
	IDToken     string   `yaml:"id_token"` // JSON members
	UserInfo    string   `yaml:"userinfo"` // JSON members
}

// ParseScript reads a script. Unknown members are errors.
func ParseScript(data []byte) (*Script, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	s := new(Script)
	if err := d.Decode(s); err != nil {
		return nil, fault("script", "%v", err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fault("script", "more than one document")
	}
	s.decoded = map[string]ScriptSetting{}
	for name, node := range s.Settings {
		values, err := settingValues(&node)
		if err != nil {
			return nil, fault("script", "settings: %s: %v", name, err)
		}
		s.decoded[strings.ReplaceAll(name, "_", "-")] = values
	}
	for i, step := range s.Steps {
		if step.Service == "" {
			return nil, fault("script", "step %d names no service", i+1)
		}
		if !slices.ContainsFunc(factory.Names(), func(n factory.Name) bool { return n.Service == step.Service }) {
			return nil, fault("script", "step %d: unknown service %q", i+1, step.Service)
		}
	}
	return s, nil
}

// Flags returns the script's settings by the names of the flags.
func (s *Script) Flags() map[string]ScriptSetting { return s.decoded }

func settingValues(n *yaml.Node) (ScriptSetting, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return ScriptSetting{n.Value}, nil
	case yaml.SequenceNode:
		var all ScriptSetting
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, errors.New("want a list of values")
			}
			all = append(all, item.Value)
		}
		return all, nil
	}
	return nil, errors.New("want a value or a list of values")
}

// errScript reports that a conversation went another way than the script says.
var errScript = errors.New("the script")

// offline tells whether the script brings its own answers.
func (s *Script) offline() bool {
	return slices.ContainsFunc(s.Steps, func(step ScriptStep) bool { return step.Answer != nil || step.Callback != nil })
}

// scripted answers with what the script says.
type scripted struct {
	script  *Script
	at      int
	inbound service.Inbound
	given   bool
	c       *conversation
}

func (p *scripted) send(_ context.Context, r *service.Request) (*service.Response, error) {
	p.given = false
	if p.at >= len(p.script.Steps) {
		return nil, fmt.Errorf("%w: %s is asked for, and there are no more answers", errScript, r.Service)
	}
	step := &p.script.Steps[p.at]
	p.at++
	switch {
	case step.Service != r.Service:
		return nil, fmt.Errorf("%w: step %d: %s is asked for, and the answer is for %s", errScript, p.at, r.Service, step.Service)
	case step.Callback != nil:
		stop, _ := stopOf(r.Message())
		in := service.Inbound{Mode: message.ResponseMode(step.Mode), Method: http.MethodGet, Raw: *step.Callback, RedirectURI: stop, Binding: p.c.binding}
		if in.Mode == "" {
			in.Mode = message.ResponseModeQuery
		}
		if in.Mode == message.ResponseModeFormPost {
			in.Method, in.ContentType = http.MethodPost, "application/x-www-form-urlencoded"
		}
		p.inbound, p.given = in, true
		return service.ParseCallback(in), nil
	case step.Answer == nil:
		return nil, fmt.Errorf("%w: step %d (%s) has no answer", errScript, p.at, r.Service)
	}
	header := map[string][]string{}
	for name, value := range step.Answer.Header {
		header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	return r.Answer(step.Answer.Status, header, []byte(step.Answer.Body)), nil
}

// RunScript runs a script with settings that the caller made from its flags.
func RunScript(ctx context.Context, script *Script, s Settings, io IO, record Record) *report.Report {
	c := &conversation{settings: &s, report: &report.Report{Title: script.Title, Issuer: s.Issuer}}
	if err := c.openScript(ctx, script, io); err != nil {
		c.fail(ctx, err)
		return c.report
	}
	defer c.world.shut()
	c.start(ctx, record)
	judge(script, c.report)
	return c.report
}

func (c *conversation) openScript(ctx context.Context, script *Script, io IO) error {
	if !script.offline() {
		if err := c.open(ctx, io); err != nil {
			return err
		}
	} else {
		if err := c.settings.check(); err != nil {
			return err
		}
		if err := c.settings.complete(); err != nil {
			return err
		}
		answers := &scripted{script: script, c: c}
		c.world = &world{
			now: time.Now, rand: rand.Reader, send: answers.send, narrate: io.Narrate,
			inbound: func(*service.Request) (service.Inbound, bool) { return answers.inbound, answers.given },
		}
	}
	if script.Clock != 0 {
		fixed := time.Unix(script.Clock, 0).UTC()
		c.world.now = func() time.Time { return fixed }
	}
	if script.Random != "" {
		c.world.rand = &seeded{seed: sha256.Sum256([]byte(script.Random))}
	}
	return nil
}

// seeded is a source of bytes that look random and are the same each time. It is
// for scripts whose output is compared, and for nothing else.
type seeded struct {
	seed  [32]byte
	count uint64
	rest  []byte
}

func (s *seeded) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if len(s.rest) == 0 {
			block := sha256.Sum256(binary.BigEndian.AppendUint64(s.seed[:], s.count))
			s.count++
			s.rest = block[:]
		}
		m := copy(p[n:], s.rest)
		s.rest = s.rest[m:]
		n += m
	}
	return len(p), nil
}
