package message

// The rules that the provider enforces, in protocol order. Each constant is the
// rule's stable name; the table below holds what it says and where that is written.
const (
	// Parsing.
	RuleOPParamDuplicate Rule = "op_param_duplicate"
	RuleOPParamUnknown   Rule = "op_param_unknown"
	RuleOPParamEmpty     Rule = "op_param_empty"
	RuleOPParamSyntax    Rule = "op_param_syntax"
	RuleOPRequestMethod  Rule = "op_request_method"
	RuleOPRequestBody    Rule = "op_request_body"

	// Client authentication.
	RuleOPClientAuthRequired   Rule = "op_client_auth_required"
	RuleOPClientAuthRegistered Rule = "op_client_auth_registered"
	RuleOPClientAuthSingle     Rule = "op_client_auth_single"
	RuleOPClientAuthPublic     Rule = "op_client_auth_public"
	RuleOPClientAuthID         Rule = "op_client_auth_id"
	RuleOPClientAuthError      Rule = "op_client_auth_error"
	RuleOPClientAuthBasic      Rule = "op_client_auth_basic"
	RuleOPClientSecretCompare  Rule = "op_client_secret_compare"
	RuleOPClientAuthAttempts   Rule = "op_client_auth_attempts"
	RuleOPAssertionType        Rule = "op_assertion_type"
	RuleOPAssertionClaims      Rule = "op_assertion_claims"
	RuleOPAssertionAud         Rule = "op_assertion_aud"
	RuleOPAssertionJti         Rule = "op_assertion_jti"
	RuleOPAssertionAlg         Rule = "op_assertion_alg"
	RuleOPClientKeys           Rule = "op_client_keys"
	RuleOPClientMTLS           Rule = "op_client_mtls"

	// Registration and management.
	RuleOPRegistrationRequest           Rule = "op_reg_request"
	RuleOPRegistrationInitialToken      Rule = "op_reg_initial_token"
	RuleOPRegistrationRedirectURIs      Rule = "op_reg_redirect_uris"
	RuleOPRegistrationRedirectWeb       Rule = "op_reg_redirect_web"
	RuleOPRegistrationRedirectNative    Rule = "op_reg_redirect_native"
	RuleOPRegistrationRedirectScheme    Rule = "op_reg_redirect_scheme"
	RuleOPRegistrationGrantTypes        Rule = "op_reg_grant_types"
	RuleOPRegistrationKeys              Rule = "op_reg_keys"
	RuleOPRegistrationAlgs              Rule = "op_reg_algs"
	RuleOPRegistrationSector            Rule = "op_reg_sector"
	RuleOPRegistrationSubjectType       Rule = "op_reg_subject_type"
	RuleOPRegistrationURIs              Rule = "op_reg_uris"
	RuleOPRegistrationDisplayURIs       Rule = "op_reg_display_uris"
	RuleOPRegistrationSoftwareStatement Rule = "op_reg_software_statement"
	RuleOPRegistrationClientID          Rule = "op_reg_client_id"
	RuleOPRegistrationSecret            Rule = "op_reg_secret"
	RuleOPRegistrationResponse          Rule = "op_reg_response"
	RuleOPRegistrationError             Rule = "op_reg_error"
	RuleOPRegistrationManageAuth        Rule = "op_reg_manage_auth"
	RuleOPRegistrationManageWrite       Rule = "op_reg_manage_write"

	// Authorization request, in the order of the checks.
	RuleOPAuthzClient             Rule = "op_authz_client"
	RuleOPAuthzRedirectURIMissing Rule = "op_authz_redirect_uri_missing"
	RuleOPAuthzRedirectURI        Rule = "op_authz_redirect_uri"
	RuleOPAuthzRedirectLoopback   Rule = "op_authz_redirect_loopback"
	RuleOPAuthzErrorRouting       Rule = "op_authz_error_routing"
	RuleOPAuthzOpenRedirect       Rule = "op_authz_open_redirect"
	RuleOPAuthzResponseType       Rule = "op_authz_response_type"
	RuleOPAuthzImplicitPolicy     Rule = "op_authz_implicit_policy"
	RuleOPAuthzResponseMode       Rule = "op_authz_response_mode"
	RuleOPAuthzScope              Rule = "op_authz_scope"
	RuleOPAuthzNonce              Rule = "op_authz_nonce"
	RuleOPAuthzNonceConstant      Rule = "op_authz_nonce_constant"
	RuleOPAuthzPrompt             Rule = "op_authz_prompt"
	RuleOPAuthzMaxAge             Rule = "op_authz_max_age"
	RuleOPAuthzHints              Rule = "op_authz_hints"
	RuleOPAuthzIDTokenHint        Rule = "op_authz_id_token_hint"
	RuleOPAuthzClaims             Rule = "op_authz_claims"
	RuleOPAuthzOfflineAccess      Rule = "op_authz_offline_access"
	RuleOPAuthzPKCERequired       Rule = "op_authz_pkce_required"
	RuleOPAuthzPKCEMethod         Rule = "op_authz_pkce_method"
	RuleOPAuthzResource           Rule = "op_authz_resource"
	RuleOPAuthzRAR                Rule = "op_authz_rar"
	RuleOPAuthzRegistration       Rule = "op_authz_registration"
	RuleOPAuthzLongValues         Rule = "op_authz_long_values"

	// Request objects, request_uri and PAR.
	RuleOPJARSupported         Rule = "op_jar_supported"
	RuleOPJARRequired          Rule = "op_jar_required"
	RuleOPJARError             Rule = "op_jar_error"
	RuleOPJARAlg               Rule = "op_jar_alg"
	RuleOPJARClaims            Rule = "op_jar_claims"
	RuleOPJARNesting           Rule = "op_jar_nesting"
	RuleOPJARMismatch          Rule = "op_jar_mismatch"
	RuleOPJARPrecedence        Rule = "op_jar_precedence"
	RuleOPJARTyp               Rule = "op_jar_typ"
	RuleOPJAREncryption        Rule = "op_jar_encryption"
	RuleOPRequestURIRegistered Rule = "op_request_uri_registered"
	RuleOPRequestURIFetch      Rule = "op_request_uri_fetch"
	RuleOPRequestURIHash       Rule = "op_request_uri_hash"
	RuleOPPARAuth              Rule = "op_par_auth"
	RuleOPPARValidation        Rule = "op_par_validation"
	RuleOPPARRedirect          Rule = "op_par_redirect"
	RuleOPPARResponse          Rule = "op_par_response"
	RuleOPPARBinding           Rule = "op_par_binding"
	RuleOPPARUse               Rule = "op_par_use"
	RuleOPPARExpired           Rule = "op_par_expired"
	RuleOPPARRequired          Rule = "op_par_required"

	// Login and consent.
	RuleOPLoginPromptNone     Rule = "op_login_prompt_none"
	RuleOPLoginPromptLogin    Rule = "op_login_prompt_login"
	RuleOPLoginPromptOther    Rule = "op_login_prompt_other"
	RuleOPLoginMaxAge         Rule = "op_login_max_age"
	RuleOPLoginClientDefaults Rule = "op_login_client_defaults"
	RuleOPLoginUser           Rule = "op_login_user"
	RuleOPLoginACR            Rule = "op_login_acr"
	RuleOPConsent             Rule = "op_consent"
	RuleOPConsentPage         Rule = "op_consent_page"
	RuleOPLoginBinding        Rule = "op_login_binding"
	RuleOPLoginSession        Rule = "op_login_session"
	RuleOPLoginAttempts       Rule = "op_login_attempts"

	// Authorization response.
	RuleOPResponseMembers      Rule = "op_response_members"
	RuleOPResponseIss          Rule = "op_response_iss"
	RuleOPResponseState        Rule = "op_response_state"
	RuleOPResponseEncoding     Rule = "op_response_encoding"
	RuleOPResponseFormPost     Rule = "op_response_form_post"
	RuleOPResponseRedirect     Rule = "op_response_redirect"
	RuleOPResponseCode         Rule = "op_response_code"
	RuleOPResponseJARM         Rule = "op_response_jarm"
	RuleOPResponseSessionState Rule = "op_response_session_state"

	// Token endpoint.
	RuleOPTokenGrantType         Rule = "op_token_grant_type"
	RuleOPTokenError             Rule = "op_token_error"
	RuleOPTokenInvalidGrant      Rule = "op_token_invalid_grant"
	RuleOPTokenNoStore           Rule = "op_token_no_store"
	RuleOPTokenResponse          Rule = "op_token_response"
	RuleOPCodeSingleUse          Rule = "op_code_single_use"
	RuleOPCodeReplay             Rule = "op_code_replay"
	RuleOPCodeBinding            Rule = "op_code_binding"
	RuleOPCodeRedirectURI        Rule = "op_code_redirect_uri"
	RuleOPCodeExpired            Rule = "op_code_expired"
	RuleOPPKCEVerifier           Rule = "op_pkce_verifier"
	RuleOPPKCEDowngrade          Rule = "op_pkce_downgrade"
	RuleOPPKCESyntax             Rule = "op_pkce_syntax"
	RuleOPRefreshIssue           Rule = "op_refresh_issue"
	RuleOPRefreshBinding         Rule = "op_refresh_binding"
	RuleOPRefreshScope           Rule = "op_refresh_scope"
	RuleOPRefreshRotation        Rule = "op_refresh_rotation"
	RuleOPRefreshReuse           Rule = "op_refresh_reuse"
	RuleOPRefreshGrace           Rule = "op_refresh_grace"
	RuleOPRefreshExpiry          Rule = "op_refresh_expiry"
	RuleOPRefreshIDToken         Rule = "op_refresh_id_token"
	RuleOPClientCredentialsGrant Rule = "op_cc_grant"
	RuleOPPasswordGrant          Rule = "op_password_grant"
	RuleOPExchangeRequest        Rule = "op_exchange_request"
	RuleOPExchangeResponse       Rule = "op_exchange_response"
	RuleOPJWTBearer              Rule = "op_jwt_bearer"
	RuleOPDeviceAuthorization    Rule = "op_device_authorization"
	RuleOPDeviceConfirm          Rule = "op_device_confirm"
	RuleOPDevicePoll             Rule = "op_device_poll"
	RuleOPCIBARequest            Rule = "op_ciba_request"
	RuleOPCIBAResult             Rule = "op_ciba_result"
	RuleOPCIBANotify             Rule = "op_ciba_notify"

	// Issued tokens.
	RuleOPIDTokenClaims         Rule = "op_idtoken_claims"
	RuleOPIDTokenAlg            Rule = "op_idtoken_alg"
	RuleOPIDTokenEncryption     Rule = "op_idtoken_encryption"
	RuleOPIDTokenNonce          Rule = "op_idtoken_nonce"
	RuleOPIDTokenAuthTime       Rule = "op_idtoken_auth_time"
	RuleOPIDTokenHashes         Rule = "op_idtoken_hashes"
	RuleOPIDTokenHybrid         Rule = "op_idtoken_hybrid"
	RuleOPIDTokenScopeClaims    Rule = "op_idtoken_scope_claims"
	RuleOPIDTokenSid            Rule = "op_idtoken_sid"
	RuleOPAccessTokenJWT        Rule = "op_access_token_jwt"
	RuleOPAccessTokenAudience   Rule = "op_access_token_audience"
	RuleOPAccessTokenValidation Rule = "op_access_token_validation"
	RuleOPAccessTokenLifetime   Rule = "op_access_token_lifetime"
	RuleOPTokenStorage          Rule = "op_token_storage"
	RuleOPTokenClientSubject    Rule = "op_token_client_subject"

	// UserInfo and pairwise subjects.
	RuleOPUserInfoToken     Rule = "op_userinfo_token"
	RuleOPUserInfoChallenge Rule = "op_userinfo_challenge"
	RuleOPUserInfoSub       Rule = "op_userinfo_sub"
	RuleOPUserInfoJWT       Rule = "op_userinfo_jwt"
	RuleOPUserInfoClaims    Rule = "op_userinfo_claims"
	RuleOPUserInfoPolicy    Rule = "op_userinfo_policy"
	RuleOPPairwiseSub       Rule = "op_pairwise_sub"
	RuleOPPairwiseSector    Rule = "op_pairwise_sector"
	RuleOPSubStable         Rule = "op_sub_stable"

	// Introspection and revocation.
	RuleOPIntrospectAuth     Rule = "op_introspect_auth"
	RuleOPIntrospectInactive Rule = "op_introspect_inactive"
	RuleOPIntrospectActive   Rule = "op_introspect_active"
	RuleOPIntrospectJWT      Rule = "op_introspect_jwt"
	RuleOPRevokeClient       Rule = "op_revoke_client"
	RuleOPRevokeUnknown      Rule = "op_revoke_unknown"
	RuleOPRevokeCascade      Rule = "op_revoke_cascade"

	// DPoP and mTLS.
	RuleOPDPoPProof                Rule = "op_dpop_proof"
	RuleOPDPoPTarget               Rule = "op_dpop_target"
	RuleOPDPoPTime                 Rule = "op_dpop_time"
	RuleOPDPoPJti                  Rule = "op_dpop_jti"
	RuleOPDPoPNonce                Rule = "op_dpop_nonce"
	RuleOPDPoPBinding              Rule = "op_dpop_binding"
	RuleOPDPoPScheme               Rule = "op_dpop_scheme"
	RuleOPDPoPCode                 Rule = "op_dpop_code"
	RuleOPMTLSBinding              Rule = "op_mtls_binding"
	RuleOPMTLSSource               Rule = "op_mtls_source"
	RuleOPSenderConstraintRequired Rule = "op_sender_constraint_required"

	// Logout and sessions.
	RuleOPEndSessionHint      Rule = "op_endsession_hint"
	RuleOPEndSessionClient    Rule = "op_endsession_client"
	RuleOPEndSessionRedirect  Rule = "op_endsession_redirect"
	RuleOPEndSessionConfirm   Rule = "op_endsession_confirm"
	RuleOPEndSessionBare      Rule = "op_endsession_bare"
	RuleOPEndSessionState     Rule = "op_endsession_state"
	RuleOPEndSessionEffect    Rule = "op_endsession_effect"
	RuleOPFrontchannel        Rule = "op_frontchannel"
	RuleOPBackchannelToken    Rule = "op_backchannel_token"
	RuleOPBackchannelDelivery Rule = "op_backchannel_delivery"
	RuleOPBackchannelSessions Rule = "op_backchannel_sessions"
	RuleOPSessionIframe       Rule = "op_session_iframe"
	RuleOPSessionCookie       Rule = "op_session_cookie"

	// Metadata, keys and WebFinger.
	RuleOPMetadataTrue      Rule = "op_metadata_true"
	RuleOPMetadataRequired  Rule = "op_metadata_required"
	RuleOPMetadataIssuer    Rule = "op_metadata_issuer"
	RuleOPMetadataFeatures  Rule = "op_metadata_features"
	RuleOPMetadataRFC8414   Rule = "op_metadata_rfc8414"
	RuleOPJWKSPublish       Rule = "op_jwks_publish"
	RuleOPJWKSRotation      Rule = "op_jwks_rotation"
	RuleOPJWKSDecryption    Rule = "op_jwks_decryption"
	RuleOPWebFingerRequest  Rule = "op_webfinger_request"
	RuleOPWebFingerRel      Rule = "op_webfinger_rel"
	RuleOPWebFingerResponse Rule = "op_webfinger_response"
	RuleOPWebFingerPrivacy  Rule = "op_webfinger_privacy"

	// HTTP.
	RuleOPCORS           Rule = "op_cors"
	RuleOPCookie         Rule = "op_cookie"
	RuleOPFrame          Rule = "op_frame"
	RuleOPCSP            Rule = "op_csp"
	RuleOPReferrer       Rule = "op_referrer"
	RuleOPEscape         Rule = "op_escape"
	RuleOPForwarded      Rule = "op_forwarded"
	RuleOPOutbound       Rule = "op_outbound"
	RuleOPOpenRedirect   Rule = "op_open_redirect"
	RuleOPSecretExposure Rule = "op_secret_exposure"

	// Profile FAPI 2.0, when selected.
	RuleOPFAPI2Request Rule = "op_fapi2_request"
	RuleOPFAPI2Clients Rule = "op_fapi2_clients"
	RuleOPFAPI2Algs    Rule = "op_fapi2_algs"
	RuleOPFAPI2Tokens  Rule = "op_fapi2_tokens"
	RuleOPFAPI2Signing Rule = "op_fapi2_signing"
)

