// The WebSocket half of the subject contract on the ws library: `node server.mjs PORT`. ../node has the HTTP half.

import http from 'node:http';
import { WebSocketServer } from 'ws';

const MAX_MESSAGE = 16 * 1024 * 1024;

const sockets = {
  '/ws/echo': (socket) => onMessage(socket, (data, binary) => socket.send(data, { binary })),
  '/ws/crash': (socket) =>
    onMessage(socket, (data, binary) => {
      if (!binary && data.toString() === 'crash') throw new Error('the text was crash');
      socket.send(data, { binary });
    }),
  '/ws/push': (socket, query) => push(socket, number(query, 'n'), number(query, 'ms')),
};

function number(query, name) {
  return Number(query.get(name) ?? 0);
}

// Node ends the process when a listener throws; a server that wants to live catches, as frameworks do.
function onMessage(socket, callback) {
  socket.on('message', (data, binary) => {
    try {
      callback(data, binary);
    } catch (error) {
      console.error(error);
      socket.close(1011);
    }
  });
}

function push(socket, count, ms) {
  let sent = 0;
  const send = () => {
    if (sent === count || socket.readyState !== socket.OPEN) return;
    socket.send(String(sent));
    sent += 1;
    setTimeout(send, ms);
  };
  send();
}

const server = http.createServer(
  // Shorter than the default of 60 s, so that slow clients are judged in seconds.
  { headersTimeout: 1500, connectionsCheckingInterval: 250 },
  (request, response) => response.writeHead(request.url === '/hello' ? 200 : 426, { Upgrade: 'websocket' }).end(),
);
const handshakes = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE });

server.on('upgrade', (request, socket, head) => {
  const target = URL.canParse(request.url, 'http://subject') ? new URL(request.url, 'http://subject') : {};
  const serve = sockets[target.pathname];
  if (!serve) {
    const code = target.pathname === '/ws/reject' ? 403 : 404;
    return socket.end(`HTTP/1.1 ${code} ${http.STATUS_CODES[code]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
  handshakes.handleUpgrade(request, socket, head, (open) => {
    // The library answers what is wrong; without a listener the process would end.
    open.on('error', () => {});
    serve(open, target.searchParams);
  });
});

process.on('SIGTERM', () => {
  for (const client of handshakes.clients) client.close(1001);
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), 3000).unref();
});
server.listen(Number(process.argv[2]), '127.0.0.1');
