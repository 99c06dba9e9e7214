package center

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/vmware/govmomi/vapi/tags"
)

// typePrefix is how a client may name a type of object; a real vCenter answers without it.
const typePrefix = "urn:vim25:"

// categoryPath is where REST keeps the categories of tags.
const categoryPath = "/com/vmware/cis/tagging/category"

// categoryRequest is what creates or updates a category.
type categoryRequest struct {
	Create *tags.Category `json:"create_spec,omitempty"`
	Update *tags.Category `json:"update_spec,omitempty"`
}

// normalizeCategories makes a tag category hold its types as a real vCenter does: without prefix,
// and an update adds types in whatever order it names them. The simulator keeps both as they come,
// so that a category differs from its description for ever.
func normalizeCategories(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, categoryPath) || (r.Method != http.MethodPost && r.Method != http.MethodPatch) {
			next.ServeHTTP(w, r)
			return
		}

		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}

		var request categoryRequest
		if json.Unmarshal(body, &request) == nil {
			if request.Create != nil {
				request.Create.AssociableTypes = withoutPrefix(request.Create.AssociableTypes)
			}
			if request.Update != nil && len(request.Update.AssociableTypes) > 0 {
				known := currentTypes(next, r)
				for _, name := range withoutPrefix(request.Update.AssociableTypes) {
					if !slices.Contains(known, name) {
						known = append(known, name)
					}
				}
				request.Update.AssociableTypes = known
			}
			if request.Create != nil || request.Update != nil {
				if body, err = json.Marshal(request); err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					return
				}
			}
		}

		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		next.ServeHTTP(w, r)
	})
}

// currentTypes asks for the types that the category of a request has.
func currentTypes(rest http.Handler, r *http.Request) []string {
	question := r.Clone(r.Context())
	question.Method = http.MethodGet
	question.Body = http.NoBody
	question.ContentLength = 0

	answer := &heldAnswer{header: make(http.Header), status: http.StatusOK}
	rest.ServeHTTP(answer, question)

	var category struct {
		Value tags.Category `json:"value"`
	}
	// Without a category the update that follows says so itself.
	if answer.status != http.StatusOK || json.Unmarshal(answer.body.Bytes(), &category) != nil {
		return nil
	}

	return category.Value.AssociableTypes
}

func withoutPrefix(names []string) []string {
	short := make([]string, len(names))
	for i, name := range names {
		short[i] = strings.TrimPrefix(name, typePrefix)
	}

	return short
}
