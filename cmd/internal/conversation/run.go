package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/service/transcript"
)

// A Record is where a run keeps its transcript: nil keeps none.
type Record func(*transcript.Transcript) error

// Run has the conversation that s describes, with a provider out there or, when s
// names none, with one in this process. The report is never nil.
func Run(ctx context.Context, s Settings, io IO, record Record) *report.Report {
	c := &conversation{settings: &s, report: &report.Report{Issuer: s.Issuer}}
	if err := c.open(ctx, io); err != nil {
		c.fail(ctx, err)
		return c.report
	}
	defer c.world.shut()
	c.start(ctx, record)
	return c.report
}

// start runs the conversation and keeps its transcript.
func (c *conversation) start(ctx context.Context, record Record) {
	if record == nil {
		c.run(ctx)
		return
	}
	c.recorder = transcript.NewRecorder(c.world.now, c.world.rand)
	c.run(ctx)
	c.keep(record)
}

// open checks the settings and opens store and world.
func (c *conversation) open(ctx context.Context, io IO) error {
	s := c.settings
	if err := s.check(); err != nil {
		return err
	}
	store, closeStore, err := s.openStore(ctx, io.Err)
	if err != nil {
		return err
	}
	c.store = store
	if s.Resume != "" {
		if store == nil {
			closeStore()
			return fault("resume", "a login is resumed from a --store that outlives the process that began it")
		}
		h, err := loadHandover(ctx, store, s.Resume)
		if err != nil {
			closeStore()
			return err
		}
		if err := s.adopt(h); err != nil {
			closeStore()
			return err
		}
		c.report.Issuer = s.Issuer
	}
	if s.Issuer == "" && s.Resource == "" {
		s.Embedded = true
	}
	if s.UserAgent == "" {
		s.UserAgent = Headless
	}
	if err := s.complete(); err != nil {
		closeStore()
		return err
	}
	c.report.Embedded = s.Embedded
	if s.Embedded {
		if s.RequestMethod == "request_uri" && s.RequestURIBase == "" {
			s.RequestURIBase = defaultRequestURIBase
		}
		c.world, err = embedded(s, io)
	} else {
		c.world, err = network(s, io, &world{})
	}
	if err != nil {
		closeStore()
		return err
	}
	c.world.close = append(c.world.close, closeStore)
	return nil
}

// adopt takes over the settings of the run that began a login; those that say how
// this run behaves are its own.
func (s *Settings) adopt(h *handover) error {
	own := *s
	*s = h.Settings
	if own.Issuer != "" && own.Issuer != s.Issuer && s.Issuer != "" {
		return fault("issuer", "the login was begun at %s", s.Issuer)
	}
	if s.Embedded {
		return fault("resume", "the login was begun at a provider inside a process that is gone: start again")
	}
	s.Resume, s.Until, s.Store, s.StoreKeyFile, s.Form = own.Resume, own.Until, own.Store, own.StoreKeyFile, own.Form
	s.UserAgent, s.Timeout, s.Deadline = own.UserAgent, own.Timeout, own.Deadline
	s.CAFile, s.TLSCert, s.TLSKey = own.CAFile, own.TLSCert, own.TLSKey
	s.InsecureAllowHTTP = s.InsecureAllowHTTP || own.InsecureAllowHTTP
	s.InsecureAllowPrivate = s.InsecureAllowPrivate || own.InsecureAllowPrivate
	s.Refresh, s.Logout = s.Refresh || own.Refresh, s.Logout || own.Logout
	if own.UserInfoAsked {
		s.UserInfo, s.UserInfoAsked = own.UserInfo, true
	}
	s.Logins = 1
	return nil
}

// keep writes the transcript.
func (c *conversation) keep(record Record) {
	settings, err := json.Marshal(c.settings)
	if err == nil {
		err = record(c.recorder.Transcript(settings))
	}
	if err != nil && c.report.Problem == nil {
		c.report.Problem = &report.Problem{Kind: report.Config, Param: "record", Message: err.Error()}
	}
}

// Replay runs a recorded conversation again, with no network, and says what
// differed.
func Replay(ctx context.Context, t *transcript.Transcript, io IO) (*report.Report, []transcript.Difference, error) {
	var s Settings
	if err := json.Unmarshal(t.Settings, &s); err != nil {
		return nil, nil, fmt.Errorf("%w: the recording's settings: %w", ErrSettings, err)
	}
	s.Store, s.StoreKeyFile, s.Resume = "", "", ""
	player := transcript.NewPlayer(t)
	c := &conversation{
		settings: &s,
		report:   &report.Report{Issuer: s.Issuer, Embedded: s.Embedded},
		world: &world{
			now: player.Now, rand: player, send: player.Send, narrate: io.Narrate,
			inbound: func(*service.Request) (service.Inbound, bool) { return player.Callback() },
		},
	}
	s.Deadline = time.Minute
	c.run(ctx)
	return c.report, player.Differences(), nil
}
