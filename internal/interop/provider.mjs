// A third-party OpenID Provider for the tests of this folder: oidc-provider with every
// stable feature that concerns a relying party, PKCE required of everybody, and its
// own interaction pages.
//
// It takes its settings as one JSON argument: {"tls": {"cert": file, "key": file,
// "ca": file}}; without tls it speaks plain http. It prints one JSON object a line:
// first {"ready": issuer}, then what happened, as it saw it. It stops when its standard
// input ends, so that it never outlives the test that started it.

import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer as createSecure } from 'node:https';

import { Provider, errors } from 'oidc-provider';

// Standard output is ours: its notices go where its warnings go.
console.info = console.error;

const settings = JSON.parse(process.argv[2] ?? '{}');
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const server = settings.tls
  ? createSecure({
    cert: readFileSync(settings.tls.cert),
    key: readFileSync(settings.tls.key),
    // A client certificate is asked for and never demanded (RFC 8705, Section 5).
    ca: readFileSync(settings.tls.ca),
    requestCert: true,
    rejectUnauthorized: false,
  })
  : createPlain();

// The pair is encoded at once: where its two halves share one key, Node.js 20 can wait for
// itself for ever when it collects the one while it exports the other.
const key = (type, options, members) => ({
  ...createPrivateKey(generateKeyPairSync(type, {
    ...options,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey).export({ format: 'jwk' }),
  ...members,
});
const jwks = {
  keys: [
    key('rsa', { modulusLength: 2048 }, { kid: 'rsa', use: 'sig' }),
    key('ec', { namedCurve: 'P-256' }, { kid: 'ec', use: 'sig' }),
    key('ed25519', {}, { kid: 'ed', use: 'sig' }),
    key('rsa', { modulusLength: 2048 }, { kid: 'rsa enc', use: 'enc' }),
    key('ec', { namedCurve: 'P-256' }, { kid: 'ec enc', use: 'enc' }),
  ],
};

// The certificate of the client, on the host name of the mutual TLS aliases only: who
// ignores mtls_endpoint_aliases has none (RFC 8705, Section 5).
const certificate = (ctx) => (ctx.hostname === 'localhost' ? ctx.socket.getPeerX509Certificate?.() : undefined);

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const issuer = `${settings.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const alias = (path) => `https://localhost:${port}${path}`;
  const provider = new Provider(issuer, {
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'tls_client_auth',
      'self_signed_tls_client_auth',
      'none',
    ],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    cookies: { keys: ['a test has no secrets to keep'] },
    discovery: settings.tls ? {
      mtls_endpoint_aliases: {
        token_endpoint: alias('/token'),
        userinfo_endpoint: alias('/me'),
        introspection_endpoint: alias('/token/introspection'),
        revocation_endpoint: alias('/token/revocation'),
        pushed_authorization_request_endpoint: alias('/request'),
      },
    } : {},
    features: {
      backchannelLogout: { enabled: true },
      ciba: {
        enabled: true,
        deliveryModes: ['poll'],
        processLoginHint: (ctx, hint) => hint,
        // The user's other device: mallory declines, everybody else agrees.
        triggerAuthenticationDevice: (ctx, request, account, client) => {
          const { accountId } = account;
          setImmediate(async () => provider.backchannelResult(
            request,
            accountId === 'mallory' ? new errors.AccessDenied() : await consent(client.clientId, accountId, request.scope),
            { authTime: Math.floor(Date.now() / 1000) },
          ));
        },
        validateBindingMessage: () => {},
        validateRequestContext: () => {},
        verifyUserCode: () => {},
      },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      // Every proof needs a nonce of the provider's (RFC 9449, Section 8).
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 'nonces of a test'), requireNonce: () => true },
      encryption: { enabled: true },
      // Clients say by their name that they keep to FAPI 2.0.
      fapi: { enabled: true, profile: (ctx, client) => (client?.clientName === 'FAPI 2.0' ? '2.0' : undefined) },
      introspection: { enabled: true },
      jwtIntrospection: { enabled: true },
      jwtResponseModes: { enabled: true },
      jwtUserinfo: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: (ctx) => certificate(ctx)?.toString(),
        certificateAuthorized: (ctx) => ctx.socket.authorized,
        certificateSubjectMatches: (ctx, property, expected) => (
          property === 'tls_client_auth_san_dns' && certificate(ctx)?.subjectAltName === `DNS:${expected}`
        ),
      },
      pushedAuthorizationRequests: { enabled: true },
      registration: { enabled: true },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
      requestObjects: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // The API takes signed access tokens; there is no other.
        getResourceServerInfo: (ctx, resource) => {
          if (resource !== 'https://api.example/') throw new errors.InvalidTarget();
          return { scope: 'read write', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
        },
      },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    // Its guard against private addresses would keep it from the relying party, which
    // runs on this machine.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `User ${id}`, email: `${id}@example.org`, email_verified: true }),
    }),
    jwks,
    pkce: { required: () => true },
    responseTypes: ['code', 'id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token', 'none'],
    scopes: ['openid', 'offline_access', 'profile', 'email', 'read', 'write'],
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      ClientCredentials: 600,
      Grant: 3600,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
    },
  });

  // What a user agrees to.
  async function consent(clientId, accountId, scope) {
    const grant = new provider.Grant({ clientId, accountId });
    grant.addOIDCScope(scope);
    await grant.save();
    return grant;
  }

  // The user has come to the page of the device flow, entered the code and decided.
  async function decide(userCode, accountId) {
    const code = await provider.DeviceCode.findByUserCode(userCode.replaceAll('-', ''));
    if (accountId) {
      const grant = await consent(code.clientId, accountId, code.params.scope);
      Object.assign(code, { accountId, grantId: grant.jti, scope: code.params.scope, authTime: Math.floor(Date.now() / 1000) });
    } else {
      Object.assign(code, { error: 'access_denied', errorDescription: 'End-User aborted interaction' });
    }
    await code.save();
  }

  // How a client proved itself and what its token is bound to.
  const client = (ctx) => ({ client: ctx.oidc.client?.clientId, method: ctx.oidc.client?.clientAuthMethod });
  const bound = ({ AccessToken: token, ClientCredentials: own }) => {
    const issued = token ?? own;
    return { bound: issued?.jkt ? 'dpop' : issued?.['x5t#S256'] ? 'mtls' : undefined, audience: issued?.aud };
  };
  provider.on('registration_create.success', (ctx, { clientId, clientAuthMethod: method }) => tell({ event: 'registered', method, client: clientId }));
  provider.on('registration_update.success', (ctx, { clientId }) => tell({ event: 'updated', client: clientId }));
  provider.on('registration_delete.success', (ctx, { clientId }) => tell({ event: 'deleted', client: clientId }));
  provider.on('pushed_authorization_request.success', (ctx) => tell({ event: 'pushed', ...client(ctx), object: ctx.oidc.body?.request !== undefined }));
  provider.on('authorization.success', (ctx) => tell({
    event: 'authorized',
    client: ctx.oidc.client.clientId,
    pkce: ctx.oidc.params.code_challenge_method,
    type: ctx.oidc.params.response_type,
    mode: ctx.oidc.params.response_mode,
    object: ctx.oidc.trusted?.length > 0,
  }));
  provider.on('grant.success', (ctx) => tell({ event: 'granted', grant: ctx.oidc.params.grant_type, ...client(ctx), ...bound(ctx.oidc.entities) }));
  provider.on('end_session.success', (ctx) => tell({ event: 'logged_out', client: ctx.oidc.client?.clientId }));
  provider.on('backchannel.success', (ctx, { clientId }) => tell({ event: 'notified', client: clientId }));
  provider.on('backchannel.error', (ctx, err, { clientId }) => tell({ event: 'refused', endpoint: 'backchannel', client: clientId, description: err.message }));
  for (const name of [
    'authorization', 'end_session', 'grant', 'introspection', 'pushed_authorization_request', 'registration_create',
    'registration_delete', 'registration_read', 'registration_update', 'revocation', 'userinfo',
  ]) {
    provider.on(`${name}.error`, (ctx, err) => tell({
      event: 'refused', endpoint: name, client: ctx.oidc?.client?.clientId, error: err.error, description: err.error_description, detail: err.error_detail,
    }));
  }
  provider.on('server_error', (ctx, err) => tell({ event: 'fault', description: String(err?.stack ?? err) }));

  const answer = provider.callback();
  server.on('request', (req, res) => {
    const url = new URL(req.url, issuer);
    if (url.pathname === '/decide') {
      decide(url.searchParams.get('user_code'), url.searchParams.get('as')).then(() => res.end(), (err) => {
        tell({ event: 'fault', description: String(err?.stack ?? err) });
        res.end();
      });
      return;
    }
    if (url.pathname !== '/.well-known/webfinger') {
      answer(req, res);
      return;
    }
    // oidc-provider leaves issuer discovery to the host it runs on.
    res.setHeader('content-type', 'application/jrd+json');
    res.end(JSON.stringify({
      subject: url.searchParams.get('resource'),
      links: [{ rel: 'http://openid.net/specs/connect/1.0/issuer', href: issuer }],
    }));
  });
  tell({ ready: issuer });
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
