package message

// The rules that a resource server enforces: an API to which access tokens are shown. Each
// constant is the rule's stable name; the table below holds what it says and where that is
// written.
const (
	// What is presented.
	RuleRSTokenTransport Rule = "rs_token_transport"
	RuleRSTokenSyntax    Rule = "rs_token_syntax"
	RuleRSChallenge      Rule = "rs_challenge"

	// Access tokens that are JWTs.
	RuleRSJWTType       Rule = "rs_jwt_typ"
	RuleRSJWTAlg        Rule = "rs_jwt_alg"
	RuleRSJWTSignature  Rule = "rs_jwt_signature"
	RuleRSJWTClaims     Rule = "rs_jwt_claims"
	RuleRSJWTEncryption Rule = "rs_jwt_encryption"

	// Introspection.
	RuleRSIntrospectionActive Rule = "rs_introspection_active"
	RuleRSIntrospectionCache  Rule = "rs_introspection_cache"

	// Every access token.
	RuleRSTokenIssuer   Rule = "rs_token_issuer"
	RuleRSTokenAudience Rule = "rs_token_audience"
	RuleRSTokenTime     Rule = "rs_token_time"

	// Whom the token is bound to.
	RuleRSDPoPScheme       Rule = "rs_dpop_scheme"
	RuleRSDPoPProof        Rule = "rs_dpop_proof"
	RuleRSDPoPTarget       Rule = "rs_dpop_target"
	RuleRSDPoPTime         Rule = "rs_dpop_time"
	RuleRSDPoPJti          Rule = "rs_dpop_jti"
	RuleRSDPoPNonce        Rule = "rs_dpop_nonce"
	RuleRSDPoPBinding      Rule = "rs_dpop_binding"
	RuleRSMTLSBinding      Rule = "rs_mtls_binding"
	RuleRSConfirmation     Rule = "rs_confirmation"
	RuleRSSenderConstraint Rule = "rs_sender_constraint"

	// What the token allows.
	RuleRSScope  Rule = "rs_scope"
	RuleRSStepUp Rule = "rs_step_up"

	// Metadata.
	RuleRSMetadataResource  Rule = "rs_metadata_resource"
	RuleRSMetadataDocument  Rule = "rs_metadata_document"
	RuleRSMetadataSigned    Rule = "rs_metadata_signed"
	RuleRSMetadataChallenge Rule = "rs_metadata_challenge"

	// Everywhere.
	RuleRSFailClosed     Rule = "rs_fail_closed"
	RuleRSSecretExposure Rule = "rs_secret_exposure"
)

