package message

// Quirks are the faults of known providers that a decoder can be told to tolerate.
// The zero value tolerates none. Each field names the provider that made it necessary;
// switch it on for that provider alone.
type Quirks struct {
	// CognitoBooleans admits "true" and "false" for true and false. Amazon Cognito
	// answers so from its UserInfo endpoint ("email_verified":"true"), Apple did in its
	// ID Tokens. Their type is boolean (OpenID Connect Core 1.0, Section 5.1).
	CognitoBooleans bool `json:"cognito_booleans,omitempty"`

	// EntraQuotedNumbers admits "3600" for 3600. The v1.0 token endpoint of Microsoft
	// Entra ID answers so ("expires_in":"3600"). The specification: "Numerical values
	// are included as JSON numbers" (RFC 6749, Section 5.1).
	EntraQuotedNumbers bool `json:"entra_quoted_numbers,omitempty"`

	// TwitchScopeArray admits an array for a list of words. Twitch answers so from its
	// token endpoint ("scope":["openid"]). The specification: "a list of
	// space-delimited, case-sensitive strings" (RFC 6749, Section 3.3).
	TwitchScopeArray bool `json:"twitch_scope_array,omitempty"`

	// Auth0UpdatedAt admits a date of RFC 3339 for a number of seconds. Auth0 answers
	// so from its UserInfo endpoint ("updated_at":"2018-02-04T11:08:41.000Z"). The
	// specification: "Its value is a JSON number" (OpenID Connect Core 1.0, Section 5.1).
	Auth0UpdatedAt bool `json:"auth0_updated_at,omitempty"`
}