// opRules is the table of the provider's rules.
var opRules = []ruleInfo{
	{RuleOPParamDuplicate, Must, []Reference{{"RFC 6749", "3.1"}, {"RFC 6749", "3.2"}}, "A parameter that occurs twice (other than resource, audience) is invalid_request, and its value is not used for anything, not even to route the error."},
	{RuleOPParamUnknown, Must, []Reference{{"RFC 6749", "3.1"}, {"RFC 6749", "3.2"}}, "Unknown parameters are ignored and never reach logs, pages or later requests."},
	{RuleOPParamEmpty, Must, []Reference{{"RFC 6749", "3.1"}}, "A parameter without a value counts as absent."},
	{RuleOPParamSyntax, Must, []Reference{{"RFC 6749", "Appendix A"}}, "Each parameter keeps to its character set and length: scope words, VSCHAR ids, valid UTF-8, strict percent-encoding."},
	{RuleOPRequestMethod, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}, {"RFC 6749", "3.2"}, {"RFC 9126", "2.1"}}, "Authorization, UserInfo and end_session take GET and POST; token, introspection, revocation, PAR, device and CIBA take POST; anything else is 405 with Allow."},
	{RuleOPRequestBody, Must, []Reference{{"RFC 6749", "3.2"}}, "A POST has the form content type (registration JSON), parameters only in the body, and at most a few dozen KiB."},
	{RuleOPClientAuthRequired, Must, []Reference{{"RFC 6749", "3.2.1"}}, "A client not registered with none authenticates at every endpoint that says so; no setting, and no missing setting, lets it through."},
	{RuleOPClientAuthRegistered, Must, []Reference{{"OpenID Connect Core 1.0", "9"}, {"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "The mechanism is the client's registered one (default client_secret_basic)."},
	{RuleOPClientAuthSingle, Must, []Reference{{"RFC 6749", "2.3"}}, "One mechanism per request; two are invalid_request."},
	{RuleOPClientAuthPublic, Must, []Reference{{"RFC 6749", "3.2.1"}, {"OpenID Connect Core 1.0", "9"}}, "A client registered with none sends client_id and no credential; a credential from it is refused."},
	{RuleOPClientAuthID, Must, []Reference{{"RFC 6749", "3.2.1"}, {"RFC 7523", "3"}}, "client_id in header, body, assertion, certificate and token agree."},
	{RuleOPClientAuthError, Must, []Reference{{"RFC 6749", "5.2"}}, "Failure is 401 invalid_client, with WWW-Authenticate of the scheme that was tried; unknown client and wrong secret look alike."},
	{RuleOPClientAuthBasic, Must, []Reference{{"RFC 6749", "2.3.1"}, {"RFC 6749", "Appendix B"}}, "Basic is strict base64 with one split at the first : and form-decoding of both halves."},
	{RuleOPClientSecretCompare, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3.2"}, {"OpenID Connect Core 1.0", "16.19"}}, "Secrets are compared in constant time over equal lengths, kept only as needed, and refused after their expiry."},
	{RuleOPClientAuthAttempts, Must, []Reference{{"RFC 6749", "2.3.1"}, {"RFC 6749", "10.10"}}, "Guessing is limited per client and source."},
	{RuleOPAssertionType, Must, []Reference{{"RFC 7523", "2.2"}}, "client_assertion_type is the JWT-bearer URN."},
	{RuleOPAssertionClaims, Must, []Reference{{"OpenID Connect Core 1.0", "9"}, {"RFC 7523", "3"}, {"FAPI 2.0 Security Profile", "5.3.2.1"}}, "iss = sub = client_id, exp present and not past nor far ahead; iat and nbf at most 60 s ahead, and up to 10 s ahead always accepted."},
	{RuleOPAssertionAud, Must, []Reference{{"RFC 7523", "3"}, {"FAPI 2.0 Security Profile", "5.3.2.1"}}, "aud is the issuer or, outside FAPI, an endpoint URL of ours; under FAPI only the issuer as one string."},
	{RuleOPAssertionJti, Must, []Reference{{"OpenID Connect Core 1.0", "9"}}, "jti is present and accepted once until exp, atomically."},
	{RuleOPAssertionAlg, Must, []Reference{{"OpenID Connect Core 1.0", "9"}, {"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "The algorithm is the registered one; client_secret_jwt is HMAC, private_key_jwt asymmetric and none of what the profile bans."},
	{RuleOPClientKeys, Must, []Reference{{"OpenID Connect Core 1.0", "10.1.1"}}, "Client keys come from jwks or jwks_uri; an unknown kid causes one refetch under cool-down; the cache expires."},
	{RuleOPClientMTLS, Must, []Reference{{"RFC 8705", "2.1"}, {"RFC 8705", "2.2"}}, "tls_client_auth matches the one registered subject value, self_signed a registered key; the certificate comes from the connection."},
	{RuleOPRegistrationRequest, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3.1"}, {"RFC 7591", "3.1"}}, "POST of one JSON object; known members have their types; unknown ones are ignored; language-tagged members are kept."},
	{RuleOPRegistrationInitialToken, Should, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3"}, {"RFC 7591", "3"}}, "Where registration is protected, a valid initial access token is required (401 otherwise); open registration is rate-limited."},
	{RuleOPRegistrationRedirectURIs, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 6749", "3.1.2"}}, "Present for redirect-based grants; absolute, without fragment or userinfo."},
	{RuleOPRegistrationRedirectWeb, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 9700", "2.6"}}, "Web clients use https, and never localhost with front-channel tokens; http is refused for the code flow as well."},
	{RuleOPRegistrationRedirectNative, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 8252", "7.1"}, {"RFC 8252", "7.3"}}, "Native clients use a private-use scheme with a dot, claimed https, or http on a loopback address."},
	{RuleOPRegistrationRedirectScheme, Hardening, []Reference{{"RFC 8252", "7.1"}}, "javascript, data, vbscript, blob, file and about are refused whatever the client type."},
	{RuleOPRegistrationGrantTypes, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 7591", "2.1"}}, "grant_types and response_types fit each other; both are stored and enforced."},
	{RuleOPRegistrationKeys, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 7591", "2"}}, "jwks and jwks_uri exclude each other; no private or symmetric keys; jwks_uri is https; a key method has one."},
	{RuleOPRegistrationAlgs, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "Each algorithm and method is one we support and the profile allows; enc needs alg; ID Token none needs response types without a front-channel token."},
	{RuleOPRegistrationSector, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "5"}, {"OpenID Connect Core 1.0", "8.1"}}, "sector_identifier_uri is https and holds every redirect URI in an array of strings; several hosts without it are refused for pairwise clients."},
	{RuleOPRegistrationSubjectType, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"OpenID Connect Core 1.0", "8"}}, "subject_type is one we support, and is then used."},
	{RuleOPRegistrationURIs, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"OpenID Connect Front-Channel Logout 1.0", "2"}, {"OpenID Connect Back-Channel Logout 1.0", "2.2"}, {"OpenID Connect CIBA Core 1.0", "4"}}, "Login initiation, logout, request and notification URIs are https; the front-channel logout URI shares scheme, host and port with a redirect URI; the back-channel one has no fragment."},
	{RuleOPRegistrationDisplayURIs, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}, {"RFC 7591", "2"}, {"RFC 7591", "5"}}, "client_uri, logo_uri, policy_uri, tos_uri are http or https URLs; the provider does not fetch them."},
	{RuleOPRegistrationSoftwareStatement, Must, []Reference{{"RFC 7591", "2.3"}, {"RFC 7591", "3.1.1"}}, "A software statement counts only with a trusted signature; its values win."},
	{RuleOPRegistrationClientID, Should, []Reference{{"RFC 9700", "2.6"}, {"RFC 9700", "4.15"}}, "The provider chooses client_id; a client cannot make it look like a user's sub."},
	{RuleOPRegistrationSecret, Must, []Reference{{"OpenID Connect Core 1.0", "16.19"}, {"OpenID Connect Core 1.0", "10.2"}}, "A secret has 128 bits or more, and enough for every HMAC and encryption algorithm registered."},
	{RuleOPRegistrationResponse, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3.2"}, {"RFC 7591", "3.2.1"}}, "201, no-store, all metadata in force, client_secret_expires_at with every secret (0 for never), management URI and token together."},
	{RuleOPRegistrationError, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "3.3"}, {"RFC 7591", "3.2.2"}}, "400 with invalid_redirect_uri, invalid_client_metadata, invalid_software_statement or unapproved_software_statement."},
	{RuleOPRegistrationManageAuth, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "4.4"}, {"RFC 7592", "2"}}, "The registration token opens its own client only, else 401; an unknown client is 401 as well."},
	{RuleOPRegistrationManageWrite, Must, []Reference{{"RFC 7592", "2.2"}, {"RFC 7592", "2.3"}}, "An update replaces all metadata, with matching client_id and secret, under the same rules; a delete answers 204 and ends the client's grants and tokens."},
	{RuleOPAuthzClient, Must, []Reference{{"RFC 6749", "4.1.2.1"}}, "client_id names a known client; otherwise an error page, never a redirect."},
	{RuleOPAuthzRedirectURIMissing, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}}, "An OpenID request has redirect_uri, even when only one is registered; otherwise an error page."},
	{RuleOPAuthzRedirectURI, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}, {"RFC 9700", "2.1"}}, "redirect_uri equals a registered string byte for byte, query included; otherwise an error page."},
	{RuleOPAuthzRedirectLoopback, Must, []Reference{{"RFC 8252", "7.3"}, {"RFC 9700", "2.1"}}, "Only for native clients, http and a loopback address may the port differ, all else being equal."},
	{RuleOPAuthzErrorRouting, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.6"}, {"RFC 6749", "4.1.2.1"}, {"RFC 9207", "2"}}, "Once client and redirect URI are proven, every later error goes there in the right response mode, with state and iss; before that, none does."},
	{RuleOPAuthzOpenRedirect, Should, []Reference{{"RFC 9700", "4.11.2"}}, "Except for prompt=none, an error for a client that the operator does not trust is redirected only after the user was authenticated or asked."},
	{RuleOPAuthzResponseType, Must, []Reference{{"RFC 6749", "3.1.1"}, {"RFC 6749", "4.1.2.1"}}, "response_type is present, known and registered, in any order of words; invalid_request or unsupported_response_type, unauthorized_client."},
	{RuleOPAuthzImplicitPolicy, Should, []Reference{{"RFC 9700", "2.1.2"}}, "Response types with token are off unless configured, and never for clients that need sender-constrained tokens."},
	{RuleOPAuthzResponseMode, Must, []Reference{{"OAuth 2.0 Multiple Response Type Encoding Practices", "2.1"}, {"OAuth 2.0 Multiple Response Type Encoding Practices", "5"}}, "A known mode; query refused for types that return tokens, fragment allowed for code."},
	{RuleOPAuthzScope, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.2"}, {"RFC 6749", "3.3"}}, "openid makes it an OpenID request; scopes not allowed to the client are ignored or invalid_scope by policy, order does not matter, and what was granted is told."},
	{RuleOPAuthzNonce, Must, []Reference{{"OpenID Connect Core 1.0", "3.2.2.1"}, {"OpenID Connect Core 1.0", "3.3.2.11"}}, "A nonce is required when an ID Token comes in front, optional otherwise, and is returned unchanged."},
	{RuleOPAuthzNonceConstant, Should, []Reference{{"RFC 9700", "2.1.1"}}, "A client that reuses one nonce or challenge is reported to the operator."},
	{RuleOPAuthzPrompt, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}, {"Initiating User Registration via OpenID Connect 1.0", "4.1"}}, "none stands alone, and every value is one that prompt_values_supported lists, else invalid_request."},
	{RuleOPAuthzMaxAge, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}}, "max_age is a non-negative integer, 0 included."},
	{RuleOPAuthzHints, Must, []Reference{{"OpenID Connect Core 1.0", "15.1"}}, "display, ui_locales, claims_locales, acr_values and login_hint never cause an error by being there."},
	{RuleOPAuthzIDTokenHint, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}, {"OpenID Connect Core 1.0", "3.1.2.2"}}, "The hint is an ID Token of ours with good signature and issuer; its expiry and other audiences do not matter; a bad one is an error."},
	{RuleOPAuthzClaims, Must, []Reference{{"OpenID Connect Core 1.0", "5.5"}}, "claims is a JSON object; a malformed one is invalid_request; unknown claims are ignored."},
	{RuleOPAuthzOfflineAccess, Must, []Reference{{"OpenID Connect Core 1.0", "11"}}, "Without a code response type or without consent offline_access is ignored, not refused."},
	{RuleOPAuthzPKCERequired, Must, []Reference{{"RFC 9700", "2.1.1"}, {"RFC 7636", "4.4.1"}}, "Public clients send a challenge always, others by policy; invalid_request otherwise."},
	{RuleOPAuthzPKCEMethod, Should, []Reference{{"RFC 9700", "2.1.1"}, {"FAPI 2.0 Security Profile", "5.3.2.2"}}, "S256 only; plain, also by default of a missing method, is refused; the challenge has 43 characters."},
	{RuleOPAuthzResource, Must, []Reference{{"RFC 8707", "2"}}, "resource is an absolute URI without fragment that the client may ask for; else invalid_target."},
	{RuleOPAuthzRAR, Must, []Reference{{"RFC 9396", "5"}}, "authorization_details has known types and valid content; else invalid_authorization_details."},
	{RuleOPAuthzRegistration, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.6"}}, "registration in a request is answered registration_not_supported."},
	{RuleOPAuthzLongValues, Must, []Reference{{"RFC 6749", "4.1.2"}}, "A long state or nonce comes back whole or is refused; nothing is cut."},
	{RuleOPJARSupported, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.6"}, {"RFC 9101", "5"}}, "An object we do not process gives request_not_supported or request_uri_not_supported; request and request_uri together are refused."},
	{RuleOPJARRequired, Must, []Reference{{"RFC 9101", "10.5"}}, "Where client or provider requires signed request objects, plain requests are refused."},
	{RuleOPJARError, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.6"}, {"RFC 9101", "7"}}, "A bad object is invalid_request_object; the error goes to a redirect URI only if that one is proven."},
	{RuleOPJARAlg, Must, []Reference{{"OpenID Connect Core 1.0", "6.1"}, {"OpenID Connect Core 1.0", "6.3.2"}, {"RFC 9101", "6.2"}}, "The algorithm is the registered one, none only if registered; the key is that client's."},
	{RuleOPJARClaims, Must, []Reference{{"RFC 9101", "4"}, {"RFC 9101", "10.8"}, {"FAPI 2.0 Message Signing", "5.3.1"}}, "iss is the client, aud contains the issuer, exp and nbf hold, and are required with a life of at most 60 minutes under message signing; no sub equal to the client."},
	{RuleOPJARNesting, Must, []Reference{{"OpenID Connect Core 1.0", "6.1"}, {"RFC 9101", "4"}}, "The object contains neither request nor request_uri."},
	{RuleOPJARMismatch, Must, []Reference{{"OpenID Connect Core 1.0", "6.1"}, {"RFC 9101", "6.3"}}, "client_id and response_type inside and outside agree."},
	{RuleOPJARPrecedence, Must, []Reference{{"OpenID Connect Core 1.0", "6.3.3"}, {"RFC 9101", "6.3"}}, "Values inside win; under RFC 9101 those outside, client_id apart, count for nothing, state and redirect_uri included."},
	{RuleOPJARTyp, Should, []Reference{{"RFC 9101", "10.8"}}, "typ, when present, is oauth-authz-req+jwt or JWT."},
	{RuleOPJAREncryption, Must, []Reference{{"OpenID Connect Core 1.0", "6.3.1"}, {"RFC 9101", "6.1"}}, "An encrypted object is decrypted with our key for the registered algorithms and is signed inside when signing is registered."},
	{RuleOPRequestURIRegistered, Must, []Reference{{"OpenID Connect Core 1.0", "6.2"}, {"RFC 9101", "5.2"}}, "A hosted request_uri is pre-registered, fragment aside, at most 512 characters; else invalid_request_uri."},
	{RuleOPRequestURIFetch, Must, []Reference{{"RFC 9101", "10.4.1"}}, "The fetch is https, without redirects, limited in size and time, to public addresses, and of a request object type."},
	{RuleOPRequestURIHash, Should, []Reference{{"OpenID Connect Core 1.0", "6.2"}}, "A SHA-256 fragment equals the hash of the content; it keys the cache."},
	{RuleOPPARAuth, Must, []Reference{{"RFC 9126", "2.1"}}, "The push is authenticated as at the token endpoint, before anything else."},
	{RuleOPPARValidation, Must, []Reference{{"RFC 9126", "2.1"}, {"RFC 9126", "2.3"}}, "The pushed request passes every check of the authorization endpoint, with JSON errors; a request_uri in it is refused."},
	{RuleOPPARRedirect, Should, []Reference{{"RFC 9126", "2.4"}}, "An authenticated confidential client may push an unregistered redirect URI only if that is configured."},
	{RuleOPPARResponse, Must, []Reference{{"RFC 9126", "2.2"}, {"RFC 9126", "7.1"}}, "201, no-store, an unguessable request_uri and its expires_in; credentials are not stored with the request."},
	{RuleOPPARBinding, Must, []Reference{{"RFC 9126", "2.2"}, {"RFC 9126", "4"}}, "A request_uri serves the client that pushed it; the browser request needs client_id and takes nothing else from outside."},
	{RuleOPPARUse, Should, []Reference{{"RFC 9126", "4"}, {"RFC 9126", "7.3"}}, "A request_uri is used up when the authorization is done, so that reloading the page before that works; a second authorization is refused."},
	{RuleOPPARExpired, Must, []Reference{{"RFC 9126", "4"}}, "A request_uri past its expiry is invalid_request_uri."},
	{RuleOPPARRequired, Must, []Reference{{"RFC 9126", "5"}, {"RFC 9126", "6"}}, "Where client or provider requires pushing, other requests are invalid_request."},
	{RuleOPLoginPromptNone, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}, {"OpenID Connect Core 1.0", "3.1.2.6"}}, "With prompt=none no page is shown: success or login_required, consent_required, interaction_required, account_selection_required."},
	{RuleOPLoginPromptLogin, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}}, "prompt=login authenticates anew although a session exists."},
	{RuleOPLoginPromptOther, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}, {"Initiating User Registration via OpenID Connect 1.0", ""}}, "consent asks, select_account lets choose, create leads to registration where advertised."},
	{RuleOPLoginMaxAge, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}}, "The age is measured from the real authentication; 0 means now."},
	{RuleOPLoginClientDefaults, Must, []Reference{{"OpenID Connect Dynamic Client Registration 1.0", "2"}}, "default_max_age, require_auth_time and default_acr_values of the client apply."},
	{RuleOPLoginUser, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.1"}, {"OpenID Connect Core 1.0", "3.1.2.2"}}, "A user fixed by id_token_hint or a requested sub is the one logged in, otherwise the error; never somebody else."},
	{RuleOPLoginACR, Must, []Reference{{"OpenID Connect Core 1.0", "5.5.1.1"}}, "An essential acr that cannot be met fails the authentication; a voluntary one is met when possible, and the result is stated."},
	{RuleOPConsent, Must, []Reference{{"OpenID Connect Core 1.0", "3.1.2.4"}}, "Consent is obtained, or given beforehand by policy, before anything is released; refusing gives access_denied."},
	{RuleOPConsentPage, Hardening, []Reference{{"RFC 7591", "5"}}, "Client name, policy and terms are shown as escaped text and plain links; logos are not fetched by the provider."},
	{RuleOPLoginBinding, Must, []Reference{{"RFC 6749", "10.12"}}, "Login and consent answers are tied to the browser that began and to their request by a one-time token."},
	{RuleOPLoginSession, Hardening, []Reference{}, "A new session id is made at login and at a change of user."},
	{RuleOPLoginAttempts, Should, []Reference{{"RFC 6749", "10.10"}}, "Password guessing is slowed, and unknown users look like wrong passwords."},
	{RuleOPResponseMembers, Must, []Reference{{"OAuth 2.0 Multiple Response Type Encoding Practices", "5"}, {"OpenID Connect Core 1.0", "3.2.2.5"}, {"OpenID Connect Core 1.0", "3.3.2.5"}}, "Each response type gets exactly its members; nothing in front that the type does not promise."},
	{RuleOPResponseIss, Must, []Reference{{"RFC 9207", "2"}, {"RFC 9207", "3"}}, "iss is in every response, errors included, and the metadata says so."},
	{RuleOPResponseState, Must, []Reference{{"RFC 6749", "4.1.2"}, {"RFC 6749", "4.1.2.1"}}, "state comes back unchanged if and only if it was sent, whatever its length up to the limit."},
	{RuleOPResponseEncoding, Must, []Reference{{"RFC 6749", "3.1.2"}, {"OAuth 2.0 Multiple Response Type Encoding Practices", "2.1"}}, "Parameters are added to an existing query with &; fragment and form as the mode says."},
	{RuleOPResponseFormPost, Must, []Reference{{"OAuth 2.0 Form Post Response Mode", "2"}}, "The page escapes every name and value as HTML attributes, posts to the redirect URI only, and is not cached."},
	{RuleOPResponseRedirect, Must, []Reference{{"RFC 9700", "2.1"}, {"RFC 9700", "4.12"}}, "Redirects after a POST use 303, never 307 or 308."},
	{RuleOPResponseCode, Must, []Reference{{"RFC 6749", "4.1.2"}, {"RFC 6749", "10.10"}, {"FAPI 2.0 Security Profile", "5.3.2.1"}}, "A code has 128 bits or more, lives 60 s unless configured, and is bound to client, redirect URI, challenge, nonce, user, grant and DPoP key."},
	{RuleOPResponseJARM, Must, []Reference{{"JWT Secured Authorization Response Mode", "2.1"}, {"JWT Secured Authorization Response Mode", "2.2"}}, "A JWT response has iss, aud, exp of at most 10 minutes and all parameters inside, signed and encrypted as registered, errors too."},
	{RuleOPResponseSessionState, Must, []Reference{{"OpenID Connect Session Management 1.0", "2"}, {"OpenID Connect Session Management 1.0", "3.2"}}, "session_state is a salted hash over client, origin and session, without a space."},
	{RuleOPTokenGrantType, Must, []Reference{{"RFC 6749", "5.2"}}, "Missing is invalid_request, unknown unsupported_grant_type, not registered unauthorized_client."},
	{RuleOPTokenError, Must, []Reference{{"RFC 6749", "5.2"}}, "400 JSON error (401 for the client), description in the permitted characters and without internals."},
	{RuleOPTokenInvalidGrant, Must, []Reference{{"RFC 6749", "5.2"}}, "Unknown, expired, used, foreign or mismatching code, refresh token, device code or assertion is invalid_grant."},
	{RuleOPTokenNoStore, Must, []Reference{{"RFC 6749", "5.1"}}, "Every answer with tokens or secrets has Cache-Control: no-store."},
	{RuleOPTokenResponse, Must, []Reference{{"RFC 6749", "5.1"}}, "token_type is the true type, expires_in and scope tell what was granted."},
	{RuleOPCodeSingleUse, Must, []Reference{{"RFC 6749", "4.1.2"}, {"RFC 6749", "10.5"}}, "A code is taken once, atomically, also by two requests at the same time."},
	{RuleOPCodeReplay, Should, []Reference{{"RFC 6749", "4.1.2"}}, "A second use is refused and revokes what the first one gave."},
	{RuleOPCodeBinding, Must, []Reference{{"RFC 6749", "4.1.3"}}, "The client is the one the code was issued to; a foreign attempt also spends the code."},
	{RuleOPCodeRedirectURI, Must, []Reference{{"RFC 6749", "4.1.3"}}, "redirect_uri is present and equal to the authorization request's."},
	{RuleOPCodeExpired, Must, []Reference{{"RFC 6749", "4.1.2"}}, "A code past its life is refused, even if never used."},
	{RuleOPPKCEVerifier, Must, []Reference{{"RFC 7636", "4.6"}}, "With a challenge the verifier is required and hashes to it."},
	{RuleOPPKCEDowngrade, Must, []Reference{{"RFC 9700", "2.1.1"}, {"RFC 9700", "4.8.2"}}, "Without a challenge a verifier is refused."},
	{RuleOPPKCESyntax, Must, []Reference{{"RFC 7636", "4.1"}}, "The verifier has 43 to 128 unreserved characters."},
	{RuleOPRefreshIssue, Must, []Reference{{"OpenID Connect Core 1.0", "11"}, {"RFC 9700", "4.14.2"}}, "A refresh token is issued only to a client registered for the grant and with consent, under OpenID for offline_access or by stated policy."},
	{RuleOPRefreshBinding, Must, []Reference{{"RFC 6749", "6"}, {"RFC 9700", "4.14.2"}}, "A refresh token serves its client only, within its scope, resources and key."},
	{RuleOPRefreshScope, Must, []Reference{{"RFC 6749", "6"}}, "A narrower scope is honoured for the access token; a broader one is invalid_scope; the grant keeps its scope."},
	{RuleOPRefreshRotation, Must, []Reference{{"RFC 9700", "4.14.2"}}, "For public clients without key binding each use gives a new token; the family keeps its overall end."},
	{RuleOPRefreshReuse, Should, []Reference{{"RFC 9700", "4.14.2"}}, "Use of a replaced token, outside the grace window, revokes the family and its access tokens."},
	{RuleOPRefreshGrace, Hardening, []Reference{{"FAPI 2.0 Security Profile", "5.3.2.1"}}, "Within a short window (60 s by default, off by option) the last replaced token still answers with the current successor, for lost answers and racing tabs."},
	{RuleOPRefreshExpiry, Should, []Reference{{"RFC 9700", "4.14.2"}}, "Refresh tokens end on inactivity, at an absolute age, and on logout without offline_access, password change, consent withdrawal and client deletion."},
	{RuleOPRefreshIDToken, Must, []Reference{{"OpenID Connect Core 1.0", "12.2"}}, "A new ID Token has the original iss, sub, aud, azp and auth_time, a new iat, and no nonce."},
	{RuleOPClientCredentialsGrant, Must, []Reference{{"RFC 6749", "4.4"}, {"RFC 6749", "4.4.3"}}, "Client credentials: confidential clients, allowed scopes, no refresh token, no ID Token."},
	{RuleOPPasswordGrant, Must, []Reference{{"RFC 9700", "2.4"}}, "The password grant does not exist."},
	{RuleOPExchangeRequest, Must, []Reference{{"RFC 8693", "2.1"}, {"RFC 8693", "2.2.2"}}, "Subject and actor tokens are ours or trusted, valid, of the stated type, and the client may use them; else invalid_request or invalid_target."},
	{RuleOPExchangeResponse, Must, []Reference{{"RFC 8693", "2.2.1"}, {"RFC 8693", "4.1"}}, "issued_token_type is stated; scope and life never exceed the subject token's; act records the actor."},
	{RuleOPJWTBearer, Must, []Reference{{"RFC 7523", "3"}, {"RFC 7523", "3.1"}}, "An assertion has iss, sub, aud, exp, comes from a trusted issuer and is verified by the provider itself."},
	{RuleOPDeviceAuthorization, Must, []Reference{{"RFC 8628", "3.2"}, {"RFC 8628", "5.1"}, {"RFC 8628", "6.1"}}, "200 with device code, typeable user code of 20 bits or more with limited tries, https URIs, expires_in, interval."},
	{RuleOPDeviceConfirm, Should, []Reference{{"RFC 8628", "3.3.1"}, {"RFC 8628", "5.4"}}, "The user sees client and code and confirms, also from the complete URI; the page is guarded against CSRF."},
	{RuleOPDevicePoll, Must, []Reference{{"RFC 8628", "3.5"}}, "authorization_pending, slow_down for early polls (interval grows by 5 s), access_denied, expired_token; one success."},
	{RuleOPCIBARequest, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "7.1"}, {"OpenID Connect CIBA Core 1.0", "7.1.1"}, {"OpenID Connect CIBA Core 1.0", "7.2"}}, "Authenticated; openid; exactly one hint; notification token for ping and push; signed when registered so."},
	{RuleOPCIBAResult, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "10.3.1"}, {"OpenID Connect CIBA Core 1.0", "11"}, {"OpenID Connect CIBA Core 1.0", "13"}}, "Errors 400 unknown_user_id, expired_login_hint_token, invalid_binding_message, missing_user_code and so on; polling as for devices; push ID Token with auth_req_id, at_hash, rt_hash."},
	{RuleOPCIBANotify, Must, []Reference{{"OpenID Connect CIBA Core 1.0", "10.2"}}, "Notification goes to the registered https URI with the client's bearer token, follows no redirect and carries no tokens in ping mode."},
	{RuleOPIDTokenClaims, Must, []Reference{{"OpenID Connect Core 1.0", "2"}}, "iss, sub, aud, exp, iat always; nothing internal, nothing unrequested."},
	{RuleOPIDTokenAlg, Must, []Reference{{"OpenID Connect Core 1.0", "2"}, {"OpenID Connect Core 1.0", "15.1"}}, "Signed with the registered algorithm, RS256 by default, with kid; none only for the code flow and only if registered."},
	{RuleOPIDTokenEncryption, Must, []Reference{{"OpenID Connect Core 1.0", "10.2"}}, "Encrypted, after signing, when registered."},
	{RuleOPIDTokenNonce, Must, []Reference{{"OpenID Connect Core 1.0", "2"}}, "The request's nonce, and none when none was sent."},
	{RuleOPIDTokenAuthTime, Must, []Reference{{"OpenID Connect Core 1.0", "2"}}, "The true time of authentication, whenever max_age, an essential request or require_auth_time wants it."},
	{RuleOPIDTokenHashes, Must, []Reference{{"OpenID Connect Core 1.0", "3.2.2.10"}, {"OpenID Connect Core 1.0", "3.3.2.11"}}, "at_hash and c_hash whenever their value travels beside the token in front; s_hash under FAPI 1."},
	{RuleOPIDTokenHybrid, Must, []Reference{{"OpenID Connect Core 1.0", "3.3.3.6"}}, "Both ID Tokens of a hybrid flow agree in iss, sub and shared claims."},
	{RuleOPIDTokenScopeClaims, Must, []Reference{{"OpenID Connect Core 1.0", "5.4"}, {"OpenID Connect Core 1.0", "5.5"}}, "Scope claims go to UserInfo, and to the ID Token only for response_type=id_token or by request."},
	{RuleOPIDTokenSid, Must, []Reference{{"OpenID Connect Front-Channel Logout 1.0", "3"}, {"OpenID Connect Back-Channel Logout 1.0", "2.1"}}, "sid is opaque, per client and session, and sent when logout by session is supported."},
	{RuleOPAccessTokenJWT, Must, []Reference{{"RFC 9068", "2.1"}, {"RFC 9068", "2.2"}}, "A JWT access token has typ at+jwt and iss, exp, aud, sub, client_id, iat, jti, and is never an acceptable ID Token."},
	{RuleOPAccessTokenAudience, Should, []Reference{{"RFC 9700", "2.3"}, {"RFC 9068", "4"}}, "Each access token names its resource; our own endpoints refuse others."},
	{RuleOPAccessTokenValidation, Must, []Reference{{"RFC 6750", "3.1"}, {"RFC 9068", "4"}}, "Our own resources accept a token only while its time, grant, audience, binding and scope allow."},
	{RuleOPAccessTokenLifetime, Should, []Reference{{"RFC 6750", "5.3"}, {"OpenID Connect Core 1.0", "16.18"}}, "Access tokens are short-lived, and shorter without sender constraint."},
	{RuleOPTokenStorage, Hardening, []Reference{{"RFC 6749", "10.3"}, {"RFC 6749", "10.10"}}, "Opaque tokens, codes and secrets are stored as hashes, and have 128 bits or more."},
	{RuleOPTokenClientSubject, Should, []Reference{{"RFC 9700", "4.15"}, {"RFC 9068", "5"}}, "A client's own subject cannot be mistaken for a user's."},
	{RuleOPUserInfoToken, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.1"}, {"RFC 6750", "2"}, {"RFC 6750", "3.1"}}, "Bearer in the header or in a POST form; both, twice or in the query is invalid_request."},
	{RuleOPUserInfoChallenge, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.3"}, {"RFC 6750", "3"}, {"RFC 6750", "3.1"}}, "Without token 401 and a bare challenge; bad token 401 invalid_token; lacking openid 403 insufficient_scope."},
	{RuleOPUserInfoSub, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.2"}}, "sub is always there and the ID Token's."},
	{RuleOPUserInfoJWT, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.2"}}, "Signed and encrypted as registered, application/jwt, with iss and aud."},
	{RuleOPUserInfoClaims, Must, []Reference{{"OpenID Connect Core 1.0", "5.3.2"}, {"OpenID Connect Core 1.0", "5.4"}, {"OpenID Connect Core 1.0", "5.5"}}, "Only what scope, claims and consent allow; absent claims are omitted, not null; types as in the text."},
	{RuleOPUserInfoPolicy, Hardening, []Reference{{"OpenID Connect Core 1.0", "5.3.2"}}, "A per-client policy touches that client's answer only."},
	{RuleOPPairwiseSub, Must, []Reference{{"OpenID Connect Core 1.0", "8.1"}}, "A pairwise sub differs between sectors, is stable, not reversible, and the same in ID Token, UserInfo, logout token and introspection."},
	{RuleOPPairwiseSector, Must, []Reference{{"OpenID Connect Core 1.0", "8.1"}}, "The sector is the host of sector_identifier_uri, else of the redirect URIs; it does not change when a URI is added."},
	{RuleOPSubStable, Must, []Reference{{"OpenID Connect Core 1.0", "2"}, {"OpenID Connect Core 1.0", "5.7"}}, "sub is never reassigned, at most 255 ASCII characters, case-sensitive."},
	{RuleOPIntrospectAuth, Must, []Reference{{"RFC 7662", "2.1"}, {"RFC 7662", "4"}}, "The caller authenticates and gets answers only about tokens meant for it."},
	{RuleOPIntrospectInactive, Must, []Reference{{"RFC 7662", "2.2"}}, "Unknown, expired, revoked or foreign tokens give exactly {\"active\":false}."},
	{RuleOPIntrospectActive, Should, []Reference{{"RFC 7662", "2.2"}, {"RFC 9449", "6.2"}, {"RFC 8705", "3.2"}}, "active, scope, client_id, exp, iat, sub, iss, aud and cnf where bound; token_type true."},
	{RuleOPIntrospectJWT, Must, []Reference{{"RFC 9701", "5"}}, "On request a JWT with typ token-introspection+jwt, iss, aud, iat, token_introspection."},
	{RuleOPRevokeClient, Must, []Reference{{"RFC 7009", "2.1"}}, "A client revokes its own tokens only."},
	{RuleOPRevokeUnknown, Must, []Reference{{"RFC 7009", "2.2"}}, "An unknown or dead token is 200."},
	{RuleOPRevokeCascade, Must, []Reference{{"RFC 7009", "2.1"}}, "Revoking a refresh token ends its grant's access tokens; the hint is only a hint."},
	{RuleOPDPoPProof, Must, []Reference{{"RFC 9449", "4.3"}}, "One header, typ dpop+jwt, allowed asymmetric algorithm, public jwk, good signature; else invalid_dpop_proof."},
	{RuleOPDPoPTarget, Must, []Reference{{"RFC 9449", "4.3"}}, "htm and htu match method and URL, query and fragment apart."},
	{RuleOPDPoPTime, Must, []Reference{{"RFC 9449", "4.3"}, {"RFC 9449", "11.1"}, {"FAPI 2.0 Security Profile", "5.3.2.1"}}, "iat within the window (10 s either way always accepted, 60 s ahead never), or a good nonce."},
	{RuleOPDPoPJti, Should, []Reference{{"RFC 9449", "11.1"}}, "jti is accepted once per target within the window."},
	{RuleOPDPoPNonce, Must, []Reference{{"RFC 9449", "8"}, {"RFC 9449", "9"}}, "Where demanded, a missing or stale nonce is use_dpop_nonce (400, at resources 401) with a new one in DPoP-Nonce."},
	{RuleOPDPoPBinding, Must, []Reference{{"RFC 9449", "4.3"}, {"RFC 9449", "6"}, {"RFC 9449", "7.1"}}, "Tokens carry cnf.jkt; at resources the proof's key is that key and ath fits the token."},
	{RuleOPDPoPScheme, Must, []Reference{{"RFC 9449", "7.1"}, {"RFC 9449", "7.2"}, {"RFC 9110", "11.1"}}, "A bound token under Bearer, or an unbound one under DPoP, is refused; scheme names have no case."},
	{RuleOPDPoPCode, Must, []Reference{{"RFC 9449", "5"}, {"RFC 9449", "10"}, {"RFC 9449", "10.1"}}, "dpop_jkt, or the key of the push, equals the key of the token request, and a public client's refresh uses the same key."},
	{RuleOPMTLSBinding, Must, []Reference{{"RFC 8705", "3"}}, "A certificate-bound token carries x5t#S256 and works only with that certificate."},
	{RuleOPMTLSSource, Must, []Reference{{"RFC 9700", "4.13"}}, "A certificate in a header is believed only from a configured proxy that strips it from outside."},
	{RuleOPSenderConstraintRequired, Must, []Reference{{"RFC 9449", "5.2"}, {"RFC 8705", "3.4"}}, "A client registered for DPoP-bound or certificate-bound tokens gets no other."},
	{RuleOPEndSessionHint, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}}, "A hint is a signed ID Token of ours; expiry is no obstacle, a foreign or unsigned one is refused."},
	{RuleOPEndSessionClient, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}}, "client_id, when sent beside a hint, is its audience."},
	{RuleOPEndSessionRedirect, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}, {"OpenID Connect RP-Initiated Logout 1.0", "3"}}, "The browser goes to post_logout_redirect_uri only if it equals a registered one of the client proven by hint or client_id; else an own page."},
	{RuleOPEndSessionConfirm, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}}, "Without a hint that fits the session the user is asked, with a CSRF-proof form."},
	{RuleOPEndSessionBare, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}}, "A request without parameters or without cookie is valid: ask, log out, show a page."},
	{RuleOPEndSessionState, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "3"}}, "state goes back only with the redirect, unchanged."},
	{RuleOPEndSessionEffect, Must, []Reference{{"OpenID Connect RP-Initiated Logout 1.0", "2"}, {"OpenID Connect Back-Channel Logout 1.0", "2.7"}}, "The session ends for all its clients, refresh tokens without offline_access included; a later prompt=none says login_required."},
	{RuleOPFrontchannel, Must, []Reference{{"OpenID Connect Front-Channel Logout 1.0", "2"}, {"OpenID Connect Front-Channel Logout 1.0", "3"}}, "Each logged-in client with a URI is loaded in an iframe with escaped URL, iss and sid added when it asked for them, before the redirect."},
	{RuleOPBackchannelToken, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.4"}}, "iss, aud, iat, exp of at most two minutes, jti, events, sub or sid (both if required), no nonce, typ logout+jwt, ID Token algorithm, encrypted if ID Tokens are."},
	{RuleOPBackchannelDelivery, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.3"}, {"OpenID Connect Back-Channel Logout 1.0", "2.5"}, {"OpenID Connect Back-Channel Logout 1.0", "2.8"}}, "POST to each client of the session in parallel with limits and without redirects; 200 and 204 are success; failures are reported, not looped."},
	{RuleOPBackchannelSessions, Must, []Reference{{"OpenID Connect Back-Channel Logout 1.0", "2.3"}}, "The provider remembers which clients a session reached, and tells all of them."},
	{RuleOPSessionIframe, Must, []Reference{{"OpenID Connect Session Management 1.0", "3.2"}}, "The OP iframe recomputes the state from cookie, client, origin and salt, answers unchanged, changed or error to the asking origin only."},
	{RuleOPSessionCookie, Must, []Reference{{"OpenID Connect Session Management 1.0", "3.2"}}, "A script-readable session cookie holds no secret and changes at login and logout."},
	{RuleOPMetadataTrue, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}}, "What is published is what is enforced: endpoints, grant and response types, methods, algorithms, scopes."},
	{RuleOPMetadataRequired, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}, {"OpenID Connect Discovery 1.0", "4.2"}}, "Required members are there, openid in scopes, RS256 among ID Token algorithms, URLs https; nulls and empty arrays are left out."},
	{RuleOPMetadataIssuer, Must, []Reference{{"OpenID Connect Discovery 1.0", "3"}, {"OpenID Connect Discovery 1.0", "4.3"}}, "issuer is the configured string, the same in tokens, with or without final slash; Host and forwarded headers do not change it."},
	{RuleOPMetadataFeatures, Must, []Reference{{"RFC 9700", "2.1.1"}, {"RFC 9207", "3"}, {"RFC 9126", "5"}}, "PKCE methods, iss parameter, logout, PAR, DPoP and mTLS flags are published when on, and not when off."},
	{RuleOPMetadataRFC8414, Should, []Reference{{"RFC 8414", "3.1"}, {"RFC 9700", "2.6"}}, "The same document answers at the RFC 8414 path with the segment inserted."},
	{RuleOPJWKSPublish, Must, []Reference{{"OpenID Connect Core 1.0", "10.1"}, {"RFC 7517", "4.5"}}, "Public keys only, each with kid, use, alg; kids are never reused."},
	{RuleOPJWKSRotation, Must, []Reference{{"OpenID Connect Core 1.0", "10.1.1"}}, "A new key is published before it signs, and an old one until its tokens have expired."},
	{RuleOPJWKSDecryption, Should, []Reference{{"OpenID Connect Core 1.0", "10.2.1"}}, "Retired decryption keys still open what was encrypted to them for a while."},
	{RuleOPWebFingerRequest, Must, []Reference{{"RFC 7033", "4.2"}}, "A missing or malformed resource is 400; one of a host that is not served is 404."},
	{RuleOPWebFingerRel, Should, []Reference{{"RFC 7033", "4.3"}}, "Links are filtered by rel, which may occur several times."},
	{RuleOPWebFingerResponse, Must, []Reference{{"RFC 7033", "4.4"}, {"RFC 7033", "5"}, {"RFC 7033", "10.2"}}, "application/jrd+json, subject as asked, issuer link with an https href, CORS *."},
	{RuleOPWebFingerPrivacy, Should, []Reference{{"RFC 7033", "9.2"}}, "All users of a served domain get the same answer, so that it does not tell who exists."},
	{RuleOPCORS, Must, []Reference{{"RFC 9700", "2.6"}, {"OpenID Connect Core 1.0", "5.3"}, {"RFC 7009", "2.3"}}, "Metadata, JWKS, WebFinger, token, UserInfo, registration and revocation may allow origins; the authorization endpoint never; credentials are never allowed."},
	{RuleOPCookie, Hardening, []Reference{{"RFC 6749", "10.12"}}, "Session cookies are __Host-, Secure, HttpOnly, SameSite as needed, sealed and of limited size."},
	{RuleOPFrame, Must, []Reference{{"RFC 6749", "10.13"}, {"RFC 9700", "4.16"}}, "Login, consent, device and logout pages cannot be framed (frame-ancestors 'none', X-Frame-Options); only the session iframe can."},
	{RuleOPCSP, Hardening, []Reference{{"RFC 9700", "4.2.4"}}, "Pages carry a content security policy without inline script (a nonce or hash for the auto-submit form), and load nothing from third parties."},
	{RuleOPReferrer, Should, []Reference{{"RFC 9700", "4.2.4"}}, "Pages and redirects carry Referrer-Policy: no-referrer."},
	{RuleOPEscape, Must, []Reference{{"RFC 6749", "10.14"}}, "Every value from outside is escaped for where it is printed."},
	{RuleOPForwarded, Must, []Reference{{"RFC 9700", "4.13"}}, "Forwarded and client-certificate headers are ignored unless a trusted proxy is configured."},
	{RuleOPOutbound, Must, []Reference{{"RFC 9101", "10.4.1"}, {"RFC 7591", "5"}}, "Every URL that a client supplied (JWKS, sector, request, logout, notification) is fetched under one policy: https, public address on the connected socket, no redirects, no cookies, limits."},
	{RuleOPOpenRedirect, Must, []Reference{{"RFC 9700", "2.1"}, {"RFC 9700", "4.11.2"}}, "No endpoint sends the browser to an address taken from a parameter without one of the checks above."},
	{RuleOPSecretExposure, Hardening, []Reference{{"RFC 6750", "5.3"}}, "Tokens, codes, secrets and passwords never reach logs, events, errors or transcripts."},
	{RuleOPFAPI2Request, Must, []Reference{{"FAPI 2.0 Security Profile", "5.3.2.2"}}, "Only code, only by PAR, only with S256; iss in each response."},
	{RuleOPFAPI2Clients, Must, []Reference{{"FAPI 2.0 Security Profile", "5.3.2.1"}}, "Only confidential clients, with private_key_jwt or mTLS."},
	{RuleOPFAPI2Algs, Must, []Reference{{"FAPI 2.0 Security Profile", "5.4.1"}}, "Only PS256, ES256 and EdDSA (Ed25519) in any JWT, either way."},
	{RuleOPFAPI2Tokens, Must, []Reference{{"FAPI 2.0 Security Profile", "5.3.2.1"}}, "Only sender-constrained access tokens; refresh tokens are not rotated in normal use."},
	{RuleOPFAPI2Signing, Must, []Reference{{"FAPI 2.0 Message Signing", "5.3"}, {"FAPI 2.0 Message Signing", "5.4"}, {"FAPI 2.0 Message Signing", "5.5"}}, "Under message signing: signed requests to PAR, and JWT responses and introspection when chosen."},
}
