package description

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with a description.
type Fault struct {
	File string
	Line int    // 0 when the fault concerns the whole file
	Path string // dotted path of keys, empty for the document
	What string // what is wrong, what is allowed, what to do
}

// Error renders the fault as `file:line: path: what`.
func (f Fault) Error() string {
	var b strings.Builder

	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	b.WriteString(": ")
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.What)

	return b.String()
}

// Faults is every fault of one description.
type Faults []Fault

// Error renders one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}

	return strings.Join(lines, "\n")
}
