// The subject contract on Go's net/http: `./server PORT`.
//
// Without /fields: net/http hands out fields in a map, under names that it has rewritten.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const file = "A constant resource that never changes.\n"

var began = time.Now()

// From Go 1.22 on, a pattern may name its methods; that of 1.19 leaves them to the handler.
func readOnly(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		handle(w, r)
	}
}

func text(w http.ResponseWriter, content string) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, content)
}

func number(r *http.Request, name string) int {
	number, _ := strconv.Atoi(r.URL.Query().Get(name))
	return number
}

func echo(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(content)
}

func crash(w http.ResponseWriter, r *http.Request) {
	var none []int
	switch r.URL.Query().Get("kind") {
	case "match":
		var any interface{} = "no number"
		_ = any.(int)
	case "divide":
		fmt.Fprint(w, 1/len(none))
	case "index":
		fmt.Fprint(w, none[len(none)])
	case "stream":
		io.WriteString(w, "the first part")
		w.(http.Flusher).Flush()
	case "drop":
		defer func() { panic("in a deferred function") }()
		return
	}
	panic("crash was asked for")
}

func spin(w http.ResponseWriter, r *http.Request) {
	length := time.Duration(number(r, "ms")) * time.Millisecond
	for started := time.Now(); length == 0 || time.Since(started) < length; {
	}
	text(w, "spun\n")
}

func bytes(w http.ResponseWriter, r *http.Request) {
	n := number(r, "n")
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i % 251)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	w.Write(content)
}

func stream(w http.ResponseWriter, r *http.Request) {
	piece := strings.Repeat("x", number(r, "size"))
	w.Header().Set("Content-Type", "text/plain")
	for i := 0; i < number(r, "chunks"); i++ {
		if i > 0 {
			time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
		}
		if _, err := io.WriteString(w, piece); err != nil {
			return
		}
		w.(http.Flusher).Flush()
	}
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", readOnly(func(w http.ResponseWriter, r *http.Request) { text(w, "hello\n") }))
	mux.HandleFunc("/health", readOnly(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"status":"ok"}`)
	}))
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/crash", crash)
	mux.HandleFunc("/hang", func(http.ResponseWriter, *http.Request) { select {} })
	mux.HandleFunc("/spin", spin)
	mux.HandleFunc("/sleep", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
		text(w, "slept\n")
	})
	mux.HandleFunc("/bytes", bytes)
	mux.HandleFunc("/stream", stream)
	mux.HandleFunc("/file", readOnly(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "file.txt", began, strings.NewReader(file))
	}))
	server := &http.Server{
		Addr:    "127.0.0.1:" + os.Args[1],
		Handler: mux,
		// There are none by default. Short, so that slow clients are judged in seconds.
		ReadHeaderTimeout: 2 * time.Second,
		ReadTimeout:       3 * time.Second,
		IdleTimeout:       4 * time.Second,
	}
	stopping, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-stopping.Done()
	// What has not ended by then is cut with the process.
	deadline, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = server.Shutdown(deadline)
}
