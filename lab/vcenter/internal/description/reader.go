package description

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// field reads one value; it reports what is wrong with it to the reader it was made by.
type field func(n *yaml.Node, path string)

// fields are the keys of a mapping. All are required, no other is allowed.
type fields map[string]field

// reader walks the nodes of one file and collects its faults.
type reader struct {
	file   string
	faults Faults
}

func (r *reader) fault(n *yaml.Node, path, format string, args ...any) {
	r.faults = append(r.faults, Fault{File: r.file, Line: n.Line, Path: path, What: fmt.Sprintf(format, args...)})
}

// syntax reports text that is not YAML. The library puts the line into the message.
func (r *reader) syntax(err error) {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0

	if m := yamlLine.FindStringSubmatchIndex(what); m != nil {
		line, _ = strconv.Atoi(what[m[2]:m[3]]) // the pattern matches digits only
		what = what[:m[0]] + what[m[1]:]
	}

	r.fault(&yaml.Node{Line: line}, "", "not YAML: %s. Correct the syntax.", what)
}

// pairs calls f for each key of a mapping that is a plain string and stands there once.
func (r *reader) pairs(n *yaml.Node, path string, f func(key, value *yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		r.fault(n, path, "%s instead of a mapping. Keys with values are allowed. Correct it.", shown(n))
		return false
	}

	seen := make(map[string]int)

	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]

		if line, ok := seen[key.Value]; ok {
			r.fault(key, join(path, key.Value), "stands twice, first in line %d. A key is allowed once. Remove one.", line)
			continue
		}
		seen[key.Value] = key.Line

		f(key, value)
	}

	return true
}

// mapping reads a mapping whose keys are known.
func (r *reader) mapping(n *yaml.Node, path string, known fields) {
	allowed := slices.Sorted(maps.Keys(known))

	given := make(map[string]bool)

	ok := r.pairs(n, path, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			r.fault(key, join(path, key.Value), "unknown key. Allowed here: %s. Remove or correct it.", strings.Join(allowed, ", "))
			return
		}
		given[key.Value] = true
		read(value, join(path, key.Value))
	})
	if !ok {
		return
	}

	for _, key := range allowed {
		if !given[key] {
			r.fault(n, join(path, key), "missing. The key is required. Add it.")
		}
	}
}

// named reads a mapping of names that the author chose, in the order of the names.
func (r *reader) named(n *yaml.Node, path string, read func(name string, n *yaml.Node, path string)) {
	values := make(map[string]*yaml.Node)

	ok := r.pairs(n, path, func(key, value *yaml.Node) {
		if !namePattern.MatchString(key.Value) {
			r.fault(key, join(path, key.Value), "%q is not a name. %s. Choose another.", key.Value, nameAllowed)
			return
		}
		values[key.Value] = value
	})
	if !ok {
		return
	}

	if len(values) == 0 {
		r.fault(n, path, "empty. At least one entry is required. Add one.")
	}

	for _, name := range slices.Sorted(maps.Keys(values)) {
		read(name, values[name], join(path, name))
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}

	return path + "." + key
}
