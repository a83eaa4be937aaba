// Package otel is the folder of the adapters for OpenTelemetry: rpotel for a relying party,
// opotel for a provider, stateotel for the store of either. Each is a package of its own, so
// that a relying party links no provider.
package otel
