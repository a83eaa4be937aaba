// Package servicecontext holds what a relying party knows: the provider's
// metadata and keys, its own registration there, and how the two sides agreed to
// talk.
//
// A ServiceContext is one client at one provider. What it knows is an immutable
// Snapshot; readers take it without waiting, and Update copies, changes and
// publishes. One step of the protocol therefore sees one state of knowledge from
// its beginning to its end.
//
// What can be known out of band is given to New: the issuer (no WebFinger), the
// provider's metadata (no discovery) and the registration (no dynamic
// registration). What was learnt survives a restart through Marshal and Parse.
package servicecontext
