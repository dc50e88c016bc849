// The npm package `oidc-provider`, a certified OpenID provider, as an identity provider outside of Nextcloud.
//
//   EXTERNAL_NODE_MODULES=… node server.mjs '{"clients": […], "resources": {"https://…/mcp": "jwt"}, …}'
//
// Prints one line of JSON, `{"issuer": …}`, when it answers, and ends when its standard input is closed.
//
// | setting | meaning |
// |---|---|
// | port | 0 or absent: a free one |
// | clients | static clients, as the package takes them |
// | resources | resource indicator (RFC 8707) → `jwt` or `opaque`: the form of its access tokens |
// | default_resource | the resource of requests that name none; absent: opaque tokens without an audience |
// | scopes | scopes of the resources |
// | access_token_seconds, refresh_token_seconds | lifetimes |
//
// `GET /test/counts` tells what it has done. After `GET /test/lose-refresh` the next refresh happens and its answer is
// lost; between `GET /test/fail` and `GET /test/recover` every request is answered with 503. Anybody may sign in, with any password: the login is the subject.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const settings = JSON.parse(process.argv[2] ?? '{}');
const modules = process.env.EXTERNAL_NODE_MODULES;
if (!modules) throw new Error('EXTERNAL_NODE_MODULES names no directory');

// Its advice is for people who put it on the internet, and nobody reads on after the first line.
console.warn = () => {};
console.info = () => {};
const { default: Provider } = await import(pathToFileURL(join(modules, 'oidc-provider', 'lib', 'index.js')));

const counts = { refreshes: 0, reuses: 0, revocations: 0, introspections: 0, registrations: 0 };
const scopes = settings.scopes ?? [];
const resources = settings.resources ?? {};

const server = createServer();
await new Promise((ready) => server.listen(settings.port ?? 0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: settings.clients ?? [],
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  jwks: { keys: [signingKey()] },
  scopes: ['openid', 'offline_access', 'profile', 'email', ...scopes],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email'] },
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, preferred_username: id, email: `${id}@example.test` }),
  }),
  ttl: {
    AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? settings.access_token_seconds ?? 900,
    RefreshToken: settings.refresh_token_seconds ?? 86_400,
    IdToken: 600,
    AuthorizationCode: 60,
    Interaction: 600,
    Session: 86_400,
    Grant: 86_400,
  },
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, asked) => asked?.[0] ?? settings.default_resource,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => {
        const accessTokenFormat = resources[resource];
        if (!accessTokenFormat) throw Object.assign(new Error('unknown resource'), { error: 'invalid_target', status: 400 });
        return {
          audience: resource,
          scope: scopes.join(' '),
          accessTokenFormat,
          accessTokenTTL: settings.access_token_seconds,
          jwt: { sign: { alg: 'RS256' } },
        };
      },
    },
  },
});

const isRefresh = (ctx) => ctx.oidc.params?.grant_type === 'refresh_token';
let losesRefresh = false;
provider.on('grant.success', (ctx) => {
  if (!isRefresh(ctx)) return;
  counts.refreshes += 1;
  if (losesRefresh) ctx.req.socket.destroy();
  losesRefresh = false;
});
provider.on('grant.error', (ctx, error) => {
  counts.reuses += isRefresh(ctx) && error.error_detail === 'refresh token already used' ? 1 : 0;
});
provider.on('registration_create.success', () => { counts.registrations += 1; });

let fails = false;
const answer = provider.callback();
server.on('request', (request, response) => {
  if (request.url === '/test/lose-refresh') losesRefresh = true;
  if (request.url === '/test/fail') fails = true;
  if (request.url === '/test/recover') fails = false;
  if (request.url.startsWith('/test/')) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(counts));
    return;
  }
  if (fails) {
    response.writeHead(503).end();
    return;
  }
  if (request.url === '/token/introspection') counts.introspections += 1;
  if (request.url === '/token/revocation') counts.revocations += 1;
  answer(request, response);
});

process.stdin.on('close', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify({ issuer })}\n`);

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(8).toString('hex'), use: 'sig', alg: 'RS256' };
}
