// Each flow is an openid-client of its own that is taken through one flow of the
// provider: node flows.mjs FLOW SETTING. It ends with an error if anything is refused or
// missing. Without a flow it prints the names of all.
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import * as client from 'openid-client'
import * as jose from 'jose'
import { Browser } from './browser.mjs'
import { callback, decrypting, issuer, login, party, presenting, setting, signingKey, use } from './party.mjs'

const pushed = client.buildAuthorizationUrlWithPAR
const signed = (config, parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, signingKey)
const header = (token) => jose.decodeProtectedHeader(token)

// The code flow with PKCE under a client authentication method.
const authenticated = (method, metadata, prepare = (config) => config) => async () => {
  const config = prepare(await party({ token_endpoint_auth_method: method, ...metadata }))
  await use(config, await login(config))
}

// The code flow with DPoP. Both ways the keys are bound for the refresh token, too.
const proven = (build) => async () => {
  const config = await party({ dpop_bound_access_tokens: true })
  const options = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair()) }
  const tokens = await login(config, { build: build && ((c, p) => build(c, p, options)), options })
  assert.equal(tokens.token_type, 'dpop')
  const refreshed = await use(config, tokens, options)
  assert.equal(refreshed.token_type, 'dpop')
  await assert.rejects(client.fetchUserInfo(config, refreshed.access_token, 'diana'), { status: 401 })
}

// The implicit flow, which for this client means an ID Token alone.
const implicit = (request) => async () => {
  const config = await party({
    token_endpoint_auth_method: 'none',
    response_types: ['id_token'],
    grant_types: ['implicit'],
  })
  client.useIdTokenResponseType(config)
  const nonce = client.randomNonce()
  const state = client.randomState()
  const parameters = { redirect_uri: callback, scope: 'openid email', nonce, state, ...request }
  const answer = await new Browser(setting.user).visit(client.buildAuthorizationUrl(config, parameters))
  const claims = await client.implicitAuthentication(config, answer, nonce, { expectedState: state })
  assert.equal(claims.email, 'diana@op.example')
}

const hybrid = (prepare, request) => async () => {
  const config = await party({
    response_types: ['code id_token'],
    grant_types: ['authorization_code', 'implicit', 'refresh_token'],
  })
  prepare(config)
  await use(config, await login(config, { request }))
}

