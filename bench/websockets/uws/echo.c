/* uWebSockets, by the C interface of the library that `socketify` on PyPI brings: an echo at /echo, and at
 * /broadcast a room where each message goes to all. Built by `build`; prints its address, and ends with its
 * standard input, as the other contestants do. One thread: a uWebSockets app has no more. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <unistd.h>

/* The part of the C interface that is used here. */
typedef struct uws_app_s uws_app_t;
typedef struct uws_websocket_s uws_websocket_t;
struct us_listen_socket_t;
typedef struct { int port; const char *host; int options; } listen_config;
typedef struct { const char *text[6]; int low_memory; } context_options;
typedef struct {
  int compression;
  unsigned max_payload;
  unsigned short idle_timeout;
  unsigned max_backpressure;
  bool close_on_backpressure, reset_on_send, pings;
  unsigned short max_lifetime;
  void (*upgrade)(void);
  void (*open)(uws_websocket_t *, void *);
  void (*message)(uws_websocket_t *, const char *, size_t, int, void *);
  void (*rest[5])(void);
} behavior;
uws_app_t *uws_create_app(int ssl, context_options options);
void uws_ws(int ssl, uws_app_t *app, const char *pattern, behavior how, void *user);
void uws_app_listen(int ssl, uws_app_t *app, int port, void (*then)(struct us_listen_socket_t *, listen_config, void *), void *user);
void uws_app_run(int ssl, uws_app_t *app);
int uws_ws_send(int ssl, uws_websocket_t *ws, const char *message, size_t len, int opcode);
bool uws_ws_subscribe(int ssl, uws_websocket_t *ws, const char *topic, size_t len);
bool uws_publish(int ssl, uws_app_t *app, const char *topic, size_t topic_len, const char *message, size_t len, int opcode, bool compress);
int us_socket_local_port(int ssl, void *socket);

static uws_app_t *app;
static void echo(uws_websocket_t *ws, const char *message, size_t len, int opcode, void *user) {
  uws_ws_send(0, ws, message, len, opcode);
}
static void join(uws_websocket_t *ws, void *user) { uws_ws_subscribe(0, ws, "all", 3); }
static void publish(uws_websocket_t *ws, const char *message, size_t len, int opcode, void *user) {
  uws_publish(0, app, "all", 3, message, len, opcode, false);
}
static void listening(struct us_listen_socket_t *socket, listen_config config, void *user) {
  if (!socket) exit(1);
  printf("127.0.0.1:%d\n", us_socket_local_port(0, socket));
  fflush(stdout);
}
static void *until_the_end(void *user) {
  char octet;
  while (read(0, &octet, 1) > 0) {}
  _exit(0);
}
int main(void) {
  pthread_t watcher;
  pthread_create(&watcher, NULL, until_the_end, NULL);
  context_options options = {0};
  app = uws_create_app(0, options);
  behavior how = {.max_payload = 1 << 24, .max_backpressure = 1 << 24, .message = echo};
  uws_ws(0, app, "/echo", how, NULL);
  how.open = join;
  how.message = publish;
  uws_ws(0, app, "/broadcast", how, NULL);
  uws_app_listen(0, app, 0, listening, NULL);
  uws_app_run(0, app);
}
