package message

// The rules that the relying party enforces, in protocol order. Each constant is the
// rule's stable name; the table below holds what it says and where that is written.
const (
	// WebFinger.
	RuleWebFingerResourceRequired      Rule = "webfinger_resource_required"
	RuleWebFingerNormalization         Rule = "webfinger_normalization"
	RuleWebFingerHost                  Rule = "webfinger_host"
	RuleWebFingerIdentifierUnsupported Rule = "webfinger_identifier_unsupported"
	RuleWebFingerRel                   Rule = "webfinger_rel"
	RuleWebFingerHTTPS                 Rule = "webfinger_https"
	RuleWebFingerStatus                Rule = "webfinger_status"
	RuleWebFingerJRD                   Rule = "webfinger_jrd"
	RuleWebFingerIssuerLink            Rule = "webfinger_issuer_link"
	RuleWebFingerIssuerSyntax          Rule = "webfinger_issuer_syntax"

	// Provider metadata.
	RuleMetadataURL            Rule = "metadata_url"
	RuleMetadataStatus         Rule = "metadata_status"
	RuleMetadataIssuer         Rule = "metadata_issuer"
	RuleMetadataIssuerSyntax   Rule = "metadata_issuer_syntax"
	RuleMetadataRequired       Rule = "metadata_required"
	RuleMetadataMemberType     Rule = "metadata_member_type"
	RuleMetadataValues         Rule = "metadata_values"
	RuleMetadataEndpointURL    Rule = "metadata_endpoint_url"
	RuleMetadataDefaults       Rule = "metadata_defaults"
	RuleMetadataValueSets      Rule = "metadata_value_sets"
	RuleMetadataCapability     Rule = "metadata_capability"
	RuleMetadataPKCE           Rule = "metadata_pkce"
	RuleMetadataSigned         Rule = "metadata_signed"
	RuleMetadataIssuerTemplate Rule = "metadata_issuer_template"

	// Keys and JOSE.
	RuleJWKSSource          Rule = "jwks_source"
	RuleJWKSShape           Rule = "jwks_shape"
	RuleJWKSSkipUnknown     Rule = "jwks_skip_unknown"
	RuleJWKSNoPrivate       Rule = "jwks_no_private"
	RuleJWKSCacheLifetime   Rule = "jwks_cache_lifetime"
	RuleJWKSRefetch         Rule = "jwks_refetch"
	RuleJWKSRefetchCooldown Rule = "jwks_refetch_cooldown"
	RuleKeyKid              Rule = "key_kid"
	RuleKeyTypeForAlg       Rule = "key_type_for_alg"
	RuleKeyRestrictions     Rule = "key_restrictions"
	RuleKeyNoKid            Rule = "key_no_kid"
	RuleKeyAmbiguous        Rule = "key_ambiguous"
	RuleKeyStrength         Rule = "key_strength"
	RuleKeyHMACLength       Rule = "key_hmac_length"
	RuleKeyHMACSource       Rule = "key_hmac_source"
	RuleJOSECompact         Rule = "jose_compact"
	RuleJOSEBase64URL       Rule = "jose_base64url"
	RuleJOSEJSON            Rule = "jose_json"
	RuleJOSEDuplicateMember Rule = "jose_duplicate_member"
	RuleJOSEMemberCase      Rule = "jose_member_case"
	RuleJOSENumericDate     Rule = "jose_numeric_date"
	RuleJOSECrit            Rule = "jose_crit"
	RuleJOSEB64             Rule = "jose_b64"
	RuleJOSEAlg             Rule = "jose_alg"
	RuleJOSEAlgNone         Rule = "jose_alg_none"
	RuleJOSESignature       Rule = "jose_signature"
	RuleJOSETyp             Rule = "jose_typ"
	RuleJWEExpected         Rule = "jwe_expected"
	RuleJWEAlgRefused       Rule = "jwe_alg_refused"
	RuleJWEZip              Rule = "jwe_zip"
	RuleJWENesting          Rule = "jwe_nesting"
	RuleJWEKeyLength        Rule = "jwe_key_length"
	RuleJWEErrorUniform     Rule = "jwe_error_uniform"

	// Registration and its management.
	RuleRegistrationRedirectURIs   Rule = "registration_redirect_uris"
	RuleRegistrationGrantTypes     Rule = "registration_grant_types"
	RuleRegistrationKeys           Rule = "registration_keys"
	RuleRegistrationEncryptionPair Rule = "registration_encryption_pair"
	RuleRegistrationNoneAlg        Rule = "registration_none_alg"
	RuleRegistrationHTTPSURIs      Rule = "registration_https_uris"
	RuleRegistrationResponse       Rule = "registration_response"
	RuleRegistrationSecret         Rule = "registration_secret"
	RuleRegistrationManagementPair Rule = "registration_management_pair"
	RuleRegistrationSubstituted    Rule = "registration_substituted"
	RuleRegistrationError          Rule = "registration_error"
	RuleRegistrationAccessToken    Rule = "registration_access_token"
	RuleRegistrationUpdate         Rule = "registration_update"

	// Authorization request.
	RuleAuthzRequestScopeOpenID       Rule = "authz_request_scope_openid"
	RuleAuthzRequestResponseType      Rule = "authz_request_response_type"
	RuleAuthzRequestRedirectURI       Rule = "authz_request_redirect_uri"
	RuleAuthzRequestRedirectPerIssuer Rule = "authz_request_redirect_per_issuer"
	RuleAuthzRequestState             Rule = "authz_request_state"
	RuleAuthzRequestBrowserBinding    Rule = "authz_request_browser_binding"
	RuleAuthzRequestNonce             Rule = "authz_request_nonce"
	RuleAuthzRequestPKCE              Rule = "authz_request_pkce"
	RuleAuthzRequestPKCEVerifier      Rule = "authz_request_pkce_verifier"
	RuleAuthzRequestResponseMode      Rule = "authz_request_response_mode"
	RuleAuthzRequestPrompt            Rule = "authz_request_prompt"
	RuleAuthzRequestMaxAge            Rule = "authz_request_max_age"
	RuleAuthzRequestClaims            Rule = "authz_request_claims"
	RuleAuthzRequestIDTokenHint       Rule = "authz_request_id_token_hint"
	RuleAuthzRequestDuplicate         Rule = "authz_request_duplicate"
	RuleAuthzRequestRich              Rule = "authz_request_rich"
	RuleJARClaims                     Rule = "jar_claims"
	RuleJARParameters                 Rule = "jar_parameters"
	RuleJARAlg                        Rule = "jar_alg"
	RuleJARTyp                        Rule = "jar_typ"
	RuleJAREncryption                 Rule = "jar_encryption"
	RuleJARRequestURI                 Rule = "jar_request_uri"
	RulePARRequest                    Rule = "par_request"
	RulePARResponse                   Rule = "par_response"
	RulePARFront                      Rule = "par_front"
	RulePARLifetime                   Rule = "par_lifetime"

	// Authorization response.
	RuleAuthzResponseDuplicate         Rule = "authz_response_duplicate"
	RuleAuthzResponseMode              Rule = "authz_response_mode"
	RuleAuthzResponseFormPost          Rule = "authz_response_form_post"
	RuleAuthzResponseStateMissing      Rule = "authz_response_state_missing"
	RuleAuthzResponseState             Rule = "authz_response_state"
	RuleAuthzResponseStateSingleUse    Rule = "authz_response_state_single_use"
	RuleAuthzResponseBrowserBinding    Rule = "authz_response_browser_binding"
	RuleAuthzResponseIssMissing        Rule = "authz_response_iss_missing"
	RuleAuthzResponseIss               Rule = "authz_response_iss"
	RuleAuthzResponseIssuerRedirectURI Rule = "authz_response_issuer_redirect_uri"
	RuleAuthzResponseErrorOrder        Rule = "authz_response_error_order"
	RuleAuthzResponseError             Rule = "authz_response_error"
	RuleAuthzResponseIncomplete        Rule = "authz_response_incomplete"
	RuleAuthzResponseUnexpected        Rule = "authz_response_unexpected"
	RuleAuthzResponseFrontFirst        Rule = "authz_response_front_first"
	RuleAuthzResponseReturnURL         Rule = "authz_response_return_url"
	RuleAuthzResponsePage              Rule = "authz_response_page"
	RuleJARMExpected                   Rule = "jarm_expected"
	RuleJARMProtection                 Rule = "jarm_protection"
	RuleJARMIss                        Rule = "jarm_iss"
	RuleJARMAud                        Rule = "jarm_aud"
	RuleJARMExp                        Rule = "jarm_exp"

	// Token request and client authentication.
	RuleTokenRequestValidated    Rule = "token_request_validated"
	RuleTokenRequestRedirectURI  Rule = "token_request_redirect_uri"
	RuleTokenRequestCodeVerifier Rule = "token_request_code_verifier"
	RuleTokenRequestCodeOnce     Rule = "token_request_code_once"
	RuleTokenRequestEndpoint     Rule = "token_request_endpoint"
	RuleTokenRequestForm         Rule = "token_request_form"
	RuleClientAuthMethod         Rule = "client_auth_method"
	RuleClientAuthBasic          Rule = "client_auth_basic"
	RuleClientAuthBody           Rule = "client_auth_body"
	RuleClientAuthAssertion      Rule = "client_auth_assertion"
	RuleClientAuthAssertionAud   Rule = "client_auth_assertion_aud"
	RuleClientAuthAssertionFresh Rule = "client_auth_assertion_fresh"
	RuleClientAuthAssertionKey   Rule = "client_auth_assertion_key"
	RuleClientAuthMTLS           Rule = "client_auth_mtls"
	RuleClientAuthExposure       Rule = "client_auth_exposure"

	// Token response.
	RuleTokenResponseBody           Rule = "token_response_body"
	RuleTokenResponseError          Rule = "token_response_error"
	RuleTokenResponseAccessToken    Rule = "token_response_access_token"
	RuleTokenResponseTokenType      Rule = "token_response_token_type"
	RuleTokenResponseDPoPDowngrade  Rule = "token_response_dpop_downgrade"
	RuleTokenResponseExpiresIn      Rule = "token_response_expires_in"
	RuleTokenResponseScope          Rule = "token_response_scope"
	RuleTokenResponseIDTokenMissing Rule = "token_response_id_token_missing"
	RuleTokenResponseCommit         Rule = "token_response_commit"

	// ID Token.
	RuleIDTokenNotEncrypted    Rule = "idtoken_not_encrypted"
	RuleIDTokenIss             Rule = "idtoken_iss"
	RuleIDTokenAud             Rule = "idtoken_aud"
	RuleIDTokenAudUntrusted    Rule = "idtoken_aud_untrusted"
	RuleIDTokenAzpMissing      Rule = "idtoken_azp_missing"
	RuleIDTokenAzp             Rule = "idtoken_azp"
	RuleIDTokenAlg             Rule = "idtoken_alg"
	RuleIDTokenAlgNone         Rule = "idtoken_alg_none"
	RuleIDTokenSignature       Rule = "idtoken_signature"
	RuleIDTokenTyp             Rule = "idtoken_typ"
	RuleIDTokenSub             Rule = "idtoken_sub"
	RuleIDTokenExp             Rule = "idtoken_exp"
	RuleIDTokenIat             Rule = "idtoken_iat"
	RuleIDTokenIatFuture       Rule = "idtoken_iat_future"
	RuleIDTokenIatAge          Rule = "idtoken_iat_age"
	RuleIDTokenNbf             Rule = "idtoken_nbf"
	RuleIDTokenNonceMissing    Rule = "idtoken_nonce_missing"
	RuleIDTokenNonce           Rule = "idtoken_nonce"
	RuleIDTokenNonceUnexpected Rule = "idtoken_nonce_unexpected"
	RuleIDTokenNonceReplay     Rule = "idtoken_nonce_replay"
	RuleIDTokenAuthTimeMissing Rule = "idtoken_auth_time_missing"
	RuleIDTokenAuthTime        Rule = "idtoken_auth_time"
	RuleIDTokenACR             Rule = "idtoken_acr"
	RuleIDTokenAtHashMissing   Rule = "idtoken_at_hash_missing"
	RuleIDTokenAtHash          Rule = "idtoken_at_hash"
	RuleIDTokenCHashMissing    Rule = "idtoken_c_hash_missing"
	RuleIDTokenCHash           Rule = "idtoken_c_hash"
	RuleIDTokenSHash           Rule = "idtoken_s_hash"
	RuleIDTokenHashAlg         Rule = "idtoken_hash_alg"
	RuleIDTokenHybridBinding   Rule = "idtoken_hybrid_binding"
	RuleIDTokenRequestedSub    Rule = "idtoken_requested_sub"

	// Refresh.
	RuleRefreshScope        Rule = "refresh_scope"
	RuleRefreshIss          Rule = "refresh_iss"
	RuleRefreshSub          Rule = "refresh_sub"
	RuleRefreshAud          Rule = "refresh_aud"
	RuleRefreshAuthTime     Rule = "refresh_auth_time"
	RuleRefreshNonce        Rule = "refresh_nonce"
	RuleRefreshValidation   Rule = "refresh_validation"
	RuleRefreshRotation     Rule = "refresh_rotation"
	RuleRefreshSingleFlight Rule = "refresh_single_flight"

	// UserInfo and claims sources.
	RuleUserInfoTokenTransport Rule = "userinfo_token_transport"
	RuleUserInfoStatus         Rule = "userinfo_status"
	RuleUserInfoContentType    Rule = "userinfo_content_type"
	RuleUserInfoSignature      Rule = "userinfo_signature"
	RuleUserInfoIss            Rule = "userinfo_iss"
	RuleUserInfoAud            Rule = "userinfo_aud"
	RuleUserInfoNotEncrypted   Rule = "userinfo_not_encrypted"
	RuleUserInfoSub            Rule = "userinfo_sub"
	RuleUserInfoClaims         Rule = "userinfo_claims"
	RuleUserInfoChallenge      Rule = "userinfo_challenge"
	RuleUserInfoDPoPScheme     Rule = "userinfo_dpop_scheme"
	RuleClaimsSourceNames      Rule = "claims_source_names"
	RuleClaimsSourceSignature  Rule = "claims_source_signature"
	RuleClaimsSourceFetch      Rule = "claims_source_fetch"
	RuleClaimsSourceToken      Rule = "claims_source_token"
	RuleClaimsSourceFailure    Rule = "claims_source_failure"

	// Introspection, revocation and other grants.
	RuleIntrospectionActive    Rule = "introspection_active"
	RuleIntrospectionJWT       Rule = "introspection_jwt"
	RuleRevocationResponse     Rule = "revocation_response"
	RuleRevocationLocal        Rule = "revocation_local"
	RuleExchangeRequest        Rule = "exchange_request"
	RuleExchangeResponse       Rule = "exchange_response"
	RuleClientCredentialsGrant Rule = "client_credentials_grant"
	RulePasswordGrant          Rule = "password_grant"
	RuleDeviceResponse         Rule = "device_response"
	RuleDevicePolling          Rule = "device_polling"
	RuleDeviceTimeout          Rule = "device_timeout"
	RuleDeviceStop             Rule = "device_stop"
	RuleCIBARequest            Rule = "ciba_request"
	RuleCIBAAck                Rule = "ciba_ack"
	RuleCIBAPolling            Rule = "ciba_polling"
	RuleCIBAStop               Rule = "ciba_stop"
	RuleCIBAPing               Rule = "ciba_ping"
	RuleCIBAPush               Rule = "ciba_push"

	// DPoP and challenges.
	RuleDPoPProof         Rule = "dpop_proof"
	RuleDPoPTarget        Rule = "dpop_target"
	RuleDPoPFresh         Rule = "dpop_fresh"
	RuleDPoPAth           Rule = "dpop_ath"
	RuleDPoPNonce         Rule = "dpop_nonce"
	RuleDPoPNonceRetry    Rule = "dpop_nonce_retry"
	RuleDPoPKey           Rule = "dpop_key"
	RuleChallengeParsing  Rule = "challenge_parsing"
	RuleChallengeResource Rule = "challenge_resource"

	// Logout.
	RuleEndSessionRequest      Rule = "endsession_request"
	RuleEndSessionRedirectURI  Rule = "endsession_redirect_uri"
	RuleEndSessionState        Rule = "endsession_state"
	RuleEndSessionReturn       Rule = "endsession_return"
	RuleFrontchannelParameters Rule = "frontchannel_parameters"
	RuleFrontchannelMatch      Rule = "frontchannel_match"
	RuleFrontchannelEffect     Rule = "frontchannel_effect"
	RuleBackchannelRequest     Rule = "backchannel_request"
	RuleBackchannelSignature   Rule = "backchannel_signature"
	RuleBackchannelTyp         Rule = "backchannel_typ"
	RuleBackchannelIss         Rule = "backchannel_iss"
	RuleBackchannelAud         Rule = "backchannel_aud"
	RuleBackchannelTime        Rule = "backchannel_time"
	RuleBackchannelJti         Rule = "backchannel_jti"
	RuleBackchannelEvents      Rule = "backchannel_events"
	RuleBackchannelNonce       Rule = "backchannel_nonce"
	RuleBackchannelSubject     Rule = "backchannel_subject"
	RuleBackchannelSessions    Rule = "backchannel_sessions"
	RuleBackchannelResponse    Rule = "backchannel_response"
	RuleSessionIframe          Rule = "session_iframe"
	RuleSessionStatus          Rule = "session_status"

	// Third-party initiated login.
	RuleInitLoginIss       Rule = "initlogin_iss"
	RuleInitLoginTarget    Rule = "initlogin_target"
	RuleInitLoginLoginHint Rule = "initlogin_login_hint"
	RuleInitLoginEffect    Rule = "initlogin_effect"

	// Profiles.
	RuleProfileResponseType      Rule = "profile_response_type"
	RuleProfileClientAuth        Rule = "profile_client_auth"
	RuleProfileSenderConstrained Rule = "profile_sender_constrained"
	RuleProfileAlgorithm         Rule = "profile_algorithm"
	RuleProfileCompat            Rule = "profile_compat"

	// Transport policy.
	RuleTransportHTTPS       Rule = "transport_https"
	RuleTransportTLS         Rule = "transport_tls"
	RuleTransportRedirect    Rule = "transport_redirect"
	RuleTransportLimits      Rule = "transport_limits"
	RuleTransportAddress     Rule = "transport_address"
	RuleTransportCredentials Rule = "transport_credentials"
	RuleTransportJSON        Rule = "transport_json"
	RuleTransportRetry       Rule = "transport_retry"
	RuleTransportAnswer      Rule = "transport_answer"
)