const flows = {
  client_secret_basic: authenticated('client_secret_basic'),
  client_secret_post: authenticated('client_secret_post'),
  client_secret_jwt: authenticated('client_secret_jwt'),
  private_key_jwt: authenticated('private_key_jwt'),
  none: authenticated('none'),
  tls_client_auth: authenticated('tls_client_auth', { tls_client_auth_san_dns: 'rp.example' }, presenting),
  self_signed_tls_client_auth: authenticated(
    'self_signed_tls_client_auth',
    { jwks: { keys: [setting.certificateKey] } },
    presenting,
  ),

  async certificate_bound_token() {
    const config = presenting(await party({ tls_client_certificate_bound_access_tokens: true }))
    const tokens = await login(config)
    await use(config, tokens)
    const { cnf } = await client.tokenIntrospection(config, tokens.access_token)
    assert.ok(cnf['x5t#S256'])
    config[client.customFetch] = fetch
    await assert.rejects(client.fetchUserInfo(config, tokens.access_token, 'diana'), { status: 401 })
  },

  async pushed_authorization() {
    const config = await party({ require_pushed_authorization_requests: true })
    await use(config, await login(config, { build: pushed }))
  },

  async request_object() {
    const config = await party({ request_object_signing_alg: 'ES256', require_signed_request_object: true })
    await use(config, await login(config, { build: signed }))
  },

  async pushed_request_object() {
    const config = await party({ request_object_signing_alg: 'ES256', require_signed_request_object: true })
    const build = async (c, parameters) => pushed(c, (await signed(c, parameters)).searchParams)
    await use(config, await login(config, { build }))
  },

  async jarm() {
    const config = await party({ authorization_signed_response_alg: 'ES256' })
    client.useJwtResponseMode(config)
    await use(config, await login(config))
  },

  async jarm_encrypted() {
    const config = await party({
      authorization_signed_response_alg: 'ES256',
      authorization_encrypted_response_alg: 'RSA-OAEP-256',
      authorization_encrypted_response_enc: 'A128CBC-HS256',
    })
    client.useJwtResponseMode(decrypting(config))
    await use(config, await login(config))
  },

  async form_post() {
    const config = await party()
    await use(config, await login(config, { request: { response_mode: 'form_post' } }))
  },

  code_id_token: hybrid(client.useCodeIdTokenResponseType),
  code_id_token_form_post: hybrid(client.useCodeIdTokenResponseType, { response_mode: 'form_post' }),
  code_id_token_detached_signature: hybrid((config) => {
    client.useCodeIdTokenResponseType(config)
    client.enableDetachedSignatureResponseChecks(config)
  }),
  id_token: implicit(),
  id_token_form_post: implicit({ response_mode: 'form_post' }),

  dpop: proven(),
  dpop_nonce: proven(),
  dpop_pushed_authorization: proven(pushed),
  dpop_pushed_authorization_nonce: proven(pushed),

  async dpop_client_credentials() {
    const config = await party({ grant_types: ['client_credentials'], response_types: [], redirect_uris: undefined })
    const options = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('EdDSA')) }
    const tokens = await client.clientCredentialsGrant(config, { scope: 'api' }, options)
    assert.equal(tokens.token_type, 'dpop')
  },

  // The FAPI 2.0 Security Profile: pushed, bound by DPoP, private_key_jwt.
  async fapi2() {
    const config = await party({ dpop_bound_access_tokens: true, id_token_signed_response_alg: 'ES256' })
    const options = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair()) }
    const request = { scope: 'openid email' }
    const tokens = await login(config, { build: (c, p) => pushed(c, p, options), request, options })
    const claims = await client.fetchUserInfo(config, tokens.access_token, 'diana', options)
    assert.equal(claims.email, 'diana@op.example')
  },

  // FAPI 2.0 Message Signing: request objects, JARM, and signed introspection answers.
  async fapi2_message_signing() {
    const config = await party({
      dpop_bound_access_tokens: true,
      request_object_signing_alg: 'ES256',
      authorization_signed_response_alg: 'ES256',
      introspection_signed_response_alg: 'ES256',
    })
    client.useJwtResponseMode(config)
    const options = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair()) }
    const build = async (c, p) => pushed(c, (await signed(c, p)).searchParams, options)
    const tokens = await login(config, { build, request: { scope: 'openid email' }, options })
    await client.fetchUserInfo(config, tokens.access_token, 'diana', options)
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true)
  },

  async id_token_rs256() {
    const config = await party({ id_token_signed_response_alg: 'RS256' })
    assert.equal(header((await login(config)).id_token).alg, 'RS256')
  },

  async id_token_eddsa() {
    const config = await party({ id_token_signed_response_alg: 'EdDSA' })
    assert.equal(header((await login(config)).id_token).alg, 'EdDSA')
  },

  async id_token_encrypted() {
    const config = await party({
      id_token_encrypted_response_alg: 'RSA-OAEP-256',
      id_token_encrypted_response_enc: 'A256GCM',
    })
    const tokens = await login(decrypting(config))
    assert.equal(header(tokens.id_token).enc, 'A256GCM')
    const refreshed = await use(config, tokens)
    assert.equal(header(refreshed.id_token).enc, 'A256GCM')
  },

  async userinfo_signed() {
    const config = await party({ userinfo_signed_response_alg: 'ES256' })
    await use(config, await login(config))
  },

  async userinfo_encrypted() {
    const config = await party({
      userinfo_signed_response_alg: 'ES256',
      userinfo_encrypted_response_alg: 'RSA-OAEP-256',
      userinfo_encrypted_response_enc: 'A256GCM',
    })
    await use(config, await login(decrypting(config)))
  },

  async max_age() {
    const config = await party()
    const tokens = await login(config, { request: { max_age: '100' }, checks: { maxAge: 100 } })
    assert.ok(tokens.claims().auth_time)
  },

  async claims_parameter() {
    const config = await party()
    const claims = JSON.stringify({ userinfo: { nickname: { essential: true } }, id_token: { email: null } })
    const tokens = await login(config, { request: { scope: 'openid', claims } })
    assert.equal(tokens.claims().email, 'diana@op.example')
    const answer = await client.fetchUserInfo(config, tokens.access_token, 'diana')
    assert.equal(answer.nickname, 'Dina')
    assert.equal(answer.email, undefined)
  },

  // A second login of the same browser asks nothing.
  async prompt_none() {
    const config = await party()
    const browser = new Browser(setting.user)
    const first = await login(config, { browser })
    const request = { prompt: 'none', id_token_hint: first.id_token, scope: 'openid email' }
    const second = await login(config, { browser, request })
    assert.equal(second.claims().sub, first.claims().sub)
    const stranger = login(config, { request: { ...request, id_token_hint: '' } })
    await assert.rejects(stranger, { code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR', error: 'login_required' })
  },

  async access_denied() {
    const config = await party()
    for (const form of ['login', 'consent']) {
      const refused = login(config, { browser: new Browser(setting.user, form) })
      await assert.rejects(refused, { code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR', error: 'access_denied' })
    }
  },

  // The refusals of RFC 6749, Section 5.2, and RFC 6750, Section 3.
  async refusals() {
    const config = await party()
    const tokens = await login(config)
    await client.tokenRevocation(config, tokens.refresh_token)
    const refreshed = client.refreshTokenGrant(config, tokens.refresh_token)
    await assert.rejects(refreshed, { code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'invalid_grant', status: 400 })
    const read = client.fetchUserInfo(config, tokens.access_token, 'diana')
    await assert.rejects(read, (e) => {
      assert.equal(e.code, 'OAUTH_WWW_AUTHENTICATE_CHALLENGE')
      assert.equal(e.status, 401)
      assert.equal(e.cause[0].scheme, 'bearer')
      assert.equal(e.cause[0].parameters.error, 'invalid_token')
      return true
    })
    const stranger = await client.discovery(issuer, config.clientMetadata().client_id, undefined, client.ClientSecretBasic('x'))
    const unknown = client.clientCredentialsGrant(stranger)
    await assert.rejects(unknown, (e) => {
      assert.equal(e.status, 401)
      return true
    })
  },

  async oauth_metadata() {
    const config = await party({}, { algorithm: 'oauth2' })
    await use(config, await login(config))
  },

  async dynamic_registration() {
    const config = await client.dynamicClientRegistration(
      issuer,
      {
        redirect_uris: [callback],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'client_secret_post',
        id_token_signed_response_alg: 'ES256',
      },
    )
    client.enableNonRepudiationChecks(config)
    await use(config, await login(config))
  },

  async client_credentials() {
    const config = await party({ grant_types: ['client_credentials'], response_types: [], redirect_uris: undefined })
    const tokens = await client.clientCredentialsGrant(config, { scope: 'api' })
    assert.equal(tokens.scope ?? 'api', 'api')
    assert.equal(tokens.refresh_token, undefined)
  },

  async resource_indicator() {
    const config = await party()
    const resource = 'https://api.example/'
    const request = { scope: 'openid api', resource }
    const tokens = await login(config, { request, redeem: { resource } })
    const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
    const verified = await jose.jwtVerify(tokens.access_token, keys, {
      issuer: config.serverMetadata().issuer,
      audience: resource,
      typ: 'at+jwt',
    })
    assert.equal(verified.payload.client_id, config.clientMetadata().client_id)
  },

  async introspection_and_revocation() {
    const config = await party()
    const tokens = await login(config)
    const before = await client.tokenIntrospection(config, tokens.access_token)
    assert.equal(before.active, true)
    assert.equal(before.sub, 'diana')
    await client.tokenRevocation(config, tokens.access_token)
    assert.deepEqual(await client.tokenIntrospection(config, tokens.access_token), { active: false })
  },

  async introspection_signed() {
    const config = await party({ introspection_signed_response_alg: 'ES256' })
    const tokens = await login(config)
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true)
  },

  async introspection_encrypted() {
    const config = await party({
      introspection_signed_response_alg: 'ES256',
      introspection_encrypted_response_alg: 'RSA-OAEP-256',
      introspection_encrypted_response_enc: 'A256GCM',
    })
    const tokens = await login(decrypting(config))
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true)
  },

  // The user answers on the page while the device polls.
  async device() {
    const config = await party({
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      response_types: [],
      redirect_uris: undefined,
    })
    const started = await client.initiateDeviceAuthorization(config, { scope: 'openid email offline_access' })
    const polling = client.pollDeviceAuthorizationGrant(config, started)
    await setTimeout(1500) // after the first poll
    assert.equal(await new Browser(setting.user).visit(new URL(started.verification_uri_complete)), 'done')
    await use(config, await polling)
  },

  async device_denied() {
    const config = await party({
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      response_types: [],
      redirect_uris: undefined,
    })
    const started = await client.initiateDeviceAuthorization(config, { scope: 'openid' })
    const polling = client.pollDeviceAuthorizationGrant(config, started)
    const refused = assert.rejects(polling, { code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'access_denied' })
    const user = { ...setting.user, user_code: started.user_code }
    await new Browser(user, 'device').visit(new URL(started.verification_uri))
    await refused
  },

  async ciba_poll() {
    const config = await party({
      grant_types: ['urn:openid:params:grant-type:ciba', 'refresh_token'],
      response_types: [],
      redirect_uris: undefined,
      backchannel_token_delivery_mode: 'poll',
    })
    const started = await client.initiateBackchannelAuthentication(config, {
      scope: 'openid email offline_access',
      login_hint: setting.user.username,
      binding_message: 'W4SCT',
    })
    const tokens = await client.pollBackchannelAuthenticationGrant(config, started)
    assert.equal(tokens.claims().sub, 'diana')
    await use(config, tokens)
  },

  async token_exchange() {
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const config = await party({ grant_types: ['authorization_code', grant] })
    const tokens = await login(config, { request: { scope: 'openid api' } })
    const exchanged = await client.genericGrantRequest(config, grant, {
      subject_token: tokens.access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      scope: 'api',
    })
    assert.equal(exchanged.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token')
    const { active, scope } = await client.tokenIntrospection(config, exchanged.access_token)
    assert.deepEqual({ active, scope }, { active: true, scope: 'api' })
  },

  async end_session() {
    const bye = 'https://rp.example/bye'
    const config = await party({ post_logout_redirect_uris: [bye] })
    const browser = new Browser(setting.user)
    const tokens = await login(config, { browser, request: { scope: 'openid' } })
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: bye,
      state: 'left',
    })
    assert.equal(String(await browser.visit(url)), bye + '?state=left')
    const again = login(config, { browser, request: { prompt: 'none', scope: 'openid' } })
    await assert.rejects(again, { error: 'login_required' })
  },
}

const [flow] = process.argv.slice(2)
if (flow) await flows[flow]()
else console.log(Object.keys(flows).join('\n'))
