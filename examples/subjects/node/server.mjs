// The HTTP half of the subject contract on Node's own server: `node server.mjs PORT`.
//
// Without /spin: there is one thread, and a handler that computes holds it. Without /file: Node evaluates no conditions.

import http from 'node:http';

const HELLO = 'hello\n';
const CYCLE = Buffer.from(Array.from({ length: 251 }, (_, octet) => octet));

const routes = {
  '/hello': (request, response) => text(response, HELLO),
  '/health': (request, response) => json(response, { status: 'ok' }),
  '/echo': echo,
  '/fields': (request, response) => json(response, pairs(request.rawHeaders)),
  '/crash': (request, response, query) => crash(response, query.get('kind')),
  '/hang': () => {},
  '/sleep': (request, response, query) => setTimeout(() => text(response, 'slept\n'), number(query, 'ms')),
  '/bytes': (request, response, query) => {
    const content = Buffer.alloc(number(query, 'n'), CYCLE);
    answer(response, content, { 'Content-Type': 'application/octet-stream' });
  },
  '/stream': stream,
};

const readOnly = new Set(['/hello', '/health']);

// Node ends the process when a listener throws; a server that wants to live catches, as frameworks do.
function handle(request, response) {
  try {
    if (!URL.canParse(request.url, 'http://subject')) return status(response, 400);
    const { pathname, searchParams } = new URL(request.url, 'http://subject');
    const route = routes[pathname];
    if (!route) return status(response, 404);
    if (readOnly.has(pathname) && !['GET', 'HEAD'].includes(request.method)) {
      return status(response, 405, { Allow: 'GET, HEAD' });
    }
    route(request, response, searchParams);
  } catch (error) {
    console.error(error);
    if (response.headersSent) response.destroy();
    else status(response, 500);
  }
}

function number(query, name) {
  return Number(query.get(name) ?? 0);
}

function answer(response, content, fields) {
  response.writeHead(200, { ...fields, 'Content-Length': Buffer.byteLength(content) });
  response.end(content);
}

function text(response, content) {
  answer(response, content, { 'Content-Type': 'text/plain' });
}

function json(response, value) {
  answer(response, JSON.stringify(value), { 'Content-Type': 'application/json' });
}

function status(response, code, fields = {}) {
  const content = `${code} ${http.STATUS_CODES[code]}\n`;
  const length = Buffer.byteLength(content);
  response.writeHead(code, { ...fields, 'Content-Type': 'text/plain', 'Content-Length': length });
  response.end(content);
}

function echo(request, response) {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () =>
    answer(response, Buffer.concat(pieces), { 'Content-Type': 'application/octet-stream' }),
  );
}

function pairs(raw) {
  return raw.flatMap((name, index) => (index % 2 ? [] : [[name, raw[index + 1]]]));
}

function crash(response, kind) {
  if (kind === 'stream') {
    // The first part must be on its way before anything breaks.
    response.write('the first part', () => response.destroy());
    return;
  }
  const nothing = undefined;
  if (kind === 'match' || kind === 'index') nothing.value();
  if (kind === 'divide') 1n / 0n;
  throw new Error(`/crash?kind=${kind}`);
}

function stream(request, response, query) {
  const [chunks, size, ms] = ['chunks', 'size', 'ms'].map((name) => number(query, name));
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  const send = (left) => {
    if (left === 0) return response.end();
    response.write('x'.repeat(size));
    setTimeout(send, ms, left - 1);
  };
  send(chunks);
}

const server = http.createServer(
  {
    // Shorter than the defaults of 60 s and 300 s, so that slow clients are judged in seconds.
    headersTimeout: 1500,
    requestTimeout: 2500,
    connectionsCheckingInterval: 250,
  },
  handle,
);

// close() ends idle connections, too, and waits for the others, of which some may never end.
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), 3000).unref();
});
server.listen(Number(process.argv[2]), '127.0.0.1');