var rsRules = []ruleInfo{
	{RuleRSTokenTransport, Must, []Reference{{"RFC 6750", "2"}, {"RFC 6750", "3.1"}, {"RFC 9700", "4.3"}}, "The access token comes once, in one Authorization header, and never in the URL; else invalid_request."},
	{RuleRSTokenSyntax, Must, []Reference{{"RFC 6750", "2.1"}, {"RFC 6750", "3.1"}}, "After the scheme follows exactly one b64token; else invalid_request."},
	{RuleRSChallenge, Must, []Reference{{"RFC 6750", "3"}, {"RFC 6750", "3.1"}, {"RFC 9449", "7.1"}, {"RFC 9110", "11.6.1"}}, "Without token 401 and a bare challenge for each scheme that is served; every refusal of a token has a challenge with its error code."},
	{RuleRSJWTType, Must, []Reference{{"RFC 9068", "4"}, {"RFC 9068", "2.1"}}, "A JWT access token has typ at+jwt or application/at+jwt."},
	{RuleRSJWTAlg, Must, []Reference{{"RFC 9068", "4"}, {"RFC 9068", "2.1"}}, "The algorithm is one of those agreed with the issuer, asymmetric, and never none."},
	{RuleRSJWTSignature, Must, []Reference{{"RFC 9068", "4"}}, "The signature is good under a key of the issuer's key set, never under one that the token brings along."},
	{RuleRSJWTClaims, Must, []Reference{{"RFC 9068", "2.2"}}, "A JWT access token has iss, exp, aud, sub, client_id, iat and jti."},
	{RuleRSJWTEncryption, Must, []Reference{{"RFC 9068", "4"}}, "Where encryption was agreed the token is encrypted as agreed, and elsewhere it is not."},
	{RuleRSIntrospectionActive, Must, []Reference{{"RFC 7662", "2.2"}}, "Of an introspected token nothing counts unless active is true."},
	{RuleRSIntrospectionCache, Must, []Reference{{"RFC 7662", "4"}}, "What introspection told is not used beyond the token's exp."},
	{RuleRSTokenIssuer, Must, []Reference{{"RFC 9068", "4"}, {"RFC 7662", "2.2"}}, "The issuer is exactly one of those that tokens are accepted from, and the one that was asked."},
	{RuleRSTokenAudience, Must, []Reference{{"RFC 9068", "4"}, {"RFC 9700", "2.3"}}, "aud names this resource server."},
	{RuleRSTokenTime, Must, []Reference{{"RFC 9068", "4"}, {"RFC 7519", "4.1.5"}, {"RFC 7662", "4"}}, "exp is later than now, and nbf is not."},
	{RuleRSDPoPScheme, Must, []Reference{{"RFC 9449", "7.1"}, {"RFC 9449", "7.2"}, {"RFC 9110", "11.1"}}, "A bound token under Bearer, or an unbound one under DPoP, is refused; scheme names have no case."},
	{RuleRSDPoPProof, Must, []Reference{{"RFC 9449", "4.3"}, {"RFC 9449", "7.1"}}, "With the DPoP scheme comes exactly one proof: typ dpop+jwt, allowed asymmetric algorithm, public jwk, good signature; else invalid_dpop_proof."},
	{RuleRSDPoPTarget, Must, []Reference{{"RFC 9449", "4.3"}}, "htm and htu match method and URL, query and fragment apart."},
	{RuleRSDPoPTime, Must, []Reference{{"RFC 9449", "4.3"}, {"RFC 9449", "11.1"}}, "iat is within the window, or the nonce is good."},
	{RuleRSDPoPJti, Should, []Reference{{"RFC 9449", "11.1"}}, "jti is accepted once per target within the window; if the store fails, so does the request."},
	{RuleRSDPoPNonce, Must, []Reference{{"RFC 9449", "9"}, {"RFC 9449", "8"}}, "Where demanded, a missing or stale nonce is 401 use_dpop_nonce with a new one in DPoP-Nonce."},
	{RuleRSDPoPBinding, Must, []Reference{{"RFC 9449", "4.3"}, {"RFC 9449", "7.1"}, {"RFC 9449", "6"}}, "ath fits the token, and the proof's key is the one that cnf.jkt names."},
	{RuleRSMTLSBinding, Must, []Reference{{"RFC 8705", "3"}, {"RFC 8705", "3.1"}}, "A token with cnf.x5t#S256 comes over a connection with that certificate."},
	{RuleRSConfirmation, Hardening, []Reference{{"RFC 7800", "3.1"}}, "A token that is bound in a way that cannot be verified is refused."},
	{RuleRSSenderConstraint, Should, []Reference{{"RFC 9728", "2"}, {"RFC 9700", "2.2.1"}}, "Where bound tokens are required a bearer token is refused."},
	{RuleRSScope, Must, []Reference{{"RFC 6750", "3.1"}}, "Without the scope that the request needs: 403 insufficient_scope, and the scope in the challenge."},
	{RuleRSStepUp, Must, []Reference{{"RFC 9470", "3"}, {"RFC 9470", "5"}}, "When the user's authentication is too old or too weak, or the token does not say: 401 insufficient_user_authentication with acr_values and max_age."},
	{RuleRSMetadataResource, Must, []Reference{{"RFC 9728", "1.2"}, {"RFC 9728", "3.1"}, {"RFC 9728", "3.3"}}, "The resource identifier is an https URL without fragment; its metadata is at the well-known address made of it and repeats it."},
	{RuleRSMetadataDocument, Must, []Reference{{"RFC 9728", "3.2"}, {"RFC 9728", "2"}}, "The document is one JSON object, says what is enforced, and leaves out what has no value."},
	{RuleRSMetadataSigned, Must, []Reference{{"RFC 9728", "2.2"}}, "signed_metadata is signed, has iss, and does not hold itself."},
	{RuleRSMetadataChallenge, Should, []Reference{{"RFC 9728", "5.1"}}, "Challenges name the address of the metadata in resource_metadata."},
	{RuleRSFailClosed, Hardening, []Reference{{"RFC 7662", "4"}}, "What cannot be verified now is not accepted: without keys, answer or store the request fails with 503."},
	{RuleRSSecretExposure, Hardening, []Reference{{"RFC 6750", "5.3"}}, "Access tokens and proofs never reach errors, challenges or logs."},
}
