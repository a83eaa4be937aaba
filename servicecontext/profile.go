package servicecontext

import (
	"fmt"
	"strings"
)

// A Profile names the family of demands that a relying party keeps beyond the
// protocols themselves. The zero Profile is OpenID Connect.
type Profile string

// The profiles.
const (
	ProfileOpenID              Profile = "openid"                // OpenID Connect Core 1.0
	ProfileOAuth               Profile = "oauth"                 // RFC 6749 without OpenID: no ID Token is expected
	ProfileOAuth21             Profile = "oauth2.1"              // OpenID Connect on the rules of OAuth 2.1
	ProfileFAPI1               Profile = "fapi1"                 // FAPI 1.0 Part 2: Advanced, what it says of messages: s_hash, whole request objects; its choice of algorithms and methods stays yours
	ProfileFAPI2               Profile = "fapi2"                 // FAPI 2.0 Security Profile
	ProfileFAPI2MessageSigning Profile = "fapi2-message-signing" // FAPI 2.0 Message Signing
)

// Profiles returns all profiles, the default first.
func Profiles() []Profile {
	return []Profile{ProfileOpenID, ProfileOAuth, ProfileOAuth21, ProfileFAPI1, ProfileFAPI2, ProfileFAPI2MessageSigning}
}

// ParseProfile returns the profile of that name; the empty name is ProfileOpenID.
func ParseProfile(name string) (Profile, error) {
	if name == "" {
		return ProfileOpenID, nil
	}
	for _, p := range Profiles() {
		if string(p) == name {
			return p, nil
		}
	}
	return "", unknown("profile", name, Profiles())
}

// unknown refuses the value of a setting that has a name.
func unknown[T ~string](what, value string, known []T) error {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return fmt.Errorf("unknown %s %q; known are %s", what, value, strings.Join(names, ", "))
}

// OpenID reports whether ID Tokens are part of the profile.
func (p Profile) OpenID() bool { return p != ProfileOAuth }

// FAPI reports whether p is one of the FAPI profiles.
func (p Profile) FAPI() bool { return p == ProfileFAPI1 || p.fapi2() }

// PKCERequired reports whether the profile relies on PKCE, so that a provider
// without S256 is refused (RFC 9700, Section 2.1.1).
func (p Profile) PKCERequired() bool { return p == ProfileOAuth21 || p.fapi2() }
