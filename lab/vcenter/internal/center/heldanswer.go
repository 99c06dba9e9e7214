package center

import (
	"bytes"
	"net/http"
)

// heldAnswer keeps an answer back, to be looked at or translated.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is where the handler sets headers.
func (h *heldAnswer) Header() http.Header { return h.header }

// WriteHeader notes the status.
func (h *heldAnswer) WriteHeader(status int) { h.status = status }

// Write adds to the body.
func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }
