package service

import "github.com/oidcservice/oidc/message"

// A Description is what a service's definition says about it, for lists and
// documentation.
type Description struct {
	Name     string   // of the service
	Channel  Channel  // how its request travels
	Method   string   // the HTTP method
	Request  Encoding // the encoding of the request
	Response Encoding // the encoding of the answer
	Proof    Proof    // how the request shows who sends it
	Login    bool     // the step belongs to a login that the callback has claimed
	Inbound  bool     // it sends nothing, and judges what comes to an address of ours
	// Status and Media are what a successful answer has; zero on the front channel.
	Status int
	Media  []string
	// Remembers says that building a request stores something, Commits that an
	// answer does.
	Remembers, Commits bool
	// RequestMessage and ResponseMessage are empty messages of the service's types.
	RequestMessage, ResponseMessage message.Message
}

// A Describer is a Service that can be listed. What a Definition makes is one.
type Describer interface {
	Service
	// Description says what the definition says.
	Description() Description
}

// Description returns what the definition says.
func (x *defined[Req, Resp]) Description() Description {
	d := Description{
		Name: x.d.Name, Method: x.d.Method, Request: x.d.Request, Response: x.d.Response,
		Proof: x.d.Proof, Login: x.d.Login, Inbound: x.d.Endpoint == nil,
		Remembers: x.d.Remember != nil, Commits: x.d.Update != nil,
		RequestMessage: *new(Req), ResponseMessage: *new(Resp),
	}
	if d.Method == "" {
		d.Method = "GET"
	}
	if d.Response == Params {
		d.Channel = FrontChannel
		return d
	}
	d.Status, d.Media = x.d.Answer.status(), x.d.Answer.media()
	return d
}