// rpRules is the table of the relying party's rules.
var rpRules = []ruleInfo{
	{RuleWebFingerResourceRequired, Must, []Reference{{"RFC 7033", "4.1"}}, "Without a user identifier no request is built and the error names the missing argument."},
	{RuleWebFingerNormalization, Must, []Reference{{"OpenID Connect Discovery 1.0", "2.1.2"}}, "A scheme-less identifier becomes acct: only when it is exactly userinfo and host; every other form (bare host, host with port, path or query, user with port) becomes an https URL; a fragment is always removed."},
	{RuleWebFingerHost, Must, []Reference{{"OpenID Connect Discovery 1.0", "2.1.2"}, {"RFC 7565", ""}}, "The query goes to host and port of the normalised identifier, never with its userinfo; for acct: the host is what follows the last @."},
	{RuleWebFingerIdentifierUnsupported, Should, []Reference{{"OpenID Connect Discovery 1.0", "2.1.1"}}, "An identifier beginning with =, @ or !, or whose scheme names no host to ask, is refused."},
	{RuleWebFingerRel, Must, []Reference{{"OpenID Connect Discovery 1.0", "2"}}, "The request carries rel with the configured issuer relation, by default the OpenID one."},
	{RuleWebFingerHTTPS, Must, []Reference{{"RFC 7033", "4.2"}}, "The query and each redirect target use https; redirects are few, and each hop is a new fetch under the full fetch policy."},
	{RuleWebFingerStatus, Must, []Reference{{"RFC 7033", "4.2"}}, "Any final status other than 200 is a failure; there is no retry over http."},
	{RuleWebFingerJRD, Must, []Reference{{"RFC 7033", "4.4"}}, "The body is one JSON object whose links is an array of objects with a string rel; unknown members are ignored."},
	{RuleWebFingerIssuerLink, Must, []Reference{{"OpenID Connect Discovery 1.0", "2"}}, "One link has exactly the issuer relation and an href; when none has, the step fails."},
	{RuleWebFingerIssuerSyntax, Must, []Reference{{"OpenID Connect Discovery 1.0", "2"}}, "The href is an https URL with a host and without query or fragment."},
	{RuleMetadataURL, Must, []Reference{{"OpenID Connect Discovery 1.0", "4.1"}, {"RFC 8414", "3.1"}}, "For OpenID Connect the well-known path is appended to the issuer less one terminating slash; for RFC 8414 it is inserted between host and path."},
	{RuleMetadataStatus, Must, []Reference{{"OpenID Connect Discovery 1.0", "4.2"}, {"RFC 8414", "3.2"}}, "The answer is 200 with a JSON content type and one JSON object."},
	{RuleMetadataIssuer, Must, []Reference{{"OpenID Connect Discovery 1.0", "4.3"}, {"RFC 8414", "3.3"}}, "issuer is byte-identical to the issuer that was asked for."},
	{RuleMetadataIssuerSyntax, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}}, "The issuer is an https URL with a host and without query or fragment."},
	{RuleMetadataRequired, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}, {"RFC 8414", "2"}}, "Required members are present, token_endpoint included unless only front-channel response types are in use."},
	{RuleMetadataMemberType, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}, {"OpenID Connect Discovery 1.0", "4.2"}}, "Each known member has its JSON type; null counts as absent; a wrong type is an error that names the member."},
	{RuleMetadataValues, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}}, "scopes_supported, when present, holds openid; one permitted ID Token algorithm other than none is listed; assertion algorithms do not list none."},
	{RuleMetadataEndpointURL, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}, {"RFC 6749", "3.1"}}, "An endpoint is an absolute https URL without fragment; missing and malformed endpoints are told apart, at parsing for all, again at use."},
	{RuleMetadataDefaults, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}, {"RFC 8414", "2"}}, "Omitted members take the defaults of the text (query and fragment modes, client_secret_basic, request by value off, request_uri on, and so on)."},
	{RuleMetadataValueSets, Must, []Reference{{"RFC 6749", "3.1.1"}}, "Response types are compared as sets of words in any order; other lists by exact value."},
	{RuleMetadataCapability, Should, []Reference{{"OpenID Connect Discovery 1.0", "3"}}, "A response type or mode, authentication method, algorithm, request passing or grant that our settings need and the provider excludes is a configuration error before any request goes out."},
	{RuleMetadataPKCE, Should, []Reference{{"RFC 9700", "2.1.1"}}, "A provider that does not list S256 is reported, and refused where the profile relies on PKCE."},
	{RuleMetadataSigned, Must, []Reference{{"RFC 8414", "2.1"}}, "signed_metadata counts only after verification with a key trusted beforehand; its values then win."},
	{RuleMetadataIssuerTemplate, Hardening, []Reference{{"OpenID Connect Discovery 1.0", "4.3"}}, "A templated issuer ({tenantid}) is accepted only under a named quirk that rebuilds the expected issuer from a verified claim and compares it whole."},
	{RuleJWKSSource, Must, []Reference{{"OpenID Connect Core 1.0", "2"}, {"OpenID Connect Core 1.0", "10.1"}, {"RFC 8725", "3.10"}}, "Keys come only from the jwks_uri (https) or configured set of the issuer fixed by context; jku, x5u, jwk, x5c and the token's own iss never choose a key."},
	{RuleJWKSShape, Must, []Reference{{"RFC 7517", "5"}}, "The document is a JSON object with a keys array, within limits on bytes and on number of keys."},
	{RuleJWKSSkipUnknown, Should, []Reference{{"RFC 7517", "5"}}, "An entry with an unknown key type or curve, a missing member or a bad value is skipped and reported, not fatal to the set."},
	{RuleJWKSNoPrivate, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}}, "A provider's set holds no private and no symmetric key; such an entry is never used."},
	{RuleJWKSCacheLifetime, Should, []Reference{{"OpenID Connect Core 1.0", "10.1.1"}}, "A set is reused for its HTTP freshness time, within a floor and a ceiling."},
	{RuleJWKSRefetch, Should, []Reference{{"OpenID Connect Core 1.0", "10.1.1"}}, "A signature whose kid is unknown causes at most one refetch per message; the old set survives a failed refetch."},
	{RuleJWKSRefetchCooldown, Hardening, []Reference{{"OpenID Connect Core 1.0", "10.1.1"}}, "An unknown kid may cause one refetch at once (the provider may have rotated just before signing); after a refetch none within the cool-down; the attempt is stamped in the shared store before it is made, and a store failure means no fetch."},
	{RuleKeyKid, Must, []Reference{{"RFC 7515", "4.1.4"}, {"OpenID Connect Core 1.0", "10.1"}}, "With a kid, only keys with that kid are candidates; it is an opaque string of at most 256 bytes."},
	{RuleKeyTypeForAlg, Must, []Reference{{"RFC 7518", "3.1"}, {"RFC 8725", "3.1"}}, "Key type and curve are those that the algorithm demands; keys with the same kid and another type are passed over."},
	{RuleKeyRestrictions, Must, []Reference{{"RFC 7517", "4.2"}, {"RFC 7517", "4.3"}, {"RFC 7517", "4.4"}}, "A JWK whose alg, use or key_ops speak against the operation is not used."},
	{RuleKeyNoKid, Must, []Reference{{"OpenID Connect Core 1.0", "10.1"}}, "Without kid the only fitting key is used."},
	{RuleKeyAmbiguous, Should, []Reference{{"OpenID Connect Core 1.0", "10.1"}}, "When more than one key still fits, the token is refused; an option allows a bounded trial."},
	{RuleKeyStrength, Must, []Reference{{"RFC 7518", "3.3"}, {"RFC 8725", "3.4"}}, "RSA moduli have 2048 bits or more and a sane exponent; EC points lie on their curve."},
	{RuleKeyHMACLength, Must, []Reference{{"RFC 7518", "3.2"}, {"OpenID Connect Core 1.0", "16.19"}}, "An HMAC secret is at least as long as the hash output."},
	{RuleKeyHMACSource, Must, []Reference{{"OpenID Connect Core 1.0", "10.1"}, {"RFC 8725", "3.1"}}, "HS* verifies only with the octets of a confidential client's secret, never with the bytes of a public key."},
	{RuleJOSECompact, Must, []Reference{{"RFC 7519", "1"}, {"RFC 7519", "7.2"}}, "A JWT has exactly three or five non-malformed segments; JSON serialisations are refused; total length is capped."},
	{RuleJOSEBase64URL, Must, []Reference{{"RFC 7515", "2"}}, "Segments use the URL alphabet without padding, white space, line breaks or stray trailing bits."},
	{RuleJOSEJSON, Must, []Reference{{"RFC 7519", "7.2"}, {"RFC 8725", "3.7"}}, "Header and claims are each one JSON object in valid UTF-8 with nothing after it, at most 16 levels deep."},
	{RuleJOSEDuplicateMember, Hardening, []Reference{{"RFC 7515", "4"}, {"RFC 7519", "4"}}, "A member that occurs twice, at any depth of header or claims, is refused."},
	{RuleJOSEMemberCase, Must, []Reference{{"RFC 7519", "7.3"}}, "Member names match in exact case, without Unicode folding."},
	{RuleJOSENumericDate, Must, []Reference{{"RFC 7519", "2"}}, "A time is a JSON number in a sane range, compared before conversion to an integer."},
	{RuleJOSECrit, Must, []Reference{{"RFC 7515", "4.1.11"}}, "Any crit member is refused, whatever it lists."},
	{RuleJOSEB64, Must, []Reference{{"RFC 7797", "7"}}, "A b64 header member is refused in every JWT."},
	{RuleJOSEAlg, Must, []Reference{{"RFC 8725", "3.1"}}, "The header algorithm equals the one expected for this message and peer (registered, configured or default) and is in the allow-list; the header never chooses."},
	{RuleJOSEAlgNone, Must, []Reference{{"RFC 7518", "3.6"}, {"RFC 8725", "3.2"}}, "none is refused unless that message kind and peer registered it."},
	{RuleJOSESignature, Must, []Reference{{"RFC 7515", "5.2"}, {"RFC 7518", "3.4"}}, "The signature verifies with the selected key; for ECDSA it has the exact length."},
	{RuleJOSETyp, Hardening, []Reference{{"RFC 8725", "3.11"}}, "typ, when present, is one allowed for this message kind; it is required where the text requires it."},
	{RuleJWEExpected, Must, []Reference{{"OpenID Connect Core 1.0", "10.2"}}, "A JWE is accepted only where decryption was registered, with exactly the registered alg and enc."},
	{RuleJWEAlgRefused, Hardening, []Reference{{"RFC 8725", "3.2"}}, "RSA1_5 and PBES2 are refused unless switched on by name; PBES2 then has an iteration ceiling."},
	{RuleJWEZip, Hardening, []Reference{{"RFC 8725", "3.6"}}, "Compressed content is refused unless switched on, then limited in size and ratio."},
	{RuleJWENesting, Must, []Reference{{"RFC 7519", "5.2"}, {"OpenID Connect Core 1.0", "10.2"}}, "Inside one JWE is one JWS with cty JWT, signed before it was encrypted; no JWE in a JWE."},
	{RuleJWEKeyLength, Must, []Reference{{"RFC 7518", "4.5"}, {"OpenID Connect Core 1.0", "10.2"}}, "The content key length equals what enc needs; keys made from a client secret are left-truncated SHA-2."},
	{RuleJWEErrorUniform, Hardening, []Reference{{"RFC 7516", "11.5"}}, "All decryption failures look alike to the peer."},
	{RuleRegistrationRedirectURIs, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 8252", "7"}}, "At least one absolute URI without fragment; web clients with front-channel tokens use https and no localhost; native ones a private-use scheme, a claimed https URI or http on a loopback address."},
	{RuleRegistrationGrantTypes, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 7591", "2.1"}}, "grant_types covers the response types, both ways."},
	{RuleRegistrationKeys, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 7591", "2"}}, "jwks or jwks_uri, never both; public keys only; one of them when a method or algorithm needs a key of ours."},
	{RuleRegistrationEncryptionPair, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "An enc member without its alg is an error; an alg without enc means A128CBC-HS256."},
	{RuleRegistrationNoneAlg, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "id_token_signed_response_alg is none only when no response type returns an ID Token from the authorization endpoint."},
	{RuleRegistrationHTTPSURIs, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"OpenID Connect Front-Channel Logout 1.0", "2"}, {"OpenID Connect Back-Channel Logout 1.0", "2.2"}}, "Login initiation, logout and request URIs are https; the front-channel logout URI shares scheme, host and port with a redirect URI; the back-channel one has no fragment."},
	{RuleRegistrationResponse, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3.2"}, {"RFC 7591", "3.2.1"}}, "Success is 201 with a JSON object holding a non-empty client_id; a 200 needs a named quirk."},
	{RuleRegistrationSecret, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3.2"}, {"RFC 7591", "3.2.1"}}, "With client_secret comes client_secret_expires_at; a method that needs no secret is content without one, a method that needs one is not."},
	{RuleRegistrationManagementPair, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3.2"}}, "registration_client_uri and registration_access_token come together or not at all."},
	{RuleRegistrationSubstituted, Should, []Reference{{"RFC 7591", "3.2.1"}}, "Metadata the provider changed is reported; methods and algorithms outside our policy are refused; our redirect URIs are not silently replaced."},
	{RuleRegistrationError, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3.3"}}, "A 400 JSON error becomes an OAuth error with code and description, and the context stays as it was."},
	{RuleRegistrationAccessToken, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "4.2"}, {"RFC 7592", "3"}}, "Management calls use it as a bearer token; a new token or URI in an answer replaces the old at once; the returned client_id is ours."},
	{RuleRegistrationUpdate, Must, []Reference{{"RFC 7592", "2.2"}, {"RFC 7592", "2.3"}}, "An update sends the whole metadata with client_id and no server-assigned members; a delete is done on 204 and then forgets the credentials."},
	{RuleAuthzRequestScopeOpenID, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}}, "An OpenID request has openid in its scope; a plain OAuth request has not."},
	{RuleAuthzRequestResponseType, Must, []Reference{{"OpenID Connect Core 1.0", "3"}, {"RFC 9700", "2.1.2"}}, "The response type is registered and supported; bare token is no OpenID response type; types that return access tokens in front need an explicit opt-in."},
	{RuleAuthzRequestRedirectURI, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}}, "The redirect URI is one of our registered strings, chosen by response type and mode, and kept under the state."},
	{RuleAuthzRequestRedirectPerIssuer, Must, []Reference{{"RFC 9700", "4.4.2"}}, "With several issuers of which one does not send iss, each issuer has its own redirect URI."},
	{RuleAuthzRequestState, Must, []Reference{{"RFC 6749", "10.10"}, {"RFC 6749", "10.12"}}, "State has 128 bits or more from a CSPRNG, at most 128 URL-safe characters, is never reused, never overwrites a record, and is stored before the URL leaves."},
	{RuleAuthzRequestBrowserBinding, Must, []Reference{{"RFC 6749", "10.12"}, {"RFC 9700", "2.1"}}, "The record holds the hash of a value bound to the user agent (a __Host- cookie), so that the callback can be tied to the browser that began."},
	{RuleAuthzRequestNonce, Must, []Reference{{"OpenID Connect Core 1.0", "3.2.2.1"}, {"OpenID Connect Core 1.0", "3.3.2.11"}, {"OpenID Connect Core 1.0", "15.5.2"}}, "A nonce of 32 random bytes (43 characters) goes with every OpenID request; it is compulsory when an ID Token comes in front."},
	{RuleAuthzRequestPKCE, Must, []Reference{{"RFC 9700", "2.1.1"}}, "A code flow carries a code challenge; leaving it out needs a named skip and a confidential client."},
	{RuleAuthzRequestPKCEVerifier, Must, []Reference{{"RFC 7636", "4.1"}, {"RFC 7636", "4.2"}, {"RFC 9700", "2.1.1"}}, "The method is S256; the verifier has 43 to 128 unreserved characters and is fresh per transaction."},
	{RuleAuthzRequestResponseMode, Must, []Reference{{"OAuth 2.0 Multiple Response Type Encoding Practices", "3"}, {"OAuth 2.0 Multiple Response Type Encoding Practices", "5"}}, "query never accompanies a type that returns tokens; the mode is one the provider lists."},
	{RuleAuthzRequestPrompt, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}, {"OpenID Connect Core 1.0", "11"}}, "none stands alone; offline_access brings consent."},
	{RuleAuthzRequestMaxAge, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}}, "max_age is a non-negative integer, and 0 is sent."},
	{RuleAuthzRequestClaims, Must, []Reference{{"OpenID Connect Core 1.0", "5.5"}, {"OpenID Connect Core 1.0", "5.5.1"}}, "The claims value is a JSON object with userinfo or id_token; essential claims and requested values are kept for the later checks."},
	{RuleAuthzRequestIDTokenHint, Should, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}}, "The hint is an ID Token that we verified from this issuer."},
	{RuleAuthzRequestDuplicate, Must, []Reference{{"RFC 6749", "3.1"}}, "Each parameter occurs once, resource excepted, and the endpoint's own query is kept."},
	{RuleAuthzRequestRich, Must, []Reference{{"RFC 8707", "2"}, {"RFC 9396", "2"}}, "resource is an absolute URI without fragment; authorization_details is an array of objects with type."},
	{RuleJARClaims, Should, []Reference{{"OpenID Connect Core 1.0", "6.1"}, {"RFC 9101", "4"}, {"RFC 9101", "10.8"}}, "A request object has iss = client_id, aud = issuer, iat, a short exp, jti (and nbf under FAPI), and no sub."},
	{RuleJARParameters, Must, []Reference{{"OpenID Connect Core 1.0", "6.1"}, {"RFC 9101", "4"}, {"RFC 9101", "5"}}, "Outside stand client_id and, for OpenID, the same response_type and scope; under RFC 9101 client_id only; neither request nor request_uri stands inside, and not both outside."},
	{RuleJARAlg, Must, []Reference{{"OpenID Connect Core 1.0", "6.1"}, {"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "The signing algorithm is the registered one and in the provider's list; none only if both say so."},
	{RuleJARTyp, Should, []Reference{{"RFC 9101", "10.8"}}, "The header has typ oauth-authz-req+jwt."},
	{RuleJAREncryption, Must, []Reference{{"OpenID Connect Core 1.0", "10.2"}, {"OpenID Connect Core 1.0", "10.2.1"}}, "An encrypted object is signed first and uses the provider's current encryption key, refetched when stale."},
	{RuleJARRequestURI, Must, []Reference{{"OpenID Connect Core 1.0", "6.2"}, {"RFC 9101", "5.2"}}, "A hosted object's URI is https (or a URN), at most 512 ASCII characters, registered where required, with a SHA-256 fragment when its content can change."},
	{RulePARRequest, Must, []Reference{{"RFC 9126", "2.1"}}, "The push is a POST form with the token endpoint's client authentication and without request_uri."},
	{RulePARResponse, Must, []Reference{{"RFC 9126", "2.2"}}, "Success is 201 with request_uri and a positive expires_in."},
	{RulePARFront, Must, []Reference{{"RFC 9126", "4"}, {"FAPI 2.0 Security Profile", "5.3.3.2"}}, "The browser request carries only client_id and request_uri."},
	{RulePARLifetime, Must, []Reference{{"RFC 9126", "2.2"}, {"RFC 9126", "5"}}, "A request_uri is used once and before it expires, otherwise pushed anew; where the provider requires pushing, nothing else is sent."},
	{RuleAuthzResponseDuplicate, Must, []Reference{{"RFC 6749", "3.1"}}, "A parameter that occurs twice, or a query that does not parse strictly, is refused."},
	{RuleAuthzResponseMode, Must, []Reference{{"OAuth 2.0 Multiple Response Type Encoding Practices", "2.1"}, {"OAuth 2.0 Multiple Response Type Encoding Practices", "5"}}, "The answer arrives in the mode that was asked for; tokens in a query are refused."},
	{RuleAuthzResponseFormPost, Must, []Reference{{"OAuth 2.0 Form Post Response Mode", "2"}}, "A form_post answer is a POST with the form content type."},
	{RuleAuthzResponseStateMissing, Must, []Reference{{"RFC 6749", "10.12"}}, "A response without the state that was sent is refused."},
	{RuleAuthzResponseState, Must, []Reference{{"RFC 6749", "10.12"}}, "An unknown, expired or unexpected state is refused."},
	{RuleAuthzResponseStateSingleUse, Must, []Reference{{"RFC 9700", "2.1"}, {"RFC 9700", "4.2.4"}}, "The state is taken atomically by the commit, before any token request can be built; a second use is refused."},
	{RuleAuthzResponseBrowserBinding, Must, []Reference{{"RFC 6749", "10.12"}, {"RFC 9700", "2.1"}}, "The user agent presents the value whose hash the record holds; a right state from another browser is refused."},
	{RuleAuthzResponseIssMissing, Must, []Reference{{"RFC 9207", "2.4"}}, "iss is present when the metadata announces it."},
	{RuleAuthzResponseIss, Must, []Reference{{"RFC 9207", "2.4"}}, "iss, when present, equals the issuer stored under the state, and a legacy client_id equals ours."},
	{RuleAuthzResponseIssuerRedirectURI, Must, []Reference{{"RFC 9700", "4.4.2"}}, "Without iss, the answer arrives at the redirect URI that belongs to the stored issuer."},
	{RuleAuthzResponseErrorOrder, Must, []Reference{{"RFC 9207", "2.4"}}, "An error is believed only after state, binding and issuer have passed; it then ends the transaction."},
	{RuleAuthzResponseError, Must, []Reference{{"RFC 6749", "4.1.2.1"}}, "error and its description keep to their character sets; error and success together are refused; provider text is untrusted when shown."},
	{RuleAuthzResponseIncomplete, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.5"}, {"OpenID Connect Core 1.0", "3.2.2.5"}, {"OpenID Connect Core 1.0", "3.3.2.5"}}, "Everything that the response type promises is there: code, ID Token, access token with token_type."},
	{RuleAuthzResponseUnexpected, Hardening, []Reference{{"OAuth 2.0 Multiple Response Type Encoding Practices", "5"}}, "An access token or ID Token that the response type does not promise is refused."},
	{RuleAuthzResponseFrontFirst, Must, []Reference{{"OpenID Connect Core 1.0", "3.3.2.8"}, {"OpenID Connect Core 1.0", "3.3.2.10"}}, "The front-channel ID Token, its nonce and its hashes are verified before the code is redeemed or a token used."},
	{RuleAuthzResponseReturnURL, Must, []Reference{{"RFC 9700", "4.11.1"}}, "A stored return target is a local path, parsed and written anew; anything that could leave the site is refused."},
	{RuleAuthzResponsePage, Should, []Reference{{"RFC 9700", "4.2.4"}, {"RFC 9700", "4.3"}, {"OpenID Connect Core 1.0", "15.5.3"}}, "The callback gives a new session id, loads nothing from third parties, sends Referrer-Policy: no-referrer, moves a fragment by POST and clears it from the history."},
	{RuleJARMExpected, Must, []Reference{{"JWT Secured Authorization Response Mode", "2.1"}, {"JWT Secured Authorization Response Mode", "2.4"}}, "A JWT answer where none was asked, a plain answer where a JWT was, or parameters beside response are refused; values come only from the JWT."},
	{RuleJARMProtection, Must, []Reference{{"JWT Secured Authorization Response Mode", "2.2"}, {"JWT Secured Authorization Response Mode", "2.4"}, {"JWT Secured Authorization Response Mode", "3"}}, "The signature verifies under the registered algorithm (default RS256), never none; a registered encryption is present."},
	{RuleJARMIss, Must, []Reference{{"JWT Secured Authorization Response Mode", "2.4"}}, "iss is present and the issuer stored under the state."},
	{RuleJARMAud, Must, []Reference{{"JWT Secured Authorization Response Mode", "2.4"}}, "aud is present and contains our client_id."},
	{RuleJARMExp, Must, []Reference{{"JWT Secured Authorization Response Mode", "2.4"}}, "exp is present and not past."},
	{RuleTokenRequestValidated, Hardening, []Reference{{"RFC 9700", "4.5"}}, "Only the values of a validated authorization response can be redeemed; the type system sees to it."},
	{RuleTokenRequestRedirectURI, Must, []Reference{{"RFC 6749", "4.1.3"}}, "redirect_uri is the stored string of the authorization request."},
	{RuleTokenRequestCodeVerifier, Must, []Reference{{"RFC 7636", "4.5"}}, "The stored verifier is sent whenever a challenge was."},
	{RuleTokenRequestCodeOnce, Must, []Reference{{"RFC 6749", "4.1.2"}}, "A code is redeemed once; a retry is made only for an answer that cannot have consumed it (DPoP nonce)."},
	{RuleTokenRequestEndpoint, Must, []Reference{{"RFC 9700", "4.4.2"}}, "The request goes to the token endpoint of the issuer stored under the state."},
	{RuleTokenRequestForm, Must, []Reference{{"RFC 6749", "3.2"}}, "POST with a form body, nothing in the URL, no state unless a compatibility setting asks for it."},
	{RuleClientAuthMethod, Must, []Reference{{"RFC 6749", "2.3"}, {"OpenID Connect Core 1.0", "9"}, {"OpenID Connect Dynamic Client Registration 1.0", "3.2"}}, "Exactly one mechanism: the registered method (default client_secret_basic), listed by the provider, with an unexpired secret."},
	{RuleClientAuthBasic, Must, []Reference{{"RFC 6749", "2.3.1"}, {"RFC 6749", "Appendix B"}}, "Id and secret are form-urlencoded one by one, joined by : and encoded in standard base64; the secret leaves the body."},
	{RuleClientAuthBody, Must, []Reference{{"RFC 6749", "2.3.1"}, {"RFC 6749", "3.2.1"}}, "client_secret_post puts id and secret in the body; none sends client_id alone; neither touches the URL."},
	{RuleClientAuthAssertion, Must, []Reference{{"OpenID Connect Core 1.0", "9"}, {"RFC 7523", "2.2"}, {"RFC 7523", "3"}}, "iss = sub = client_id, aud, jti, iat and a short exp are present, with the JWT-bearer assertion type."},
	{RuleClientAuthAssertionAud, Should, []Reference{{"FAPI 2.0 Security Profile", "5.3.3.1"}, {"RFC 7523", "3"}}, "aud is the issuer as one string; the token endpoint only as a compatibility setting."},
	{RuleClientAuthAssertionFresh, Must, []Reference{{"OpenID Connect Core 1.0", "9"}}, "Every request, retries included, has a new assertion with a new jti."},
	{RuleClientAuthAssertionKey, Must, []Reference{{"OpenID Connect Core 1.0", "9"}}, "client_secret_jwt is an HMAC with the secret; private_key_jwt is asymmetric with the registered algorithm."},
	{RuleClientAuthMTLS, Must, []Reference{{"RFC 8705", "2"}, {"RFC 8705", "5"}}, "mTLS methods send client_id, present the certificate through the fetch policy and use mtls_endpoint_aliases when published."},
	{RuleClientAuthExposure, Hardening, []Reference{{"RFC 6749", "2.3.1"}, {"RFC 6750", "5.3"}}, "Secrets and tokens never reach URLs, errors, logs or transcripts; caller-given headers cannot set Authorization."},
	{RuleTokenResponseBody, Must, []Reference{{"RFC 6749", "5.1"}}, "Success is 200 with a JSON content type and one strict JSON object; other forms need a named quirk."},
	{RuleTokenResponseError, Must, []Reference{{"RFC 6749", "5.2"}}, "An error object becomes an OAuth error with status, code and challenge, also when it arrives in a 200; nothing else of it is used."},
	{RuleTokenResponseAccessToken, Must, []Reference{{"RFC 6749", "5.1"}, {"RFC 6749", "4.2.2"}, {"RFC 6749", "Appendix A.12"}}, "access_token is a non-empty string of printable ASCII, and so is refresh_token when present."},
	{RuleTokenResponseTokenType, Must, []Reference{{"RFC 6749", "5.1"}, {"RFC 6749", "7.1"}}, "token_type is present, compared without case, and a type that we know how to use."},
	{RuleTokenResponseDPoPDowngrade, Must, []Reference{{"RFC 9449", "5"}}, "A Bearer answer to a DPoP request is discarded unless allowed by name."},
	{RuleTokenResponseExpiresIn, Must, []Reference{{"RFC 6749", "5.1"}, {"RFC 6749", "4.2.2"}}, "Absent, or a non-negative number in range; a quoted number only under a quirk."},
	{RuleTokenResponseScope, Must, []Reference{{"RFC 6749", "5.1"}, {"RFC 9396", "7"}}, "Absent means as requested; otherwise it, and granted authorization_details, replace what was requested in the record."},
	{RuleTokenResponseIDTokenMissing, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.3"}}, "A code exchange under openid brings an ID Token."},
	{RuleTokenResponseCommit, Hardening, []Reference{{"OpenID Connect Core 1.0", "3.1.3.5"}}, "Nothing is stored before the ID Token has passed every check; then everything, once."},
	{RuleIDTokenNotEncrypted, Should, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "Where encryption was registered, a token that is not encrypted is refused."},
	{RuleIDTokenIss, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}, {"OpenID Connect Core 1.0", "16.15"}}, "iss is present and the discovered issuer."},
	{RuleIDTokenAud, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}, {"RFC 7519", "4.1.3"}}, "aud is a string or an array of strings and contains our client_id; an array with one value is fine."},
	{RuleIDTokenAudUntrusted, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "Every further audience is on a configured list."},
	{RuleIDTokenAzpMissing, Should, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "Several audiences need azp."},
	{RuleIDTokenAzp, Should, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "azp, when present, is our client_id."},
	{RuleIDTokenAlg, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}, {"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "The algorithm is the registered one, RS256 when nothing was registered."},
	{RuleIDTokenAlgNone, Must, []Reference{{"OpenID Connect Core 1.0", "2"}}, "none only if registered and only from the token endpoint in the code flow."},
	{RuleIDTokenSignature, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}, {"OpenID Connect Core 1.0", "3.2.2.11"}}, "The signature is always verified, also when the token came over TLS from the token endpoint."},
	{RuleIDTokenTyp, Hardening, []Reference{{"RFC 8725", "3.11"}, {"RFC 8725", "3.12"}}, "typ is absent or JWT, and there is no logout event in events."},
	{RuleIDTokenSub, Must, []Reference{{"OpenID Connect Core 1.0", "2"}}, "sub is a non-empty string of at most 255 ASCII characters."},
	{RuleIDTokenExp, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "exp is present and later than now less the tolerance."},
	{RuleIDTokenIat, Must, []Reference{{"OpenID Connect Core 1.0", "2"}}, "iat is present."},
	{RuleIDTokenIatFuture, Hardening, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "iat is not later than now plus the tolerance, nor later than exp."},
	{RuleIDTokenIatAge, Hardening, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "A token from the front channel is not older than the window (default 10 minutes)."},
	{RuleIDTokenNbf, Must, []Reference{{"RFC 7519", "4.1.5"}}, "nbf, when present, is not in the future."},
	{RuleIDTokenNonceMissing, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "A nonce was sent, so one is present."},
	{RuleIDTokenNonce, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}, {"OpenID Connect Core 1.0", "15.5.2"}}, "The nonce equals the one stored under this state."},
	{RuleIDTokenNonceUnexpected, Hardening, []Reference{{"OpenID Connect Core 1.0", "2"}}, "No nonce was sent, so none is present."},
	{RuleIDTokenNonceReplay, Should, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "Issuer and nonce are accepted once, recorded atomically until exp."},
	{RuleIDTokenAuthTimeMissing, Must, []Reference{{"OpenID Connect Core 1.0", "2"}, {"OpenID Connect Core 1.0", "3.1.2.1"}}, "auth_time is present when max_age, require_auth_time, default_max_age or an essential request asked for it."},
	{RuleIDTokenAuthTime, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}}, "auth_time is a number, not in the future, and within max_age."},
	{RuleIDTokenACR, Should, []Reference{{"OpenID Connect Core 1.0", "3.1.3.7"}, {"OpenID Connect Core 1.0", "5.5.1.1"}}, "An essential acr has one of the requested values."},
	{RuleIDTokenAtHashMissing, Must, []Reference{{"OpenID Connect Core 1.0", "3.2.2.10"}, {"OpenID Connect Core 1.0", "3.3.2.11"}}, "An ID Token issued in front beside an access token has at_hash."},
	{RuleIDTokenAtHash, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.8"}, {"OpenID Connect Core 1.0", "3.2.2.9"}}, "at_hash, wherever present, matches the access token."},
	{RuleIDTokenCHashMissing, Must, []Reference{{"OpenID Connect Core 1.0", "3.3.2.11"}}, "An ID Token issued in front beside a code has c_hash."},
	{RuleIDTokenCHash, Must, []Reference{{"OpenID Connect Core 1.0", "3.3.2.10"}}, "c_hash matches the code."},
	{RuleIDTokenSHash, Should, []Reference{{"FAPI 1.0 Part 2: Advanced", "5.2.3.1"}}, "s_hash, when present, matches the state; under FAPI 1 it is required in front."},
	{RuleIDTokenHashAlg, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.3.6"}}, "The hash is the one of the signing algorithm; SHA-512 for Ed25519."},
	{RuleIDTokenHybridBinding, Must, []Reference{{"OpenID Connect Core 1.0", "3.3.3.6"}}, "iss and sub are the same in the front- and back-channel ID Tokens."},
	{RuleIDTokenRequestedSub, Hardening, []Reference{{"OpenID Connect Core 1.0", "3.1.2.2"}, {"OpenID Connect Core 1.0", "5.5.1"}}, "A sub requested by value, or implied by an id_token_hint, is the one returned."},
	{RuleRefreshScope, Must, []Reference{{"RFC 6749", "6"}}, "A requested scope is a subset of what was granted."},
	{RuleRefreshIss, Must, []Reference{{"OpenID Connect Core 1.0", "12.2"}}, "A new ID Token has the original iss."},
	{RuleRefreshSub, Must, []Reference{{"OpenID Connect Core 1.0", "12.2"}}, "A new ID Token has the original sub."},
	{RuleRefreshAud, Must, []Reference{{"OpenID Connect Core 1.0", "12.2"}}, "A new ID Token has the original audience, and azp as it was or absent as it was."},
	{RuleRefreshAuthTime, Must, []Reference{{"OpenID Connect Core 1.0", "12.2"}}, "A new ID Token that has an auth_time has the original one; its iat is the time of its issue."},
	{RuleRefreshNonce, Must, []Reference{{"OpenID Connect Core 1.0", "12.2"}}, "A new ID Token has no nonce, or the original one."},
	{RuleRefreshValidation, Must, []Reference{{"OpenID Connect Core 1.0", "12.2"}, {"OpenID Connect Core 1.0", "3.1.3.7"}}, "A new ID Token passes the same signature, algorithm, audience and time checks with the same tolerance; none at all is legal."},
	{RuleRefreshRotation, Must, []Reference{{"RFC 6749", "6"}, {"RFC 9700", "4.14.2"}}, "A returned refresh token replaces the old in one step; invalid_grant ends the session, other failures keep the old tokens."},
	{RuleRefreshSingleFlight, Hardening, []Reference{{"RFC 9700", "4.14.2"}}, "At most one refresh per token family is under way, across processes; the refresh token is sent in the body only."},
	{RuleUserInfoTokenTransport, Must, []Reference{{"RFC 6750", "2"}, {"RFC 6750", "5.3"}, {"RFC 9700", "4.3"}}, "The access token goes in one place: the header, or the form body of a POST; never in the URL."},
	{RuleUserInfoStatus, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.3"}, {"RFC 6750", "3"}}, "200, or a parsed challenge; nothing is read from other answers."},
	{RuleUserInfoContentType, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.2"}, {"OpenID Connect Core 1.0", "5.3.4"}}, "JSON when nothing was registered, application/jwt when signing or encryption was; the other form is refused."},
	{RuleUserInfoSignature, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.4"}, {"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "A signed answer verifies with the registered algorithm, for which there is no default."},
	{RuleUserInfoIss, Should, []Reference{{"OpenID Connect Core 1.0", "5.3.2"}}, "A signed answer names the issuer."},
	{RuleUserInfoAud, Should, []Reference{{"OpenID Connect Core 1.0", "5.3.2"}}, "A signed answer has our client_id in aud."},
	{RuleUserInfoNotEncrypted, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.4"}}, "Where encryption was registered, the answer is encrypted."},
	{RuleUserInfoSub, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.2"}, {"OpenID Connect Core 1.0", "5.3.4"}}, "sub is present and equals the verified ID Token's; the expected value is a mandatory argument and going without needs a named skip."},
	{RuleUserInfoClaims, Should, []Reference{{"OpenID Connect Core 1.0", "5.1"}, {"OpenID Connect Core 1.0", "5.3.2"}, {"OpenID Connect Core 1.0", "5.5.1"}}, "Claim types are checked; null and empty claims count as absent; a missing essential claim is reported, not fatal; claims never overwrite protocol state."},
	{RuleUserInfoChallenge, Should, []Reference{{"RFC 6750", "3.1"}, {"RFC 9470", "3"}, {"RFC 9470", "4"}}, "A 401 invalid_token allows one refresh and one retry; insufficient_scope none; insufficient_user_authentication leads to a new authorization with the named acr_values and max_age."},
	{RuleUserInfoDPoPScheme, Must, []Reference{{"RFC 9449", "7.1"}}, "A DPoP-bound token goes out under the DPoP scheme with a proof."},
	{RuleClaimsSourceNames, Must, []Reference{{"OpenID Connect Core 1.0", "5.6.2"}}, "Only the claims that _claim_names assigns to a source are taken from it; they never replace a claim of the provider, least of all sub and iss."},
	{RuleClaimsSourceSignature, Hardening, []Reference{{"OpenID Connect Core 1.0", "5.6.2"}, {"RFC 8725", "3.8"}}, "A source's JWT verifies against the source's own issuer before its claims are merged; an unsigned or unknown one is kept apart and marked unverified."},
	{RuleClaimsSourceFetch, Hardening, []Reference{{"OpenID Connect Core 1.0", "5.6.2"}}, "A distributed source is https, fetched without redirects, cookies or client certificate, not at a special-use address, with limits on number and size."},
	{RuleClaimsSourceToken, Must, []Reference{{"OpenID Connect Core 1.0", "5.6.2"}}, "The source gets its own access token as bearer, never the provider's."},
	{RuleClaimsSourceFailure, Should, []Reference{{"OpenID Connect Core 1.0", "5.6.2"}}, "A failing source loses its claims, not the login; the answer is a JWT."},
	{RuleIntrospectionActive, Must, []Reference{{"RFC 7662", "2.1"}, {"RFC 7662", "2.2"}}, "The call is authenticated; active is a boolean; when false or expired nothing else is used."},
	{RuleIntrospectionJWT, Must, []Reference{{"RFC 9701", "5"}}, "A JWT answer has typ token-introspection+jwt, our audience, the issuer, iat and token_introspection; plain JSON is refused where a JWT was asked for."},
	{RuleRevocationResponse, Must, []Reference{{"RFC 7009", "2.2"}, {"RFC 7009", "2.2.1"}}, "200 is success whatever the body; 503 means still valid, with Retry-After bounded; other errors are OAuth errors."},
	{RuleRevocationLocal, Hardening, []Reference{{"RFC 7009", "2.1"}}, "After success the local record forgets the token, and what it carried when it was a refresh token."},
	{RuleExchangeRequest, Must, []Reference{{"RFC 8693", "2.1"}}, "subject_token has its type, and actor_token has its type if and only if it is there."},
	{RuleExchangeResponse, Must, []Reference{{"RFC 8693", "2.2.1"}}, "issued_token_type is present; token_type N_A goes with tokens that are no access tokens."},
	{RuleClientCredentialsGrant, Must, []Reference{{"RFC 6749", "4.4"}, {"RFC 6749", "4.4.3"}}, "Confidential clients only; a refresh token or ID Token in the answer is not used; the result is kept apart from user sessions."},
	{RulePasswordGrant, Must, []Reference{{"RFC 9700", "2.4"}}, "The password grant is not offered."},
	{RuleDeviceResponse, Must, []Reference{{"RFC 8628", "3.2"}, {"RFC 8628", "3.3"}}, "device_code, user_code, https verification_uri and expires_in are present; the device code is never shown."},
	{RuleDevicePolling, Must, []Reference{{"RFC 8628", "3.5"}}, "Polls are at least interval (default 5 s) apart; slow_down adds 5 s for good."},
	{RuleDeviceTimeout, Must, []Reference{{"RFC 8628", "3.5"}}, "A connection timeout lengthens the interval, exponentially."},
	{RuleDeviceStop, Must, []Reference{{"RFC 8628", "3.5"}}, "Any other error, or expires_in, ends polling; an ID Token in the result is verified like any other."},
	{RuleCIBARequest, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "7.1"}, {"OpenID Connect CIBA Core 1.0", "7.1.1"}}, "Exactly one hint, openid in scope, the registered delivery mode, and for ping and push a notification token of 128 bits or more; a signed request has all parameters inside."},
	{RuleCIBAAck, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "7.3"}, {"OpenID Connect CIBA Core 1.0", "7.4"}, {"OpenID Connect CIBA Core 1.0", "13"}}, "auth_req_id and expires_in are present; a 4xx error ends the matter."},
	{RuleCIBAPolling, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "7.3"}, {"OpenID Connect CIBA Core 1.0", "10.1"}, {"OpenID Connect CIBA Core 1.0", "11"}}, "Polls keep to interval (default 5 s) and slow_down; there are none in push mode."},
	{RuleCIBAStop, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "11"}}, "access_denied, expired_token, invalid_request and other final errors end all requests for that auth_req_id."},
	{RuleCIBAPing, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "9"}, {"OpenID Connect CIBA Core 1.0", "10.2"}}, "A notification without our bearer token (constant time) gets 401, one with an unknown auth_req_id starts nothing, a good one is answered 204."},
	{RuleCIBAPush, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "10.3.1"}}, "A pushed ID Token is verified and carries auth_req_id, at_hash and, with a refresh token, rt_hash, all matching."},
	{RuleDPoPProof, Must, []Reference{{"RFC 9449", "4.2"}, {"RFC 9449", "5.1"}}, "typ dpop+jwt, an asymmetric algorithm the server lists, and the public jwk only."},
	{RuleDPoPTarget, Must, []Reference{{"RFC 9449", "4.2"}}, "htm is the method, htu the URL without query and fragment."},
	{RuleDPoPFresh, Must, []Reference{{"RFC 9449", "4.2"}}, "Each request has a new jti and an iat of now."},
	{RuleDPoPAth, Must, []Reference{{"RFC 9449", "4.2"}}, "At a resource ath is the base64url SHA-256 of the access token."},
	{RuleDPoPNonce, Must, []Reference{{"RFC 9449", "8"}, {"RFC 9449", "8.2"}, {"RFC 9449", "9"}}, "The latest nonce of that origin, taken from any answer, 200 included, is sent back unchanged."},
	{RuleDPoPNonceRetry, Must, []Reference{{"RFC 9449", "8"}, {"RFC 9449", "9"}}, "use_dpop_nonce (400 at the server, 401 at a resource) leads to one retry with a new proof and a new assertion."},
	{RuleDPoPKey, Must, []Reference{{"RFC 9449", "5"}, {"RFC 9449", "10"}}, "Token, refresh and dpop_jkt belong to one stored key; another key refuses before sending."},
	{RuleChallengeParsing, Must, []Reference{{"RFC 9110", "11.1"}, {"RFC 9110", "11.6.1"}}, "Challenges are parsed strictly, several per header, schemes without regard to case."},
	{RuleChallengeResource, Must, []Reference{{"RFC 9728", "3.3"}, {"RFC 9728", "5.1"}}, "Resource metadata named by a challenge has a resource equal to the URL asked."},
	{RuleEndSessionRequest, Should, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}, {"OpenID Connect RP-Initiated Logout 1.0", "2.1"}}, "The endpoint is https; id_token_hint is the original ID Token of this state, client_id ours, the local session already closed."},
	{RuleEndSessionRedirectURI, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}, {"OpenID Connect RP-Initiated Logout 1.0", "3.1"}}, "The post-logout URI is one that we registered."},
	{RuleEndSessionState, Should, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}}, "A fresh state is kept in its own index and taken once."},
	{RuleEndSessionReturn, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "3"}}, "A missing or unknown state at the return address is no confirmation of any logout and breaks nothing."},
	{RuleFrontchannelParameters, Must, []Reference{{"OpenID Connect Front-Channel Logout 1.0", "2"}}, "iss and sid come together or not at all, once each; both when we registered session_required."},
	{RuleFrontchannelMatch, Must, []Reference{{"OpenID Connect Front-Channel Logout 1.0", "2"}}, "iss and sid belong to one session of ours; otherwise nothing happens."},
	{RuleFrontchannelEffect, Hardening, []Reference{{"OpenID Connect Front-Channel Logout 1.0", "2"}}, "The request ends the local session only, revokes nothing, and its answer is not cached."},
	{RuleBackchannelRequest, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.5"}}, "A POST form with exactly one logout_token; other parameters and unknown claims are ignored."},
	{RuleBackchannelSignature, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.4"}, {"OpenID Connect Back-Channel Logout 1.0", "2.6"}}, "Verified under the ID Token algorithm registered for us (default RS256), never none; encrypted if ID Tokens are."},
	{RuleBackchannelTyp, Should, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.4"}}, "typ, when present, is logout+jwt; an ID Token is never taken for a logout token."},
	{RuleBackchannelIss, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.6"}}, "iss is present and ours."},
	{RuleBackchannelAud, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.6"}}, "aud contains our client_id."},
	{RuleBackchannelTime, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.4"}, {"OpenID Connect Back-Channel Logout 1.0", "2.6"}}, "iat is present and recent; exp is present and not past; a quirk admits providers older than the errata without exp."},
	{RuleBackchannelJti, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.4"}, {"OpenID Connect Back-Channel Logout 1.0", "2.6"}}, "jti is present and accepted once until exp; if the replay store fails, so does the request."},
	{RuleBackchannelEvents, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.4"}, {"OpenID Connect Back-Channel Logout 1.0", "2.6"}}, "events is an object with the back-channel logout member, whose value is an object."},
	{RuleBackchannelNonce, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.6"}}, "There is no nonce."},
	{RuleBackchannelSubject, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.4"}, {"OpenID Connect Back-Channel Logout 1.0", "2.6"}}, "sub or sid is present; when both are, they mean the same session."},
	{RuleBackchannelSessions, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.7"}}, "sid ends that session, sub alone all sessions of that user at that issuer; a session already gone is success."},
	{RuleBackchannelResponse, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.8"}}, "200 for done, 400 for refused, both with Cache-Control: no-store."},
	{RuleSessionIframe, Must, []Reference{{"OpenID Connect Session Management 1.0", "3.1"}}, "Messages are client_id, space, session_state; they go to and are taken from the provider's origin only."},
	{RuleSessionStatus, Must, []Reference{{"OpenID Connect Session Management 1.0", "3.1"}}, "On changed a prompt=none request with hint decides, and another user means logout; on error no such request is made."},
	{RuleInitLoginIss, Must, []Reference{{"OpenID Connect Core 1.0", "4"}}, "GET or POST with an iss that is on our list of issuers or allowed by discovery policy."},
	{RuleInitLoginTarget, Must, []Reference{{"OpenID Connect Core 1.0", "4"}, {"RFC 9700", "4.11.1"}}, "target_link_uri stays on our site or the request is refused."},
	{RuleInitLoginLoginHint, Must, []Reference{{"OpenID Connect Core 1.0", "4"}}, "A login_hint is passed on in the authorization request."},
	{RuleInitLoginEffect, Should, []Reference{{"OpenID Connect Core 1.0", "4"}}, "The endpoint only starts a normal login; it changes no session and cannot be framed."},
	{RuleProfileResponseType, Must, []Reference{{"FAPI 2.0 Security Profile", "5.3.2.2"}, {"RFC 9700", "2.1.2"}}, "Under FAPI 2.0 the response type is code; under OAuth 2.1 none brings an access token in the front channel."},
	{RuleProfileClientAuth, Must, []Reference{{"FAPI 2.0 Security Profile", "5.3.3.1"}}, "Under FAPI 2.0 the client authenticates with private_key_jwt or mutual TLS."},
	{RuleProfileSenderConstrained, Must, []Reference{{"FAPI 2.0 Security Profile", "5.3.3.1"}}, "Under FAPI 2.0 access tokens are bound to a key of ours, by DPoP or mutual TLS."},
	{RuleProfileAlgorithm, Must, []Reference{{"FAPI 2.0 Security Profile", "5.4.1"}}, "Under FAPI 2.0 everything is signed with PS256, ES256 or EdDSA."},
	{RuleProfileCompat, Hardening, []Reference{}, "A profile excludes the compatibility settings that loosen what it demands."},
	{RuleTransportHTTPS, Must, []Reference{{"OpenID Connect Core 1.0", "16.17"}}, "https everywhere; http only for addresses admitted by a named option."},
	{RuleTransportTLS, Must, []Reference{{"OpenID Connect Core 1.0", "16.17"}}, "Server certificates are verified; trust roots can be added, verification cannot be switched off."},
	{RuleTransportRedirect, Hardening, []Reference{}, "Back-channel calls do not follow redirects, WebFinger excepted."},
	{RuleTransportLimits, Hardening, []Reference{}, "Every fetch has a time limit and a size limit of its own."},
	{RuleTransportAddress, Hardening, []Reference{}, "URLs that a peer supplied do not reach special-use addresses, judged on the connected socket."},
	{RuleTransportCredentials, Hardening, []Reference{}, "Cookies, client certificates and authorization go only where the fetch says so."},
	{RuleTransportJSON, Hardening, []Reference{{"RFC 8259", "4"}}, "Bodies are strict JSON: one object, no duplicate members, valid UTF-8, at most 16 levels, then nothing."},
	{RuleTransportRetry, Hardening, []Reference{}, "Requests that spend something (code, refresh token, assertion) are not repeated by the driver; Retry-After is bounded."},
	{RuleTransportAnswer, Hardening, []Reference{}, "An answer to an unknown, finished or repeated need is refused."},
}
