package center

import (
	"bytes"
	"fmt"

	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// deepCopy copies a data object by way of its encoding, as an answer to a client does.
func deepCopy(from, into any) {
	text, err := xml.Marshal(from)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", from, err)) // every data object has an encoding
	}

	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.TypeFunc = types.TypeFunc()
	if err := decoder.Decode(into); err != nil {
		panic(fmt.Sprintf("decode %T: %v", into, err))
	}
}
