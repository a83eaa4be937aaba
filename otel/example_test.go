package otel_test

import (
	"github.com/oidcservice/oidc/otel/rpotel"
	"github.com/oidcservice/oidc/otel/stateotel"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
)

// observed returns options whose steps, requests and store are told to the global
// providers of OpenTelemetry.
func observed(o rp.Options, store state.Store) (rp.Options, error) {
	telemetry, err := rpotel.New(nil, nil)
	if err != nil {
		return o, err
	}
	store, err = stateotel.Observe(store, nil, nil)
	if err != nil {
		return o, err
	}
	o.DB = &state.DB{Store: store}
	o.Trace, o.HTTP.Wrap = telemetry.Trace, telemetry.Wrap
	return o, nil
}
