package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

func (c *command) services() *cobra.Command {
	return &cobra.Command{
		Use:   "services",
		Short: "List the services with their definitions",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := c.only("text", "json", "markdown"); err != nil {
				return err
			}
			c.spoken = true
			return writeServices(c.out, c.output)
		},
	}
}

// A row is what is said about one service.
type row struct {
	Name     string `json:"name"`
	Class    string `json:"class"`
	Title    string `json:"title"`
	Spec     string `json:"spec"`
	Method   string `json:"method"`
	Channel  string `json:"channel"` // back, front, or inbound: nothing is sent
	Request  string `json:"request"`
	Response string `json:"response"`
	Proof    string `json:"proof"`
	Login    bool   `json:"login"`
}

// serviceRows describes the services by their own definitions.
func serviceRows() ([]row, error) {
	sc, err := servicecontext.New(servicecontext.Config{})
	if err != nil {
		return nil, err
	}
	spec := factory.Spec{}
	for _, n := range factory.Names() {
		spec[n.Service] = factory.Config{}
	}
	built, err := factory.Build(spec, sc, nil)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, n := range factory.Names() {
		e := report.Explain(n.Service)
		r := row{Name: n.Service, Class: n.Class, Title: e.Title, Spec: e.Section}
		if described, ok := built.Get(n.Service).(service.Describer); ok {
			d := described.Description()
			r.Method, r.Channel, r.Login = d.Method, d.Channel.String(), d.Login
			r.Request, r.Response, r.Proof = d.Request.String(), d.Response.String(), d.Proof.String()
			if d.Inbound {
				r.Method, r.Channel = "", "inbound"
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func writeServices(w io.Writer, format string) error {
	rows, err := serviceRows()
	if err != nil {
		return err
	}
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(map[string]any{"outcome": report.OK, "services": rows})
	case "markdown":
		_, err := fmt.Fprintln(w, "| service | class name | what it is for | sent | request | answer | proof | specification |\n|---|---|---|---|---|---|---|---|")
		for _, r := range rows {
			if err == nil {
				_, err = fmt.Fprintf(w, "| `%s` | `%s` | %s | %s | %s | %s | %s | %s |\n", r.Name, r.Class, r.Title, r.sent(), r.Request, r.Response, r.Proof, r.Spec)
			}
		}
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SERVICE\tCLASS NAME\tSENT\tREQUEST\tANSWER\tPROOF\tWHAT IT IS FOR\tSPECIFICATION")
	for _, r := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Class, r.sent(), r.Request, r.Response, r.Proof, r.Title, r.Spec)
	}
	return t.Flush()
}

// sent says how the request travels.
func (r *row) sent() string {
	switch r.Channel {
	case "front":
		return r.Method + " by browser"
	case "inbound":
		return "comes to us"
	}
	return r.Method
}
