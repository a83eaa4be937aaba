package demo

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// A diagram is a sequence diagram: the speakers, and one arrow for each message.
type diagram struct {
	Width, Height int
	Bottom        int // of the lines of life
	Lanes         []laneView
	Arrows        []arrow
	Description   string
}

// A laneView is one who speaks.
type laneView struct {
	X    int
	Left int // of the box with the name
	Name string
}

// An arrow is a message, or a verdict beside the one who judged.
type arrow struct {
	Step         int
	Y, From, To  int
	Head         string // the points of its tip
	TextX, TextY int
	Anchor       string
	Text         string
	Kind         string // request, answer, passed, failed, broken
	Dashed       bool
	BoxX, BoxW   int
}

// Measures of the diagram in its own units.
const (
	diagramWidth = 640
	laneMargin   = 70
	laneTop      = 44
	rowHeight    = 30
	boxHalf      = 55
	letterWidth  = 6
)

// draw lays out the diagram of steps.
func draw(steps []*stepView) *diagram {
	names := []lane{browser, application, provider}
	for _, extra := range []lane{protectedAPI, outside, somebody} {
		if slices.ContainsFunc(steps, func(s *stepView) bool { return s.From == extra || s.To == extra }) {
			names = append(names, extra)
		}
	}
	d := &diagram{Width: diagramWidth}
	x := map[lane]int{}
	for i, name := range names {
		x[name] = laneMargin + i*(diagramWidth-2*laneMargin)/(len(names)-1)
		d.Lanes = append(d.Lanes, laneView{X: x[name], Left: x[name] - boxHalf, Name: string(name)})
	}
	p := &pen{d: d, x: x, y: laneTop + rowHeight}
	var open []*stepView // those whose answer is still to come
	for _, s := range steps {
		if p.step(s); s.Last > s.Number {
			open = append(open, s)
		} else {
			p.end(s)
		}
		for len(open) > 0 && open[len(open)-1].Last <= s.Number {
			p.end(open[len(open)-1])
			open = open[:len(open)-1]
		}
	}
	for _, s := range slices.Backward(open) {
		p.end(s)
	}
	d.Bottom = p.y
	d.Height = p.y + 8
	var spoken []string
	for _, a := range d.Arrows {
		if a.Kind != "passed" {
			spoken = append(spoken, fmt.Sprintf("step %d: %s", a.Step, a.Text))
		}
	}
	d.Description = "No message yet."
	if len(spoken) > 0 {
		d.Description = strings.Join(spoken, "; ") + "."
	}
	return d
}

// A pen draws row after row.
type pen struct {
	d *diagram
	x map[lane]int
	y int
}

// step draws the messages of a step up to the answer of a back-channel request.
func (p *pen) step(s *stepView) {
	switch {
	case s.Inbound && s.Request == "":
		p.message(s, s.From, s.To, brought(s), false)
	case s.Inbound:
		p.message(s, s.From, s.To, s.Name, false)
	case s.Front:
		p.message(s, application, browser, "303 to the provider", true)
		p.message(s, browser, provider, s.Name, false)
		if s.Early {
			p.note(s, browser, s.Mark, "broken")
		}
		if s.Response != "" {
			p.message(s, provider, browser, "sends the user back", true)
			p.message(s, browser, application, brought(s), false)
		}
	case s.From != s.To:
		p.message(s, s.From, s.To, s.Name+" "+pathOf(s.Address), false)
	}
}

// end draws the answer and the verdict.
func (p *pen) end(s *stepView) {
	judge := s.From
	switch {
	case s.Inbound:
		if judge = s.To; s.Request != "" && s.Response != "" {
			p.message(s, s.To, s.From, fmt.Sprint(s.Status), true)
		}
	case s.Front:
		judge = application
	case s.From != s.To && s.Response != "":
		p.message(s, s.To, s.From, fmt.Sprint(s.Status), true)
	}
	if s.Broken != "" && !s.Early {
		p.note(s, judge, s.Mark, "broken")
	}
	switch {
	case s.Failed != "":
		p.note(s, judge, "✗ "+s.Failed, "failed")
	case s.Err != "":
		p.note(s, judge, "✗ "+cmp.Or(s.Declared, "refused"), "failed")
	case s.Passed > 0:
		p.note(s, judge, "✓ "+counted(s.Passed), "passed")
	}
}

func (p *pen) message(s *stepView, from, to lane, text string, answer bool) {
	a := arrow{Step: s.Number, Y: p.y, From: p.x[from], To: p.x[to], Text: text, Kind: "request", Dashed: answer, Anchor: "middle"}
	if answer {
		a.Kind = "answer"
	}
	tip := 7
	if a.To < a.From {
		tip = -tip
	}
	a.Head = fmt.Sprintf("%d,%d %d,%d %d,%d", a.To, a.Y, a.To-tip, a.Y-4, a.To-tip, a.Y+4)
	a.TextX, a.TextY = (a.From+a.To)/2, a.Y-6
	a.Text = clipped(text, (max(a.To, a.From)-min(a.To, a.From))/letterWidth-2)
	p.d.Arrows = append(p.d.Arrows, a)
	p.y += rowHeight
}

// note writes a verdict on somebody's line.
func (p *pen) note(s *stepView, at lane, text, kind string) {
	width := len([]rune(text))*letterWidth + 16
	if kind == "failed" {
		width += len([]rune(text)) // it is bold
	}
	x := min(max(p.x[at], width/2+4), diagramWidth-width/2-4)
	p.d.Arrows = append(p.d.Arrows, arrow{
		Step: s.Number, Y: p.y - 22, TextX: x, TextY: p.y - 9, Anchor: "middle", Text: text, Kind: kind, BoxX: x - width/2, BoxW: width,
	})
	p.y += rowHeight - 4
}

// brought says by which way the callback came.
func brought(s *stepView) string {
	switch {
	case s.Name == "end_session":
		return "is back"
	case strings.Contains(s.Response, "#\n"):
		return "callback (fragment)"
	case strings.Contains(s.Response, "Location:"):
		return "callback"
	}
	return "callback (form_post)"
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

// clipped cuts a text that has no room.
func clipped(text string, room int) string {
	letters := []rune(text)
	if len(letters) <= room || room < 4 {
		return text
	}
	return string(letters[:room-1]) + "…"
}
