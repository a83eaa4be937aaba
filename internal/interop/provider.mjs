// A third-party OpenID Provider for the tests of this folder: oidc-provider with
// dynamic registration, PKCE required of everybody, and its own interaction pages.
//
// It takes its settings as one JSON argument: {"tls": {"cert": file, "key": file}};
// without tls it speaks plain http. It prints one JSON object a line: first
// {"ready": issuer}, then what happened, as it saw it. It stops when its standard
// input ends, so that it never outlives the test that started it.

import { readFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer as createSecure } from 'node:https';

import { Provider, errors } from 'oidc-provider';

// Standard output is ours: its notices go where its warnings go.
console.info = console.error;

const settings = JSON.parse(process.argv[2] ?? '{}');
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const server = settings.tls
  ? createSecure({ cert: readFileSync(settings.tls.cert), key: readFileSync(settings.tls.key) })
  : createPlain();

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const issuer = `${settings.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
    ],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    cookies: { keys: ['a test has no secrets to keep'] },
    features: {
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
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      registration: { enabled: true },
      registrationManagement: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `User ${id}`, email: `${id}@example.org`, email_verified: true }),
    }),
    pkce: { required: () => true },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
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

  const method = (ctx) => ctx.oidc.client?.clientAuthMethod;
  provider.on('registration_create.success', (ctx, client) => tell({ event: 'registered', method: client.clientAuthMethod, client: client.clientId }));
  provider.on('authorization.success', (ctx) => tell({ event: 'authorized', pkce: ctx.oidc.params.code_challenge_method, client: ctx.oidc.client.clientId }));
  provider.on('grant.success', (ctx) => tell({ event: 'granted', grant: ctx.oidc.params.grant_type, method: method(ctx), client: ctx.oidc.client.clientId }));
  provider.on('end_session.success', (ctx) => tell({ event: 'logged_out', client: ctx.oidc.client?.clientId }));
  for (const name of ['authorization', 'end_session', 'grant', 'registration_create', 'userinfo']) {
    provider.on(`${name}.error`, (ctx, err) => tell({ event: 'refused', endpoint: name, error: err.error, description: err.error_description, detail: err.error_detail }));
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
