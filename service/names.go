package service

// The names of the services, as the state database, specifications of package
// factory and reports use them.
const (
	WebFingerName          = "webfinger"
	ProviderInfoName       = "provider_info"
	ServerMetadataName     = "server_metadata"
	JWKSName               = "jwks"
	RegistrationName       = "registration"
	RegistrationReadName   = "registration_read"
	RegistrationUpdateName = "registration_update"
	RegistrationDeleteName = "registration_delete"
	AuthorizationName      = "authorization"
	AccessTokenName        = "accesstoken"
	RefreshTokenName       = "refresh_token"
	UserInfoName           = "userinfo"
	EndSessionName         = "end_session"
)

// The names of the grants outside a browser's login and of the token services.
const (
	ClientCredentialsName         = "client_credentials"
	TokenExchangeName             = "token_exchange"
	JWTBearerName                 = "jwt_bearer"
	IntrospectionName             = "introspection"
	RevocationName                = "revocation"
	DeviceAuthorizationName       = "device_authorization"
	DeviceTokenName               = "device_token"
	BackchannelAuthenticationName = "backchannel_authentication"
	CIBATokenName                 = "ciba_token"
	ClientNotificationName        = "client_notification"
	ResourceName                  = "resource"
	ResourceMetadataName          = "resource_metadata"
)
