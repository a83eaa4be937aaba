package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/factory"
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
	Request  string `json:"request"`
	Response string `json:"response"`
	Proof    string `json:"proof"`
}

func serviceRows() []row {
	var rows []row
	for _, n := range factory.Names() {
		e := report.Explain(n.Service)
		rows = append(rows, row{Name: n.Service, Class: n.Class, Title: e.Title, Spec: e.Section})
	}
	return rows
}

func writeServices(w io.Writer, format string) error {
	rows := serviceRows()
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(map[string]any{"outcome": report.OK, "services": rows})
	case "markdown":
		_, err := fmt.Fprintln(w, "| service | class name | what it is for | specification |\n|---|---|---|---|")
		for _, r := range rows {
			if err == nil {
				_, err = fmt.Fprintf(w, "| `%s` | `%s` | %s | %s |\n", r.Name, r.Class, r.Title, r.Spec)
			}
		}
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SERVICE\tCLASS NAME\tWHAT IT IS FOR\tSPECIFICATION")
	for _, r := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name, r.Class, r.Title, r.Spec)
	}
	return t.Flush()
}
