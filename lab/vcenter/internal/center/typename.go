package center

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// A real vCenter's switch is a VmwareDistributedVirtualSwitch, and the provider insists on it. The
// simulator's own code depends on the name of its base type, so the name changes at the boundary.
//
// Only the name of a managed object's type may change, never that of a data type which begins
// alike (VmwareDistributedVirtualSwitchVlanIdSpec), hence the delimiters.
var (
	incoming = replacer{
		{[]byte(`type="VmwareDistributedVirtualSwitch"`), []byte(`type="DistributedVirtualSwitch"`)},
		{[]byte(`>VmwareDistributedVirtualSwitch<`), []byte(`>DistributedVirtualSwitch<`)},
		{[]byte(`"VmwareDistributedVirtualSwitch"`), []byte(`"DistributedVirtualSwitch"`)},
	}
	outgoing = replacer{
		{[]byte(`"DistributedVirtualSwitch"`), []byte(`"VmwareDistributedVirtualSwitch"`)},
	}
)

type replacer [][2][]byte

func (r replacer) replace(text []byte) []byte {
	for _, pair := range r {
		text = bytes.ReplaceAll(text, pair[0], pair[1])
	}

	return text
}

// renameTypes translates type names in requests and in answers.
func renameTypes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}

		body = incoming.replace(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))

		answer := &heldAnswer{header: w.Header(), status: http.StatusOK}
		next.ServeHTTP(answer, r)

		text := outgoing.replace(answer.body.Bytes())
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(answer.status)
		_, _ = w.Write(text) // a client that went away is no fault of ours
	})
}
