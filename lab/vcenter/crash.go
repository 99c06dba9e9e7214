package main

import (
	"log/slog"
	"net/http"
	"runtime/debug"
)

// crashOnPanic ends the program when a request panics. The simulator leaves the object of such a
// request locked, so that all later requests for it would wait for ever: better no vCenter than
// one that hangs.
func crashOnPanic(next http.Handler, log *slog.Logger, exit func(code int)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if cause := recover(); cause != nil {
				log.Error("a request made the vCenter fail: this is our bug",
					"request", r.Method+" "+r.URL.Path, "cause", cause, "stack", string(debug.Stack()))
				exit(exitOurBug)
			}
		}()

		next.ServeHTTP(w, r)
	})
}
