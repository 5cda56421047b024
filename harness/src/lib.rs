//! Judges any HTTP or WebSocket server from outside: catalogue, engine, verdicts, traces.
