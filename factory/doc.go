// Package factory builds the services of a relying party from a specification: a
// map from service names to settings, in Go or in JSON. All services of one build
// share a service context and a state database.
//
// The names are those of the services ("provider_info") or the class names of the
// Python original ("ProviderInfoDiscovery"). Unknown names and fields are errors at
// Build. A service of your own is registered with [Factory.Register], or replaces a
// standard one under its name.
package factory
